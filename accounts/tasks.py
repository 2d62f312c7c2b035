"""Background tasks of accounts: links that somebody asked for by naming an address.

Each is enqueued for every address, with an empty id where nobody has it, and does the same work for
nobody as for a person: the requests that follow the answer would tell of a difference.
"""

from accounts.models import User
from librechat_backend.lib.tasks import task


@task
def mail_reset_link(user_id: str) -> None:
    from accounts.services import passwords  # it gives this task

    passwords.mail_reset_link(user=User.objects.filter(pk=user_id).first())


@task
def mail_verification_link(user_id: str) -> None:
    from accounts.services import verification  # it gives this task

    verification.mail_verification_link(user=User.objects.filter(pk=user_id).first())
