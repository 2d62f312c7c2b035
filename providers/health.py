"""Which keys rest after failures: remembered here, shared through the database.

A key rests when a failure is its own (refused, out of quota, rate limit), or when several calls in
a row of a minute failed for other reasons; but not when all of these are one person's while others
are answered: then it is what that person asks. After its rest one call tries it again; the answer
to that call decides for all. Only failures and recoveries are written; the rows are read again at
most once in ``REREAD_SECONDS``, so another process's finding is heeded at most that much later.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from providers.errors import ErrorKind, ProviderError
from providers.models import KeyHealth
from providers.route_table import Attempt

REREAD_SECONDS = 1.0
PROBE_SECONDS = 60
REMEMBERED_SECONDS = 60.0
REMEMBERED_CALLS = 20
FAILURES_TO_REST = 3
FAILURE_SHARE_TO_REST = 0.5

# First rest and longest rest in seconds; each further rest in a row is twice as long.
_FAULTS_OF_THE_KEY = {
    ErrorKind.AUTHENTICATION: (60, 3600),
    ErrorKind.PERMISSION: (60, 3600),
    ErrorKind.QUOTA: (60, 3600),
    ErrorKind.RATE_LIMIT: (5, 600),
}
_FAULTS_OF_THE_SERVICE = {
    ErrorKind.TIMEOUT: (10, 600),
    ErrorKind.CONNECTION: (10, 600),
    ErrorKind.UPSTREAM: (10, 600),
    ErrorKind.MALFORMED: (10, 600),
}
LONGEST_RETRY_AFTER_SECONDS = 3600
_NEVER = float("-inf")

KeyName = tuple[str, str]  # channel id, key id
Seen = tuple[float, str, bool]  # when, who asked (empty: unknown), whether it failed


def name_of(attempt: Attempt) -> KeyName:
    return attempt.channel.id, attempt.key.id


@dataclass(slots=True)
class _Rest:
    until: datetime
    probe_until: datetime | None


@dataclass(slots=True)
class Board:
    """What this process knows. Reading and writing rows is for database threads."""

    clock: Callable[[], float] = time.monotonic
    _rests: dict[KeyName, _Rest] = field(default_factory=dict)
    _calls: dict[KeyName, deque[Seen]] = field(default_factory=dict)
    _read_at: float = _NEVER
    _first_reading: threading.Lock = field(default_factory=threading.Lock)

    def resting(self) -> dict[KeyName, float]:
        """Keys not to be called now → seconds left; those being tried by somebody among them."""
        if not self._rests:
            return {}
        now = timezone.now()
        left = {name: _seconds_left(rest, now) for name, rest in list(self._rests.items())}
        return {name: seconds for name, seconds in left.items() if seconds > 0}

    def is_stale(self) -> bool:
        return self.clock() - self._read_at >= REREAD_SECONDS

    def reread(self) -> None:
        """One query. Who asks meanwhile goes on with what was known a second ago; where nothing is
        known yet, all wait for it."""
        if self._read_at != _NEVER:
            self._read_at = self.clock()
            self._read()
            return
        with self._first_reading:
            if self._read_at == _NEVER:
                self._read()
                self._read_at = self.clock()

    def _read(self) -> None:
        rows = KeyHealth.objects.values_list("channel_id", "key_id", "rests_until", "probe_until")
        self._rests = {(row[0], row[1]): _Rest(row[2], row[3]) for row in rows}

    def forget(self) -> None:
        """Read the rows anew next time; for tests and after changes by hand."""
        self._read_at = _NEVER
        self._rests.clear()
        self._calls.clear()

    def needs_probe(self, attempt: Attempt) -> bool:
        return name_of(attempt) in self._rests

    def claim_probe(self, attempt: Attempt) -> bool:
        """Whether this call may be the one that tries a rested key. One conditional update."""
        now = timezone.now()
        until = now + timedelta(seconds=PROBE_SECONDS)
        is_ours = bool(
            KeyHealth.objects.of(*name_of(attempt)).probeable(now).update(probe_until=until)
        )
        if rest := self._rests.get(name_of(attempt)):
            rest.probe_until = until
        return is_ours

    def note_success(self, attempt: Attempt, user_id: str = "") -> bool:
        """Remember an answer; True: the key was resting, so ``recover`` is due."""
        self._remember(name_of(attempt), user_id, has_failed=False)
        return name_of(attempt) in self._rests

    def note_failure(self, attempt: Attempt, error: ProviderError, user_id: str = "") -> bool:
        """Remember a failure; True: the key has to rest, so ``rest`` is due."""
        if error.kind in _FAULTS_OF_THE_KEY:
            return True
        if error.kind not in _FAULTS_OF_THE_SERVICE:
            return False
        calls = self._remember(name_of(attempt), user_id, has_failed=True)
        return name_of(attempt) in self._rests or _is_too_much(calls)

    def recover(self, attempt: Attempt) -> None:
        KeyHealth.objects.of(*name_of(attempt)).delete()
        self._rests.pop(name_of(attempt), None)

    def rest(self, attempt: Attempt, error: ProviderError) -> None:
        row = _store_rest(attempt, error)
        self._rests[name_of(attempt)] = _Rest(row.rests_until, None)
        self._calls.pop(name_of(attempt), None)

    def _remember(self, name: KeyName, user_id: str, *, has_failed: bool) -> deque[Seen]:
        calls = self._calls.setdefault(name, deque(maxlen=REMEMBERED_CALLS))
        calls.append((self.clock(), user_id, has_failed))
        while calls[0][0] < self.clock() - REMEMBERED_SECONDS:
            calls.popleft()
        return calls


board = Board()


def _is_too_much(calls: Collection[Seen]) -> bool:
    failed = [user_id for _, user_id, has_failed in calls if has_failed]
    answered = {user_id for _, user_id, has_failed in calls if not has_failed}
    is_much = len(failed) >= FAILURES_TO_REST and len(failed) / len(calls) >= FAILURE_SHARE_TO_REST
    return is_much and not _is_one_persons(set(failed), answered)


def _is_one_persons(failed: set[str], answered: set[str]) -> bool:
    """Whether it is what one person asks that fails, and nobody else's."""
    return len(failed) == 1 and "" not in failed and bool(answered - failed)


