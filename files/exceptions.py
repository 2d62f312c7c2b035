"""Refusals of this app. Their messages are shown to people as they are.

Without a colon, before which the client would take every word for the name of a dictionary.
"""

from librechat_backend.lib.errors import AppError, Forbidden, InvalidRequest, NotFound, TooLarge


class UnsupportedType(AppError):
    status = 415


class UploadRefused(InvalidRequest):
    """Something about the upload is wrong; the message says what."""


class UploadTooLarge(TooLarge):
    """``limit`` is in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is too large. At most {megabytes(limit)} MB are allowed.")


class QuotaExceeded(TooLarge):
    """``quota`` is in bytes."""

    def __init__(self, quota: int) -> None:
        super().__init__(
            f"Your files would take more than the {megabytes(quota)} MB you have. "
            "Delete some files first."
        )


class UploadsDisabled(Forbidden):
    def __init__(self) -> None:
        super().__init__("File uploads are switched off here.")


class FileNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("File not found", key="error", message="File not found")


class Unreadable(Exception):
    """A file that cannot be worked on; the message is for people."""


def megabytes(count: int) -> str:
    return f"{count / 1024**2:g}"
