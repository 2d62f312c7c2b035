"""Row locks on people."""

from accounts.models import User
from librechat_backend.lib.errors import NotAuthenticated


def lock_user(user: User) -> User:
    """Their row as it is now, and nobody else's change of what hangs on this lock until the end of
    the transaction. Rows that refer to the person may be written meanwhile. Raises NotAuthenticated
    where the account was deleted a moment ago."""
    locked = User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
    if locked is None:
        raise NotAuthenticated
    return locked
