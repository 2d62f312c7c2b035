"""Bodies about API keys → the arguments of services."""

import re
from datetime import datetime

from django.utils import timezone

from gateway.services import TokenFields
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.internal_hosts import parse_network
from librechat_backend.lib.json import JSONValue
from librechat_backend.lib.times import from_iso

MAX_NAME_CHARACTERS = 100
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def parse_new_key(body: JSONValue) -> TokenFields:
    """What the chat's client sends for a new key. Raises InvalidRequest (contract 04 §13.1)."""
    if not isinstance(body, dict):
        raise InvalidRequest("The request body must be a JSON object.", key="error")
    fields: TokenFields = {"name": parse_name(body.get("name"))}
    if body.get("expiresAt"):
        fields["expires_at"] = parse_moment(body["expiresAt"])
    return fields


def parse_name(value: JSONValue) -> str:
    """Control characters, which no page shows, become spaces."""
    name = _CONTROLS.sub(" ", value).strip() if isinstance(value, str) else ""
    if not name or _SURROGATES.search(name):
        raise InvalidRequest("A name is required", key="error")
    if len(value) > MAX_NAME_CHARACTERS:
        raise InvalidRequest(f"name: at most {MAX_NAME_CHARACTERS} characters", key="error")
    return name


def parse_moment(value: JSONValue) -> datetime:
    try:
        moment = from_iso(value if isinstance(value, str) else "")
        if moment <= timezone.now():
            raise ValueError
    except ValueError:
        raise InvalidRequest("expiresAt: expected a date to come", key="error") from None
    return moment


def parse_networks(lines: list[str]) -> list[str]:
    """Addresses and networks in their canonical form. Raises ValueError naming the first wrong."""
    found = []
    for line in lines:
        try:
            found.append(str(parse_network(line)))
        except ValueError:
            raise ValueError(f"“{line}” is no address or network such as 10.0.0.0/8.") from None
    return found
