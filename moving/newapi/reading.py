"""Rows of one-api and new-api → what this server makes of them. Pure.

Each function names in ``left_out`` what the row says and this server has no place for.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from librechat_backend.lib import json
from moving.newapi.channel_types import Flavour, Service, find_service
from moving.newapi.values import (
    Deleted,
    Row,
    Unreadable,
    boolean,
    identity,
    integer,
    is_empty,
    mapping,
    moment,
    names,
    text,
    words,
)

ENABLED, EXPIRED = 1, 3
ADMINISTRATOR = 10
DELETED_USER = 3
CODE_LENGTH_MIN = 8  # of a voucher; theirs have 32
CREDITS_PER_USD = 1_000_000
DEFAULT_UNITS_PER_USD = 500_000

_KEYLESS = frozenset({"compatible", "ollama"})
# Read for a channel, a key and a person. What else a row says is listed in the report.
CHANNEL_COLUMNS = frozenset(
    {
        "id", "type", "key", "status", "name", "weight", "priority", "base_url", "models", "group",
        "model_mapping", "param_override", "header_override", "openai_organization", "other",
        "config", "channel_info", "created_time",
    }
)  # fmt: skip
TOKEN_COLUMNS = frozenset(
    {
        "id", "user_id", "key", "status", "name", "created_time", "accessed_time", "expired_time",
        "remain_quota", "unlimited_quota", "model_limits_enabled", "model_limits", "models",
        "allow_ips", "subnet", "deleted_at", "used_quota",
    }
)  # fmt: skip
USER_COLUMNS = frozenset(
    {
        "id", "username", "password", "display_name", "role", "status", "email", "quota",
        "used_quota", "request_count", "group", "deleted_at", "created_at",
    }
)  # fmt: skip
# Measurements and leftovers of the other server that mean nothing here.
MEASUREMENTS = frozenset(
    {
        "test_time", "response_time", "balance", "balance_updated_time", "used_quota", "auto_ban",
        "test_model", "other_info", "access_token", "aff_code", "aff_count", "last_login_at",
        "auth_version", "need_reconcile", "billing_type",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChannelKey:
    secret: str
    is_active: bool
    label: str = ""


@dataclass(slots=True)
class Channel:
    source_id: int
    name: str
    service: Service
    base_url: str
    keys: list[ChannelKey]
    model_names: list[str]
    model_mapping: dict[str, str]
    headers: dict[str, str]
    options: dict[str, str]
    parameter_overrides: dict[str, Any]
    priority: int
    weight: int
    groups: list[str]
    is_active: bool
    left_out: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Token:
    """``remaining_units`` None: no quota of its own. None in a list: no limit."""

    source_id: int
    user_id: int
    secret: str
    name: str
    is_active: bool
    expires_at: datetime | None
    created_at: datetime | None
    last_used_at: datetime | None
    remaining_units: int | None
    model_names: list[str] | None
    networks: list[str] | None
    left_out: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    """``password`` is a bcrypt hash, or empty."""

    source_id: int
    username: str
    email: str
    name: str
    password: str
    is_administrator: bool
    is_active: bool
    group: str
    units: int
    used_units: int
    requests: int
    created_at: datetime | None
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Voucher:
    code: str
    name: str
    units: int
    expires_at: datetime | None


def read_channel(row: Row, flavour: Flavour) -> Channel:
    """Raises Unreadable."""
    number = integer(row, "type")
    service = find_service(flavour, number)
    if service is None:
        raise Unreadable(f"type {number}: there is no such service here")
    left_out = _left_out(row, CHANNEL_COLUMNS)
    channel = Channel(
        source_id=identity(row),
        name=text(row, "name")[:100] or f"{service.label} {identity(row)}",
        service=service,
        base_url=_base_url(row, service),
        keys=_channel_keys(row, left_out),
        model_names=names(row, "models"),
        model_mapping=_model_mapping(row, left_out),
        headers=_headers(row, left_out),
        options=_options(row, service, left_out),
        parameter_overrides=_parameter_overrides(row, left_out),
        priority=_bounded(integer(row, "priority")),
        weight=max(1, _bounded(integer(row, "weight"))),
        groups=names(row, "group") or ["default"],
        is_active=integer(row, "status", ENABLED) == ENABLED,
        left_out=left_out,
    )
    if not channel.keys and service.kind not in _KEYLESS:
        raise Unreadable("it has no key")
    return channel


def _base_url(row: Row, service: Service) -> str:
    entered = text(row, "base_url")
    if entered and not entered.startswith(("http://", "https://")):
        raise Unreadable("base_url is no http address")
    address = service.base_url(entered)
    if "{model}" in address:
        raise Unreadable("base_url holds {model}")
    if not address and service.kind in ("compatible", "azure"):
        raise Unreadable("it has no base_url")
    return address[:500]


def _channel_keys(row: Row, left_out: list[str]) -> list[ChannelKey]:
    info = _mapping(row, "channel_info", left_out)
    states = info.get("multi_key_status_list") or {}
    reasons = info.get("multi_key_disabled_reason") or {}
    found: dict[str, ChannelKey] = {}
    for index, secret in enumerate(_secrets(text(row, "key"))):
        state = states.get(str(index), ENABLED) if isinstance(states, dict) else ENABLED
        reason = reasons.get(str(index), "") if isinstance(reasons, dict) else ""
        found.setdefault(secret, ChannelKey(secret, state == ENABLED, str(reason)[:100]))
    return list(found.values())


def _secrets(raw: str) -> list[str]:
    """One a line, or a JSON list of texts."""
    if raw.startswith("["):
        try:
            return [each for each in json.loads(raw) if isinstance(each, str)]
        except json.DecodeError:
            pass
    return [line.strip() for line in raw.splitlines() if line.strip()]


def _model_mapping(row: Row, left_out: list[str]) -> dict[str, str]:
    """Name people use → name at the service; a mapping may lead through other names."""
    raw = {
        name: target
        for name, target in _mapping(row, "model_mapping", left_out).items()
        if isinstance(target, str) and target
    }
    return {name: _end_of_chain(name, raw) for name in raw}


def _end_of_chain(name: str, mapping: dict[str, str]) -> str:
    seen = {name}
    target = mapping[name]
    while target in mapping and target not in seen:
        seen.add(target)
        target = mapping[target]
    return target


def _headers(row: Row, left_out: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _mapping(row, "header_override", left_out).items():
        if isinstance(value, str) and "{" not in value and name.replace("-", "").isalnum():
            found[name] = value
        else:
            left_out.append(f"header_override: {name}")
    if organization := text(row, "openai_organization"):
        found["OpenAI-Organization"] = organization
    return found


def _options(row: Row, service: Service, left_out: list[str]) -> dict[str, str]:
    config = _mapping(row, "config", left_out)
    version = str(config.pop("api_version", "") or "")
    other = text(row, "other")
    if service.kind == "azure":
        version, other = version or other, ""
    left_out += [f"config: {name}" for name, value in config.items() if value]
    left_out += ["other"] if other else []
    return {"api_version": version} if version and service.kind == "azure" else {}


def _parameter_overrides(row: Row, left_out: list[str]) -> dict[str, Any]:
    """new-api's list of operations, and paths into nested fields, have no equal here."""
    found = _mapping(row, "param_override", left_out)
    refused = [name for name in found if name == "operations" or "." in name]
    left_out += [f"param_override: {name}" for name in refused]
    return {name: value for name, value in found.items() if name not in refused}


