"""From the query of a request to what is selected and how it is grouped."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rest_framework.request import Request

from librechat_backend.lib.errors import InvalidFields
from usage.analytics.reading import Selection
from usage.models import RequestLog

DEFAULT_DAYS = 30
LONGEST_DAYS = 731
# Names in queries and answers → dimensions of the days.
OWN_GROUPINGS = {
    "day": "day", "model": "model", "preset": "preset", "face": "face", "status": "status",
    "key": "token_id",
}  # fmt: skip
GROUPINGS = {**OWN_GROUPINGS, "user": "user_id", "channel": "channel_id", "group": "group"}
_OWN_FILTERS = ("preset", "model", "face")


@dataclass(frozen=True, slots=True)
class Asked:
    selection: Selection
    grouping: str


def own_usage(request: Request, user_id: str) -> Asked:
    """Of one person. Raises InvalidFields."""
    begin, end = _span(request)
    given = {name: request.query_params.get(name, "") for name in _OWN_FILTERS}
    given["token_id"] = request.query_params.get("key", "")
    selection = Selection(begin, end, user_id=user_id, **_checked(given))
    return Asked(selection, _grouping(request, OWN_GROUPINGS))


def any_usage(request: Request, within: frozenset[int] | None) -> Asked:
    """Of everybody whose requests may be seen. Raises InvalidFields."""
    begin, end = _span(request)
    asked = request.query_params
    given: dict[str, Any] = {name: asked.get(name, "") for name in _OWN_FILTERS}
    given |= {f"{name}_id": asked.get(name, "") for name in ("user", "channel")}
    given |= {"token_id": asked.get("key", ""), "group": _group(asked.get("group", ""))}
    selection = Selection(begin, end, within=within, **_checked(given))
    return Asked(selection, _grouping(request, GROUPINGS))


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    if given["face"] and given["face"] not in RequestLog.Face.values:
        raise InvalidFields({"face": [f"One of {', '.join(RequestLog.Face.values)}."]})
    return given


def _group(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidFields({"group": ["Enter the number of a group."]})
    return int(text)


def _grouping(request: Request, known: Collection[str]) -> str:
    name = request.query_params.get("groupBy", "day")
    if name not in known:
        raise InvalidFields({"groupBy": [f"One of {', '.join(known)}."]})
    return name


def _span(request: Request) -> tuple[date, date]:
    end = _day(request, "to") or datetime.now(UTC).date()
    begin = _day(request, "from") or end - timedelta(days=DEFAULT_DAYS - 1)
    if begin > end:
        raise InvalidFields({"from": ["This is after the last day."]})
    if (end - begin).days >= LONGEST_DAYS:
        raise InvalidFields({"from": ["Two years at most."]})
    return begin, end


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidFields({name: ["Enter a day as YYYY-MM-DD."]}) from error
