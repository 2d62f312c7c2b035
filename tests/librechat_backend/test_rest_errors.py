"""What the views' last resort makes of errors."""

from types import SimpleNamespace

from django.db import DataError

from librechat_backend.lib.rest import exception_handler


def test_refusal_of_the_database_is_told_where_nobody_signs_in() -> None:
    """None is a 500 with the refusal in the log; an error of the handler's own would hide it."""
    context = {"request": SimpleNamespace(user=None)}
    assert exception_handler(DataError("value too long"), context) is None
