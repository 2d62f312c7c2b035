"""Access tokens. The only import site of simplejwt's token classes (contract 01 §4.1)."""

from dataclasses import dataclass
from datetime import timedelta

import jwt
from django.conf import settings
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken, Token

from accounts.models import User
from librechat_backend.lib.crypto import token_hash


class InvalidAccessToken(ValueError):
    """``str(error)`` is the reason in the contract's words (§1.2)."""


def issue_access_token(user: User) -> str:
    """A JWT, HS256 under JWT_SECRET, with the claims the contract names.

    simplejwt adds ``jti`` and ``token_type``; the latter keeps a token made for another purpose
    from opening the API.
    """
    token = AccessToken()
    token["id"] = user.pk
    token["username"] = user.username
    token["provider"] = user.provider
    token["email"] = user.email
    return str(token)


def verify_access_token(token: str) -> str:
    """The id of the user to whom ``token`` was issued. Raises InvalidAccessToken."""
    try:
        user_id = AccessToken(token).get("id")  # type: ignore[arg-type]
    except TokenError as error:
        raise InvalidAccessToken(_reason(error)) from error
    if not isinstance(user_id, str):
        raise InvalidAccessToken("jwt malformed")
    return user_id


class _TwoFactorToken(Token):
    """Its type keeps it from opening the API."""

    token_type = "two_factor"  # noqa: S105 — a type
    lifetime = timedelta(minutes=5)


def issue_two_factor_token(user: User) -> str:
    """For who gave the right password and owes the second factor (§4.8)."""
    token = _TwoFactorToken()
    token["userId"] = user.pk
    token["twoFAPending"] = True
    return str(token)


def verify_two_factor_token(token: str) -> str:
    """The id of the user; empty for a token that is not good."""
    try:
        return str(_TwoFactorToken(token).get("userId", ""))  # type: ignore[arg-type]
    except TokenError:
        return ""


@dataclass(frozen=True, slots=True)
class ConsoleClaims:
    """``mark`` is that of the password the token was given for."""

    user_id: str
    mark: str


class _ConsoleToken(Token):
    """Its type keeps it from opening the chat's API."""

    token_type = "console"  # noqa: S105 — a type
    lifetime = settings.CONSOLE_TOKEN_LIFETIME


def issue_console_token(user: User) -> str:
    """For programs that keep accounts, keys and channels."""
    token = _ConsoleToken()
    token["id"] = user.pk
    token["mark"] = password_mark(user)
    return str(token)


def verify_console_token(token: str) -> ConsoleClaims | None:
    """None for anything else, an expired one included."""
    try:
        claims = _ConsoleToken(token)  # type: ignore[arg-type]
    except TokenError:
        return None
    return ConsoleClaims(str(claims.get("id", "")), str(claims.get("mark", "")))


def password_mark(user: User) -> str:
    """Another one as soon as the password is another one."""
    return token_hash(f"{user.pk}:{user.password}")[:16]


def _reason(error: TokenError) -> str:
    if isinstance(error, ExpiredTokenError):
        return "jwt expired"
    # simplejwt folds all other causes into one; PyJWT's own exception is two links down.
    backend_error = error.__cause__
    if backend_error and isinstance(backend_error.__cause__, jwt.InvalidSignatureError):
        return "invalid signature"
    return "jwt malformed"
