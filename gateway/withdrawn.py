"""Calls that still run when their key ends: revoked, or its person deactivated, banned or deleted;
or when the address they come from is banned.

The next request is refused by gateway/access.py; an answer being written may take minutes more, so
those that run are looked at now and then, and cut off.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog
from django.db import DatabaseError

from accounts.services.bans import banned_addresses
from gateway.access import Caller
from gateway.errors import AddressBanned, ApiError, InvalidKey
from gateway.models import ApiToken
from gateway.stamps import fresh_stamps
from librechat_backend.lib.aio import in_database, spawn
from librechat_backend.lib.per_loop import PerLoop

WATCH_SECONDS = 2.0

log = structlog.get_logger(__name__)


class CutOffWhenWithdrawn:
    """What runs inside ends soon after the caller's key or address may no more.

    Raises InvalidKey or AddressBanned then. ``stamps``: as of them both were good.
    """

    def __init__(self, caller: Caller, ip_address: str) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - servers run applications in tasks
        self.token_id, self.stamps = caller.token.id, caller.stamps
        self.ip_address = ip_address
        self._task, self._watch = task, _watches.get()
        self._reason: ApiError | None = None
        self._cuts = 0

    def __enter__(self) -> None:
        self._watch.add(self)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """A cancellation goes on where the caller left, or the server ends."""
        self._watch.calls.discard(self)
        if isinstance(error, asyncio.CancelledError) and self._was_cut():
            log.info("api_call_cut_off", token=self.token_id)
            raise self._reason or InvalidKey("This API key does not work any more.") from None

    def cut(self, reason: ApiError | None = None) -> None:
        """Again until it is heard: libraries swallow a cancellation that meets what they wait
        for."""
        self._reason = reason or self._reason
        self._cuts += 1
        self._task.cancel()

    def _was_cut(self) -> bool:
        """Whether that, and nothing else besides, cancelled the task."""
        cancelled = self._task.cancelling()
        for _ in range(self._cuts):
            cancelled = self._task.uncancel()
        return bool(self._cuts) and not cancelled


class _Watch:
    """The running calls of one event loop; nothing is asked while there is none."""

    def __init__(self) -> None:
        self.calls: set[CutOffWhenWithdrawn] = set()
        self._is_watching = False

    def add(self, call: CutOffWhenWithdrawn) -> None:
        self.calls.add(call)
        if not self._is_watching:
            self._is_watching = True
            spawn(self._keep_looking(), name="withdrawn keys")

    async def _keep_looking(self) -> None:
        try:
            while self.calls:
                await asyncio.sleep(WATCH_SECONDS)
                try:
                    await self._look()
                except DatabaseError as error:
                    log.warning("keys_unreadable", reason=str(error))
        finally:
            self._is_watching = False

    async def _look(self) -> None:
        stamps = await fresh_stamps()
        doubtful = [call for call in self.calls if call.stamps != stamps]
        if not doubtful:
            return
        good = await in_database(_good_tokens, {call.token_id for call in doubtful})
        banned, now = await in_database(banned_addresses, stamps.access), datetime.now(UTC)
        for call in doubtful:
            if call.token_id not in good:
                call.cut()
            elif banned.holds(call.ip_address, now):
                call.cut(AddressBanned())
            else:
                call.stamps = stamps


_watches = PerLoop(_Watch)


def _good_tokens(token_ids: Iterable[str]) -> set[str]:
    """Those not revoked, of people who may come in; one query."""
    rows = ApiToken.objects.filter(pk__in=token_ids, is_active=True, user__is_active=True)
    rows = rows.exclude(user__bans__expires_at__gt=datetime.now(UTC))
    return set(rows.values_list("pk", flat=True))
