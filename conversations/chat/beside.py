"""Calls of models beside an answer, which has the last credits before them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from conversations.services.turns import Turn
from providers.failover import OverBudget

T = TypeVar("T")


async def after_answer(
    turn: Turn, call: Callable[[], Awaitable[T]], *, is_put_off: asyncio.Event | None = None
) -> T:
    """What ``call`` returns, once each answer of ``turn`` has put aside what it needs.

    Where they left too little, it is made again when they are stored, and ``is_put_off`` is set
    until then. Raises OverBudget, and what ``call`` raises.
    """
    for column in turn.columns:
        await column.is_asked.wait()
    may_wait = not turn.is_stored.is_set()
    try:
        return await call()
    except OverBudget as error:
        if not (error.refused.is_busy and may_wait):
            raise
    if is_put_off is not None:
        is_put_off.set()
    await turn.is_stored.wait()
    return await call()
