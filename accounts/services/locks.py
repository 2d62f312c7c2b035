"""Row locks on people."""

from accounts.models import User


def lock_user(user: User) -> User:
    """Their row as it is now, and nobody else's change of what hangs on this lock until the end of
    the transaction. Rows that refer to the person may be written meanwhile."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)
