"""Remembering changes of groups, assignments and rules."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db.models import Max

from accounts.models import User
from accounts.models.change import RuleChange
from librechat_backend.lib.json import JSONDict

Kind = RuleChange.Kind
REASON_MAX_LENGTH = 500
_reason: ContextVar[str] = ContextVar("reason", default="")


@contextmanager
def because(reason: str | None) -> Iterator[None]:
    """Why everything that is changed inside is changed.

    A page or a file changes groups, members and assignments at once, for one reason.
    """
    token = _reason.set((reason or "").strip()[:REASON_MAX_LENGTH])
    try:
        yield
    finally:
        _reason.reset(token)


def given_reason() -> str:
    return _reason.get()


def remember(
    *,
    actor: User | None,
    kind: Kind,
    subject: str,
    name: str,
    before: JSONDict | None,
    after: JSONDict | None,
) -> None:
    """Inside changing_rules(), whose lock counts the versions; nothing where nothing differs.

    ``before`` and ``after`` are whole states; kept is what differs. None: it did not exist.
    """
    if before is not None and after is not None:
        names = [each for each in {**before, **after} if before.get(each) != after.get(each)]
        before = {each: before.get(each) for each in names}
        after = {each: after.get(each) for each in names}
    if before == after:
        return
    earlier = RuleChange.objects.filter(kind=kind, subject=subject)
    newest = earlier.aggregate(newest=Max("version"))["newest"] or 0
    RuleChange.objects.create(
        kind=kind,
        subject=subject,
        name=name[:300],
        version=newest + 1,
        before=before,
        after=after,
        reason=given_reason(),
        user=actor,
    )
