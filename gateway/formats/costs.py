"""What an answer cost, in USD, among its figures: a member ``cost``, as OpenRouter has it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from providers.types import Usage

# Inside of a string the quotation marks would be escaped.
_USAGE = re.compile(rb'"usage"\s*:\s*\{')


@dataclass(slots=True)
class PricedUsage(Usage):
    """``cost_usd`` None: there is no price."""

    cost_usd: float | None = None


def priced(usage: Usage, cost_usd: float | None) -> PricedUsage:
    return PricedUsage(**asdict(usage), cost_usd=cost_usd)


def total(usages: Sequence[Usage]) -> Usage:
    """What several answers took together."""
    names = [field.name for field in fields(Usage) if field.name != "tells_media"]
    sums = {name: sum(getattr(usage, name) for usage in usages) for name in names}
    return Usage(**sums, tells_media=all(usage.tells_media for usage in usages))


def cost_wire(usage: Usage) -> JSONDict:
    """The member, where there is a price."""
    cost = usage.cost_usd if isinstance(usage, PricedUsage) else None
    return {} if cost is None else {"cost": cost}


def with_cost(body: bytes, cost_usd: float | None) -> bytes:
    """A provider's JSON with the member put into its ``usage``; without one, as it came."""
    if cost_usd is None:
        return body
    places = [match.end() for match in _USAGE.finditer(body)]
    if not places:
        return body
    # Other members may have that name, too (the schema of a tool), and the provider's own cost is
    # not ours.
    if len(places) > 1 or b'"cost"' in body[places[0] :]:
        return _replaced(body, cost_usd)
    head, tail = body[: places[0]], body[places[0] :]
    comma = b"" if tail.lstrip().startswith(b"}") else b","
    return b'%b"cost":%b%b%b' % (head, json.dumps(cost_usd), comma, tail)


def at_no_cost(body: bytes) -> bytes:
    """An answer, whole or as frames, that is given again for nothing."""
    if b'"cost":' not in body:
        return body
    if not body.startswith((b"data:", b"event:")):
        return _replaced(body, 0)
    return b"\n\n".join(map(_frame_at_no_cost, body.split(b"\n\n")))


def _frame_at_no_cost(frame: bytes) -> bytes:
    head, data, value = frame.rpartition(b"data: ")
    return head + data + _replaced(value, 0) if b'"cost":' in value else frame


def _replaced(body: bytes, cost_usd: float) -> bytes:
    """As it came where it is nested deeper than can be written."""
    value = json.loads(body)
    if not json.is_writable(body, value):
        return body
    for holder in (value, value.get("response")):  # the Responses API nests it
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict) and ("cost" in usage or holder is value):
            usage["cost"] = cost_usd
    return json.dumps(value)
