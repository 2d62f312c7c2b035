"""Bodies of the console → the arguments of services. What is wrong is InvalidRequest."""

import re
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from accounts.models.user import NO_ADDRESS
from accounts.validation import Registration, parse_registration
from gateway.console.wire import DISABLED, ENABLED, KIND_BY_TYPE, NEVER
from gateway.models import ApiToken
from gateway.services import TokenFields
from gateway.validation import parse_name, parse_networks
from librechat_backend.lib import json
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.guard import problem_with
from providers.models import Channel
from providers.registry import SERVICES

_MAX_NUMBER = 2**31 - 1
_MAX_TEXT_CHARACTERS, _MAX_WORDS, _MAX_WORD_CHARACTERS = 20_000, 2000, 500
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?=[a-z0-9])){1,60}")
_LIMITS = ("requests_per_minute", "tokens_per_minute", "parallel_requests")


def object_of(data: JSONValue) -> JSONDict:
    if not isinstance(data, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    return data


def text(body: JSONDict, name: str, *, limit: int = 500) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit or not _is_storable(value):
        raise InvalidRequest(f"{name}: expected text of at most {limit} characters.")
    return value.strip()


def _is_storable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in value


def integer(body: JSONDict, name: str, *, low: int = 0, high: int = _MAX_NUMBER) -> int | None:
    value = body.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 5.0 is a whole number in JSON
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidRequest(f"{name}: expected a whole number from {low} to {high}.")
    return value


def boolean(body: JSONDict, name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidRequest(f"{name}: expected true or false.")
    return value


def words(body: JSONDict, name: str) -> list[str]:
    """A list, or text with commas or line breaks between."""
    value = body.get(name)
    if isinstance(value, str) and len(value) <= _MAX_TEXT_CHARACTERS and _is_storable(value):
        parts = re.split(r"[,\n]", value)
    elif isinstance(value, list) and len(value) <= _MAX_WORDS and all(map(_is_word, value)):
        parts = value
    else:
        raise InvalidRequest(f"{name}: expected names, with commas between.")
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _is_word(value: JSONValue) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_WORD_CHARACTERS and _is_storable(value)


def registration(data: JSONValue) -> Registration:
    """The e-mail may stand in the place of the user name; where it need not be, one nobody has is
    made up."""
    body = dict(object_of(data))
    email = text(body, "email") or text(body, "username")
    if settings.USERNAME_SIGNUP and "@" not in email:
        email = made_up_address(email)
    name = text(body, "username").partition("@")[0]
    fields = {
        "name": text(body, "display_name") or name,
        "username": name,
        "email": email,
        "password": body.get("password"),
        "confirm_password": body.get("password"),
    }
    return parse_registration(fields)


def made_up_address(username: str) -> str:
    """Raises InvalidRequest for what is no part of an address."""
    name = username.lower()
    if not _USERNAME.fullmatch(name):
        raise InvalidRequest("username: expected letters, digits, dots, dashes and underscores.")
    return name + NO_ADDRESS


def token_fields(data: JSONValue, *, is_new: bool) -> TokenFields:
    body = object_of(data)
    fields: dict[str, Any] = {}
    if is_new or "name" in body:
        fields["name"] = parse_name(body.get("name"))
    if (status := integer(body, "status", low=ENABLED, high=DISABLED)) is not None:
        fields["is_active"] = status == ENABLED
    if "expired_time" in body:
        fields["expires_at"] = _expiry(body)
    fields |= _quota(body)
    limits = words(body, "model_limits") if "model_limits" in body else None
    if (limited := boolean(body, "model_limits_enabled")) is not None:
        names = (limits or []) if limited else None
        fields |= {"model_names": names, "preset_slugs": names}
    if "allow_ips" in body:
        fields["networks"] = _networks(body)
    fields |= {name: integer(body, name, low=1) for name in _LIMITS if name in body}
    return fields  # type: ignore[return-value]


def _expiry(body: JSONDict) -> datetime | None:
    seconds = integer(body, "expired_time", low=NEVER, high=253_402_300_799)
    return None if seconds in (None, NEVER) else datetime.fromtimestamp(seconds or 0, UTC)


def _quota(body: JSONDict) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    unlimited = boolean(body, "unlimited_quota")
    quota = integer(body, "remain_quota", high=2**53 - 1)
    if unlimited:
        fields["quota_tokens"] = None
    elif quota is not None:
        fields |= {"quota_tokens": quota, "quota_window": ApiToken.QuotaWindow.TOTAL}
    if (window := body.get("quota_window")) is not None:
        if window not in ApiToken.QuotaWindow.values:
            raise InvalidRequest(f"quota_window: {', '.join(ApiToken.QuotaWindow.values)}.")
        fields["quota_window"] = window
    return fields


def _networks(body: JSONDict) -> list[str] | None:
    """Empty text is no limit, as in the document; an empty list is nowhere."""
    given = body["allow_ips"]
    if given is None or given == "":
        return None
    try:
        return parse_networks(words(body, "allow_ips"))
    except ValueError as error:
        raise InvalidRequest(f"allow_ips: {error}") from error


def apply_to_channel(channel: Channel, data: JSONValue, *, is_new: bool) -> list[str]:
    """Put what ``data`` says into ``channel``; returns the new secrets, if it brings any."""
    body = object_of(data)
    if is_new or "type" in body or "provider" in body:
        channel.kind = _kind(body)
    if is_new or "name" in body:
        channel.name = parse_name(body.get("name"))
    if "base_url" in body:
        channel.base_url = _address(body)
    if "models" in body:
        channel.model_names = words(body, "models")
    if "model_mapping" in body:
        channel.model_mapping = _mapping(body["model_mapping"])
    if (status := integer(body, "status", low=ENABLED, high=DISABLED)) is not None:
        channel.is_active = status == ENABLED
    if (priority := integer(body, "priority", low=-_MAX_NUMBER)) is not None:
        channel.priority = priority
    channel.weight = integer(body, "weight", low=1) or channel.weight
    return [] if body.get("key") is None else words(body, "key")


def _address(body: JSONDict) -> str:
    url = text(body, "base_url")
    if url and (problem := problem_with(url)):
        raise InvalidRequest(f"base_url: {problem}")
    return url


def _kind(body: JSONDict) -> str:
    """The number of the document, or the name of a service."""
    given = body.get("type")
    kind = KIND_BY_TYPE.get(given, "") if type(given) is int else given
    provider = body.get("provider", kind)
    for named in (kind, provider) if "type" in body else (provider,):
        if not isinstance(named, str) or named not in SERVICES:
            raise InvalidRequest(f"type: expected one of {', '.join(map(str, KIND_BY_TYPE))}.")
    return str(provider)


def _mapping(value: JSONValue) -> dict[str, str]:
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except json.DecodeError:
            value = None
    pairs = value.items() if isinstance(value, dict) else [("", None)]
    if not all(isinstance(n, str) and isinstance(v, str) and v for n, v in pairs):
        raise InvalidRequest("model_mapping: expected an object of names.")
    return dict(pairs)
