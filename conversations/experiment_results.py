"""What came of an experiment: per variant cost, speed, failures, answers asked for again, thumbs.

Two queries whatever the number of variants; each returns a row per person.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Sum

from conversations.models import Message
from presets.experiments import CONTROL
from usage.models import RequestLog
from usage.statistics import Estimate, difference, ratio

ANSWERS = ("chat",)
_FAILED = (RequestLog.Status.FAILED, RequestLog.Status.PARTIAL)
# The client's names (contract 03).
_UP, _DOWN = "thumbsUp", "thumbsDown"


@dataclass(frozen=True, slots=True)
class Measure:
    """``is_good``: whether more is better; ``unit``: "credits", "ms" or "share"."""

    name: str
    unit: str
    is_good: bool
    of: Callable[[dict[str, Any]], tuple[float, float]]


MEASURES = (
    Measure("Cost of an answer", "credits", False, lambda p: (p["cost"], p["priced"])),
    Measure("First words after", "ms", False, lambda p: (p["first_ms"], p["begun"])),
    Measure("Whole answer after", "ms", False, lambda p: (p["total_ms"], p["answered"])),
    Measure("Failed or broken off", "share", False, lambda p: (p["failed"], p["requests"])),
    Measure("Asked for again", "share", False, lambda p: (p["again"], p["answers"])),
    Measure("Thumbs up, of those with a thumb", "share", True, lambda p: (p["up"], p["thumbs"])),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """``change``: against those who do not take part; None for themselves."""

    measure: Measure
    estimate: Estimate | None
    change: Estimate | None = None

    @property
    def verdict(self) -> str:
        """ "better", "worse" or nothing, where it may be chance."""
        if self.change is None or self.change.low is None or self.change.high is None:
            return ""
        if self.change.low <= 0 <= self.change.high:
            return ""
        return "better" if (self.change.low > 0) == self.measure.is_good else "worse"


@dataclass(frozen=True, slots=True)
class VariantResult:
    name: str
    people: int
    requests: int
    figures: tuple[Figure, ...]


def results_of(experiment: str, variants: Iterable[str]) -> list[VariantResult]:
    """Those who do not take part first, then ``variants`` in their order."""
    people = _people(experiment)
    control = _estimates(people[CONTROL])
    return [
        VariantResult(
            name=name,
            people=len(people[name]),
            requests=int(sum(person["requests"] for person in people[name].values())),
            figures=_figures(_estimates(people[name]), control if name != CONTROL else None),
        )
        for name in (CONTROL, *variants)
    ]


Person = dict[str, Any]


def _estimates(people: dict[Any, Person]) -> list[Estimate | None]:
    return [ratio(measure.of(person) for person in people.values()) for measure in MEASURES]


def _figures(
    estimates: list[Estimate | None], control: list[Estimate | None] | None
) -> tuple[Figure, ...]:
    compared = control or [None] * len(estimates)
    return tuple(
        Figure(measure, mine, difference(mine, theirs) if mine and theirs else None)
        for measure, mine, theirs in zip(MEASURES, estimates, compared, strict=True)
    )


def _people(experiment: str) -> defaultdict[str, dict[Any, Person]]:
    """Variant → person → sums."""
    found: defaultdict[str, dict[Any, Person]] = defaultdict(dict)
    for row in (*_requests(experiment), *_answers(experiment)):
        variant, user_id = row.pop("variant"), row.pop("user_id")
        person = found[variant].setdefault(user_id, defaultdict(float))
        for name, value in row.items():
            person[name] += value or 0
    return found


def _requests(experiment: str) -> Iterable[Any]:
    """By way of the chat and of the API."""
    begun, answered = Q(first_token_ms__isnull=False), Q(status=RequestLog.Status.OK)
    rows = RequestLog.objects.filter(experiment=experiment, cache="")
    rows = rows.exclude(operation__in=("title", "summary", "memory"))
    rows = rows.exclude(status=RequestLog.Status.REFUSED)
    return rows.order_by().values("variant", "user_id").annotate(
        requests=Count("pk"),
        failed=Count("pk", filter=Q(status__in=_FAILED)),
        priced=Count("cost_credits"),
        cost=Sum("cost_credits"),
        begun=Count("pk", filter=begun),
        first_ms=Sum("first_token_ms", filter=begun),
        answered=Count("pk", filter=answered),
        total_ms=Sum("total_ms", filter=answered),
    )  # fmt: skip


def _answers(experiment: str) -> Iterable[Any]:
    """Of the chat: who presses "regenerate" makes a younger answer to the same question."""
    mine = Message.objects.filter(message_id=OuterRef("message_id"), user_id=OuterRef("user_id"))
    younger = Message.objects.filter(
        conversation_id=OuterRef("conversation_id"),
        parent_message_id=OuterRef("parent_message_id"),
        is_created_by_user=False,
        created_at__gt=OuterRef("created_at"),
    )
    rows = RequestLog.objects.filter(experiment=experiment, operation__in=ANSWERS)
    return (
        rows.exclude(message_id="")
        .order_by()
        .values("variant", "user_id")
        .annotate(
            answers=Count("pk", filter=Exists(mine)),
            again=Count("pk", filter=Exists(mine.filter(Exists(younger)))),
            thumbs=Count("pk", filter=Exists(mine.filter(feedback__rating__in=[_UP, _DOWN]))),
            up=Count("pk", filter=Exists(mine.filter(feedback__rating=_UP))),
        )
    )
