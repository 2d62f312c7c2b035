"""Errors every app raises and the two faces render (contract 01 §1.2)."""

from collections.abc import Mapping

from librechat_backend.lib.json import JSONDict


class AppError(Exception):
    """A refusal a person or program is told about.

    ``key`` is the member that carries the text: some LibreChat routes say ``message``, others
    ``error``. ``fields`` are further members of the body (``code``, ``type``, ``info``, …).
    """

    status = 400

    def __init__(
        self,
        message: str = "",
        /,
        *,
        status: int | None = None,
        key: str = "message",
        headers: dict[str, str] | None = None,
        **fields: object,
    ) -> None:
        super().__init__(message)
        self.status = status or self.status
        self.headers = headers or {}
        self._body: JSONDict = ({key: message} if message else {}) | fields

    def body(self) -> JSONDict:
        """The JSON body of the answer."""
        return self._body


class InvalidRequest(AppError):
    status = 400


class InvalidFields(InvalidRequest):
    """``errors``: the name of each field that is wrong → what is wrong with it, for people.

    The name ``__all__`` stands for the whole (Django's forms call it so, too).
    """

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        self.errors = {name: list(messages) for name, messages in errors.items() if messages}
        super().__init__(
            " ".join(message for messages in self.errors.values() for message in messages),
            errors=self.errors,
        )


class NotAuthenticated(AppError):
    """The access token is missing or unusable. 401 means nothing else (contract 01 §10.5)."""

    status = 401


class Forbidden(AppError):
    status = 403


class NotFound(AppError):
    status = 404


class Conflict(AppError):
    status = 409


class TooLarge(AppError):
    status = 413


class TooManyRequests(AppError):
    status = 429


class NotReady(AppError):
    """The client repeats a chat start by itself after this one (contract 02 §2.6)."""

    status = 503

    def __init__(self, message: str) -> None:
        super().__init__(
            message, key="error", headers={"Retry-After": "1"}, code="SERVER_NOT_READY"
        )


class MalformedJSON(InvalidRequest):
    def __init__(self) -> None:
        super().__init__(
            "Invalid JSON format",
            key="error",
            message="The request body contains malformed JSON",
        )
