"""Run one turn: let its models answer, and tell how it ended.

The engine knows neither readers nor rows of the end; see ``jobs`` for its life.
"""

import asyncio
from collections.abc import Sequence
from itertools import count

from conversations.chat import memory_agent, outcomes
from conversations.chat.column_run import ColumnRun, Emit
from conversations.chat.content import TurnState
from conversations.chat.events import TurnEvent
from conversations.chat.outcomes import Ending
from conversations.services.turns import Outcome, Turn
from presets.resolver import ResolvedTurn


class Engine:
    """One answer. ``state`` is what has been emitted so far, at every moment."""

    def __init__(self, turn: Turn, emit: Emit) -> None:
        self.turn = turn
        self.state = TurnState()
        self._emit_to_log = emit
        indices = count()
        self._runs = [
            ColumnRun(
                turn, column, number=number, indices=indices, state=self.state, emit=self._emit
            )
            for number, column in enumerate(turn.columns)
        ]

    async def run(self) -> Outcome:
        """The outcome, errors of providers included; only cancellation is raised."""
        listener = memory_agent.listen(self.turn)
        endings = await _together(self._runs)
        if listener is not None:
            await self._emit(await listener.wait())
        if len(endings) > 1:
            return outcomes.side_by_side(self.state, endings)
        return outcomes.alone(self.state, endings[0], has_retained=bool(self.turn.retained))

    @property
    def served(self) -> ResolvedTurn | None:
        """The preset that answers alone, instead of what was asked for."""
        return self._runs[0].served if len(self._runs) == 1 else None

    async def _emit(self, events: Sequence[TurnEvent]) -> None:
        if not events:
            return
        # Into the state first: an abort between the two keeps what a reader may have seen.
        for event in events:
            self.state.apply(event)
        await self._emit_to_log(events)


async def _together(runs: Sequence[ColumnRun]) -> list[Ending]:
    """All of them to their ends; an error nobody expected ends the others."""
    if len(runs) == 1:
        return [await runs[0].run()]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run.run()) for run in runs]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]
