"""What people type into the sign-in and registration forms (contract 01 §4.2, §4.5)."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.identity.configuration import asks_directory
from accounts.models.user import normalize_email
from accounts.proof import Proof
from librechat_backend.lib.errors import AppError, InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue

NAME_LENGTHS = (3, 80)
USERNAME_LENGTHS = (2, 80)
EMAIL_MAX_LENGTH = 254
PASSWORD_MAX_LENGTH = 128
CODE_ENVIRONMENTS = ("user", "agent-user", "conversation")

_FORBIDDEN_IN_USERNAMES = re.compile(r"'|--|\$ne|\$gt|\$lt|\$or|[{}*;<>/=]", re.IGNORECASE)


class InvalidForm(AppError):
    """The body names each field and what is wrong with it."""

    status = 404  # sic: contract 01 §4.2


@dataclass(frozen=True, slots=True)
class Credentials:
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Registration:
    name: str
    username: str
    email: str
    password: str


def parse_credentials(data: JSONValue) -> Credentials:
    """A directory has rules of its own for names and passwords. Raises InvalidForm."""
    fields = data if isinstance(data, dict) else {}
    if not fields.get("email") or not fields.get("password"):
        raise InvalidForm("Missing credentials")
    if asks_directory():
        _require(fields, {"email": _login_problem, "password": _login_problem})
        return Credentials(fields["email"].strip(), fields["password"])
    _require(fields, {"email": email_problem, "password": password_problem})
    return Credentials(normalize_email(fields["email"]), fields["password"])


def parse_registration(data: JSONValue) -> Registration:
    """Unknown members are ignored: nobody chooses a role for themselves. Raises InvalidForm."""
    fields = data if isinstance(data, dict) else {}
    fields = fields | {"username": fields.get("username") or ""}

    def confirmation_problem(value: object) -> str | None:
        return None if value == fields.get("password") else "The passwords did not match"

    _require(
        fields,
        {
            "name": name_problem,
            "username": username_problem,
            "email": email_problem,
            "password": password_problem,
            "confirm_password": confirmation_problem,
        },
    )
    return Registration(
        name=fields["name"].strip(),
        username=fields["username"].strip(),
        email=normalize_email(fields["email"]),
        password=fields["password"],
    )


@dataclass(frozen=True, slots=True)
class NewPassword:
    user_id: str
    token: str
    password: str


def parse_new_password(data: JSONValue) -> NewPassword:
    """The client shows the same page for whatever is wrong. Raises InvalidRequest."""
    fields = data if isinstance(data, dict) else {}
    user_id, token, password = (_text(fields, name) for name in ("userId", "token", "password"))
    if problem := password_problem(password):
        raise InvalidRequest(f"password: {problem}")
    if fields.get("confirm_password") != password:
        raise InvalidRequest("confirm_password: The passwords did not match")
    return NewPassword(user_id, token, password)


@dataclass(frozen=True, slots=True)
class Verification:
    email: str
    token: str


def parse_verification(data: JSONValue) -> Verification:
    """The address comes as it stood in the link, escaped or not. Nothing is refused here."""
    fields = data if isinstance(data, dict) else {}
    address = {"email": unquote(_text(fields, "email"))}  # escaped, NUL has not been seen so far
    return Verification(parse_address(address), _text(fields, "token"))


def parse_address(data: JSONValue) -> str:
    """Any text passes: what is no address has no account. Empty: none."""
    return normalize_email(_text(data if isinstance(data, dict) else {}, "email"))


def parse_invite_token(data: JSONValue) -> str:
    """Empty: none. The client sends the word ``undefined`` where its page has no token."""
    token = _text(data if isinstance(data, dict) else {}, "token")
    return "" if token == "undefined" else token  # noqa: S105 — the client's word for none


def parse_proof(data: JSONValue) -> Proof:
    """``{token}`` or ``{backupCode}``; neither is an empty proof."""
    fields = data if isinstance(data, dict) else {}
    return Proof(code=_text(fields, "token"), backup_code=_text(fields, "backupCode"))


def parse_temporary_token(data: JSONValue) -> str:
    """Raises InvalidRequest."""
    token = _text(data if isinstance(data, dict) else {}, "tempToken")
    if not token:
        raise InvalidRequest("Missing temporary token")
    return token


def parse_code_environment(data: JSONValue) -> str:
    """Raises InvalidRequest."""
    chosen = _text(data if isinstance(data, dict) else {}, "statefulCodeEnvironment")
    if chosen not in CODE_ENVIRONMENTS:
        raise InvalidRequest(
            f"statefulCodeEnvironment: expected one of {', '.join(CODE_ENVIRONMENTS)}"
        )
    return chosen


def is_allowed_domain(email: str) -> bool:
    """Whether accounts may have this address; with an empty list, any may."""
    allowed = settings.ALLOWED_REGISTRATION_DOMAINS
    return not allowed or email.rpartition("@")[2].lower() in allowed


def _text(fields: JSONDict, name: str) -> str:
    """A member without the characters no database stores; anything but a text counts as none."""
    value = fields.get(name)
    return value.replace("\0", "") if isinstance(value, str) else ""


def _require(fields: JSONValue, checks: dict[str, Callable[[object], str | None]]) -> None:
    found = {name: check(fields.get(name)) for name, check in checks.items()}
    problems = [f"{name}: {problem}" for name, problem in found.items() if problem]
    if problems:
        raise InvalidForm(" ".join(problems))


def name_problem(value: object) -> str | None:
    """What is wrong with a display name, or None; likewise below."""
    return _text_problem(value, NAME_LENGTHS)


def username_problem(value: object) -> str | None:
    if value == "":
        return None
    if problem := _text_problem(value, USERNAME_LENGTHS):
        return problem
    if _FORBIDDEN_IN_USERNAMES.search(str(value)):
        return "Invalid characters in username"
    return None


def email_problem(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > EMAIL_MAX_LENGTH:
        return "Invalid email"
    try:
        validate_email(normalize_email(value))
    except ValidationError:
        return "Invalid email"
    return None


def _login_problem(value: object) -> str | None:
    return _text_problem(value, (1, EMAIL_MAX_LENGTH))


def password_problem(value: object) -> str | None:
    shortest = settings.MIN_PASSWORD_LENGTH
    if not isinstance(value, str) or len(value) < shortest:
        return f"Must contain at least {shortest} characters"
    if len(value) > PASSWORD_MAX_LENGTH:
        return f"Must contain at most {PASSWORD_MAX_LENGTH} characters"
    if not value.strip():
        return "Password cannot be only spaces"
    return "Must not contain control characters" if _has_control_characters(value) else None


def _text_problem(value: object, lengths: tuple[int, int]) -> str | None:
    shortest, longest = lengths
    if not isinstance(value, str) or len(value.strip()) < shortest:
        return f"Must contain at least {shortest} characters"
    if len(value) > longest:
        return f"Must contain at most {longest} characters"
    return "Must not contain control characters" if _has_control_characters(value) else None


def _has_control_characters(value: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in value)