def read_token(row: Row, now: datetime) -> Token:
    """Raises Unreadable."""
    secret = text(row, "key").removeprefix("sk-")
    if not (secret.isascii() and secret.isalnum() and 32 <= len(secret) <= 128):
        raise Unreadable("its key is not 32 to 128 letters and digits")
    if not is_empty(row, "deleted_at"):
        raise Deleted("it was deleted")
    expires_at = moment(row, "expired_time")
    left_out = _left_out(row, TOKEN_COLUMNS)
    units = None if boolean(row, "unlimited_quota") else max(0, integer(row, "remain_quota"))
    return Token(
        source_id=identity(row),
        user_id=integer(row, "user_id"),
        secret=f"sk-{secret}",
        name=text(row, "name")[:100] or f"key {identity(row)}",
        is_active=units != 0 and _is_on(integer(row, "status", ENABLED), expires_at, now),
        expires_at=expires_at,
        created_at=moment(row, "created_time"),
        last_used_at=moment(row, "accessed_time"),
        remaining_units=units,
        model_names=_token_models(row),
        networks=_networks(row, left_out),
        left_out=left_out,
    )


def _is_on(status: int, expires_at: datetime | None, now: datetime) -> bool:
    """What has expired is told by its date."""
    if status == EXPIRED:
        return expires_at is not None and expires_at <= now
    return status == ENABLED


