"""Refusals of the API, and how OpenAI's and Anthropic's dialects write them. Pure.

401 and 403 are about the caller's own key alone; trouble with ours upstream is 502.
"""

from librechat_backend.lib.errors import AppError
from librechat_backend.lib.json import JSONDict
from providers.errors import ErrorKind, ProviderError

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_OPENAI_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}

_UPSTREAM = {
    ErrorKind.RATE_LIMIT: (429, "upstream_rate_limit"),
    ErrorKind.CONTEXT_LENGTH: (400, "context_length_exceeded"),
    ErrorKind.CONTENT_FILTER: (400, "content_filter"),
    ErrorKind.INVALID_REQUEST: (400, None),
    ErrorKind.TIMEOUT: (504, "upstream_timeout"),
    ErrorKind.NO_CHANNEL: (503, "no_channel"),
    ErrorKind.AUTHENTICATION: (502, "upstream_credentials"),
    ErrorKind.PERMISSION: (502, "upstream_credentials"),
    ErrorKind.QUOTA: (502, "upstream_credentials"),
    ErrorKind.UNPRICED: (503, "no_price"),
}
_CREDENTIALS = "The server's own access to this provider does not work at the moment."


class ApiError(AppError):
    """``code`` and ``param`` are OpenAI's members of an error, ``details`` Anthropic's."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        details: JSONDict | None = None,
    ) -> None:
        super().__init__(message, status=status, headers=headers)
        self.message, self.code, self.param = message, code, param
        self.details = details


class InvalidKey(ApiError):
    def __init__(
        self, message: str = "Incorrect API key provided.", *, code: str = "invalid_api_key"
    ) -> None:
        super().__init__(message, status=401, code=code, headers={"WWW-Authenticate": "Bearer"})


class MissingKey(InvalidKey):
    def __init__(self) -> None:
        super().__init__(
            "No API key provided. Send it as “Authorization: Bearer sk-…”.", code="missing_api_key"
        )


class NotAllowedHere(ApiError):
    def __init__(self) -> None:
        super().__init__(
            "This API key may not be used from your address.", status=403, code="ip_not_allowed"
        )


class AddressBanned(ApiError):
    def __init__(self) -> None:
        super().__init__("Your address is banned for a while.", status=403, code="address_banned")


class UnknownModel(ApiError):
    """Says the same of a model that is not there and of one the caller may not use."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The model `{name[:200]}` does not exist or you do not have access to it.",
            status=404,
            code="model_not_found",
            param="model",
        )


def invalid(param: str, expected: str) -> ApiError:
    return ApiError(f"Invalid value for '{param}': expected {expected}.", param=param)


def not_stored(response_id: str) -> ApiError:
    """As OpenAI says it of a response it has not, or no longer."""
    return ApiError(
        f"Response with id '{response_id[:200]}' not found: nothing is stored here.",
        status=404,
        param="id",
        code="response_not_found",
    )


def from_provider(error: ProviderError) -> ApiError:
    """What the caller hears of a provider's failure."""
    status, code = _UPSTREAM.get(error.kind, (502, "upstream_error"))
    message = _CREDENTIALS if code == "upstream_credentials" else error.message
    seconds = error.retry_after_seconds
    headers = {"Retry-After": str(max(1, round(seconds)))} if status == 429 and seconds else {}
    return ApiError(message, status=status, code=code, headers=headers)


def openai_body(error: ApiError) -> JSONDict:
    kind = _OPENAI_TYPES.get(error.status) or (
        "invalid_request_error" if error.status < 500 else "server_error"
    )
    return {
        "error": {
            "message": error.message, "type": kind, "param": error.param, "code": error.code,
        }
    }  # fmt: skip


def anthropic_body(error: ApiError) -> JSONDict:
    kind = _ANTHROPIC_TYPES.get(error.status, "api_error")
    details = {"details": error.details} if error.details else {}
    return {"type": "error", "error": {"type": kind, "message": error.message, **details}}
