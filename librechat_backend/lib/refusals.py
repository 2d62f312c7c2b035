"""What a database refuses for good, told from what it may take later."""

from django.db import DataError, Error, IntegrityError, NotSupportedError, ProgrammingError

_CLASSES = (DataError, IntegrityError, NotSupportedError)
# PostgreSQL's, where Django's classes say less: beyond what the program can do (too long for an
# index, nested too deep), beyond a view, refused by a trigger.
_STATE_CLASSES = frozenset({"54", "44", "P0"})
_WRONG_TYPE = "42804"


def is_for_good(error: Error) -> bool:
    """Whether the same values will be refused again; not of a database that is away, busy, full,
    or not yet migrated.
    """
    if isinstance(error, _CLASSES):
        return True
    state = _state(error)
    # The way there knows no type for a value. Django's own kinds of it tell of the transaction.
    if type(error) is ProgrammingError and not state:
        return True
    return state[:2] in _STATE_CLASSES or state == _WRONG_TYPE


def require_for_good(error: Exception) -> None:
    """Raises ``error`` itself when it is of a database that may take the same values later."""
    if isinstance(error, Error) and not is_for_good(error):
        raise error


def _state(error: Error) -> str:
    """PostgreSQL's five characters; empty where no database said anything."""
    return getattr(error.__cause__, "sqlstate", None) or ""