def _token_models(row: Row) -> list[str] | None:
    if boolean(row, "model_limits_enabled"):
        return names(row, "model_limits")
    return names(row, "models") or None


def _networks(row: Row, left_out: list[str]) -> list[str] | None:
    """Entries nobody can read let nobody in."""
    entries = words(row, "allow_ips") or words(row, "subnet")
    found = []
    for entry in entries:
        try:
            found.append(str(ipaddress.ip_network(entry, strict=False)))
        except ValueError:
            left_out.append("an address in the list of allowed ones")
    return found if entries else None


def read_person(row: Row) -> Person:
    """Raises Unreadable."""
    if not is_empty(row, "deleted_at") or integer(row, "status", ENABLED) == DELETED_USER:
        raise Deleted("the account was deleted")
    password = text(row, "password")
    left_out = _left_out(row, USER_COLUMNS)
    if password and not password.startswith(("$2a$", "$2b$", "$2y$")):
        left_out.append("password (it is no bcrypt hash)")
        password = ""
    return Person(
        source_id=identity(row),
        username=text(row, "username")[:80],
        email=text(row, "email").lower(),
        name=(text(row, "display_name") or text(row, "username"))[:80],
        password=password,
        is_administrator=integer(row, "role") >= ADMINISTRATOR,
        is_active=integer(row, "status", ENABLED) == ENABLED,
        group=text(row, "group") or "default",
        units=integer(row, "quota"),
        used_units=integer(row, "used_quota"),
        requests=integer(row, "request_count"),
        created_at=moment(row, "created_at"),
        left_out=left_out,
    )


def read_voucher(row: Row, now: datetime) -> Voucher:
    """Raises Unreadable; Deleted for one nobody could redeem any more."""
    if integer(row, "status", ENABLED) != ENABLED or not is_empty(row, "deleted_at"):
        raise Deleted("it was used, or switched off")
    expires_at = moment(row, "expired_time")
    if expires_at is not None and expires_at <= now:
        raise Deleted("its time is over")
    code, units = text(row, "key"), integer(row, "quota")
    if len(code) < CODE_LENGTH_MIN or units <= 0:
        raise Unreadable("it has no code, or is worth nothing")
    return Voucher(code, text(row, "name")[:200], units, expires_at)


def credits_of(units: int, units_per_usd: int) -> int:
    """Rounded down: nobody gets more than they had."""
    return units * CREDITS_PER_USD // units_per_usd


def _left_out(row: Row, read: frozenset[str]) -> list[str]:
    return [
        name
        for name in row
        if name not in read and name not in MEASUREMENTS and not is_empty(row, name)
    ]


def _mapping(row: Row, name: str, left_out: list[str]) -> dict[str, Any]:
    """What cannot be read is left out, the rest of the row is not."""
    try:
        return mapping(row, name)
    except Unreadable as problem:
        left_out.append(str(problem))
        return {}


def _bounded(value: int) -> int:
    """Within what the database can hold."""
    return min(max(value, -(2**31) + 1), 2**31 - 1)
