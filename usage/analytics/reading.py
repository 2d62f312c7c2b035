"""What was used: chosen, and added up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Sum

from usage.analytics.measures import ANSWERED, ERRORS
from usage.models import GroupOfPathNow, GroupOfRequest, UsageDaily, UsageTail

Sums = dict[str, int]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which requests: days of UTC, both included, and what they have in common; empty: anything.

    ``group``: asked by members of this group or of one below it. ``within``: the groups whose
    requests may be seen at all; None: all requests.
    """

    begin: date
    end: date
    face: str = ""
    preset: str = ""
    model: str = ""
    channel_id: str = ""
    token_id: str = ""
    user_id: str = ""
    group: int | None = None
    within: frozenset[int] | None = None

    def of_cells(self) -> Q:
        """Condition on days and the tail."""
        condition = Q(day__gte=self.begin, day__lte=self.end)
        for name in ("face", "preset", "model", "channel_id", "token_id", "user_id"):
            if value := getattr(self, name):
                condition &= Q(**{name: value})
        for groups in self._restrictions():
            condition &= Q(path__in=paths_of(groups))
        return condition

    def of_requests(self) -> Q:
        """The same condition on the log of requests."""
        begin = datetime.combine(self.begin, time(), UTC)
        end = datetime.combine(self.end, time(), UTC) + timedelta(days=1)
        condition = Q(created_at__gte=begin, created_at__lt=end)
        columns = {
            "face": "face", "preset": "preset_slug", "channel_id": "channel_id",
            "token_id": "token_id", "user_id": "user_id",
        }  # fmt: skip
        for name, column in columns.items():
            if value := getattr(self, name):
                condition &= Q(**{column: value})
        if self.model:
            condition &= of_model(self.model)
        for groups in self._restrictions():
            condition &= asked_within(groups)
        return condition

    def _restrictions(self) -> list[Iterable[int]]:
        own = [] if self.group is None else [[self.group]]
        return [*own, *([] if self.within is None else [self.within])]


def paths_of(groups: Iterable[int]) -> QuerySet[GroupOfPathNow, Any]:
    """The paths that name one of ``groups``."""
    return GroupOfPathNow.objects.filter(group_id__in=sorted(groups)).values("path")


def of_model(model: str) -> Q:
    """Condition on the log: answered by ``model``, or asked for it and answered by none."""
    return Q(served_model=model) | Q(served_model="", requested_model=model)


def asked_within(groups: Iterable[int]) -> Q:
    """Condition on the log: by somebody who was in one of ``groups`` then, or below it."""
    named = GroupOfRequest.objects.filter(request_id=OuterRef("pk"), group_id__in=sorted(groups))
    return Q(Exists(named))


# Numbers of the dashboard → the requests they count.
COUNTED = {
    "answered": Q(status__in=ANSWERED),
    "errors": Q(status__in=ERRORS),
    "cache_hits": ~Q(cache=""),
    "unpriced": Q(status__in=ANSWERED, cost_credits=None),
    "zero_priced": Q(status__in=ANSWERED, cost_credits=0),
}


def add_up(
    selection: Selection, *, by: Sequence[str], measures: Sequence[str]
) -> dict[tuple[Any, ...], Sums]:
    """The values of ``by`` → sums of ``measures``. One query, so of one moment.

    Days and the tail are added up each for itself and put together here: databases use the order
    of the days only when they do not have to mix something in.
    """
    condition = selection.of_cells()
    days, tail = (_added_up(model, condition, by, measures) for model in (UsageDaily, UsageTail))
    found: dict[tuple[Any, ...], Sums] = {}
    count = len(by)
    for row in days.union(tail, all=True):
        sums = found.setdefault(tuple(row[:count]), dict.fromkeys(measures, 0))
        for name, value in zip(measures, row[count:], strict=True):
            sums[name] += value or 0
    return found


def _added_up(
    model: type[Model], condition: Q, by: Sequence[str], measures: Sequence[str]
) -> QuerySet[Any, Any]:
    rows: QuerySet[Any, Any] = model._default_manager.filter(condition).order_by()
    sums = {f"sum_{name}": Sum(name) for name in measures}
    added: QuerySet[Any, Any] = rows.values(*by).annotate(**sums).values_list(*by, *sums)
    return added