def _seconds_left(rest: _Rest, now: datetime) -> float:
    until = max(rest.until, rest.probe_until or rest.until)
    return (until - now).total_seconds()


@transaction.atomic
def _store_rest(attempt: Attempt, error: ProviderError) -> KeyHealth:
    channel_id, key_id = name_of(attempt)
    now = timezone.now()
    fields = {
        "rests_until": now,
        "error_kind": error.kind,
        "error_message": error.message[:400],
        "failed_at": now,
        "probe_until": None,
    }
    row, is_new = KeyHealth.objects.select_for_update().get_or_create(
        channel_id=channel_id, key_id=key_id, defaults=fields
    )
    # Calls that were under way when the rest began do not make it longer.
    if not is_new and row.rests_until > now:
        return row
    for name, value in fields.items():
        setattr(row, name, value)
    row.rests_until = now + timedelta(seconds=rest_seconds(error, row.rests))
    row.rests += 1
    row.save()
    return row


def rest_seconds(error: ProviderError, rests_before: int) -> float:
    """What the provider asks for, else twice as long as the last time within bounds."""
    if error.retry_after_seconds is not None:
        return min(max(error.retry_after_seconds, 1.0), LONGEST_RETRY_AFTER_SECONDS)
    shortest, longest = (_FAULTS_OF_THE_KEY | _FAULTS_OF_THE_SERVICE)[error.kind]
    return float(min(shortest * 2 ** min(rests_before, 16), longest))
