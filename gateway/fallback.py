"""Where a budget is used up that names a preset, that one answers (usage/ledger/fallbacks.py)."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from gateway.calls import Call
from gateway.errors import ApiError
from gateway.http import Reply, StreamReply
from providers.failover import OverBudget

PRESET_HEADER, REASON_HEADER = "x-fallback-preset", "x-fallback-reason"
_PLAIN = " :;,./()"

View = Callable[[Call], Awaitable[Reply | StreamReply]]


async def answer_paid(view: View, call: Call) -> Reply | StreamReply:
    """What ``view`` answers, and raises. Where no other preset can answer this either, the first
    refusal stands."""
    first: OverBudget | None = None
    while True:
        try:
            reply = await view(call)
        except OverBudget as error:
            first = first or error
            if not call.move_on(error.refused):
                call.stay()
                raise first from None
        except ApiError:
            if first is None:
                raise
            call.stay()
            raise first from None
        else:
            return _told(reply, call, first)


def _told(
    reply: Reply | StreamReply, call: Call, refused: OverBudget | None
) -> Reply | StreamReply:
    if refused is not None:
        reply.headers[PRESET_HEADER] = call.entry.preset_slug
        reply.headers[REASON_HEADER] = quote(str(refused.refused), safe=_PLAIN)
    return reply
