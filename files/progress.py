"""Signs of life for the client while an upload is worked on (contract 04 §1.6)."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import structlog
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from files.models import File
from files.serializers import uploaded_wire
from librechat_backend.lib import json, sse
from librechat_backend.lib.aio import cancel
from librechat_backend.lib.bodies import IncomingBody
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.rest import json_response
from librechat_backend.lib.times import to_iso

# The client gives up after 15 s without one.
HEARTBEAT_SECONDS = 1.0
_FAILED = "The file could not be processed."

log = structlog.get_logger(__name__)


def wants_events(request: HttpRequest) -> bool:
    return "text/event-stream" in request.headers.get("Accept", "")


async def answered(storing: Coroutine[Any, Any, File], body: IncomingBody) -> HttpResponseBase:
    """The answer of an upload, or a stream of events when it takes more than a moment.

    What is refused at once is refused as ever: the stream begins when the whole body is here.
    """
    task, ended = asyncio.create_task(storing), asyncio.create_task(body.ended.wait())
    try:
        await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({task}, timeout=HEARTBEAT_SECONDS)
    except asyncio.CancelledError:
        await cancel([task])
        raise
    finally:
        await cancel([ended])
    if task.done():
        return json_response(uploaded_wire(task.result()))
    return StreamingHttpResponse(_events(task), headers=sse.HEADERS)


async def _events(task: asyncio.Task[File]) -> AsyncGenerator[bytes, None]:
    number = 0
    try:
        while not task.done():
            number += 1
            yield _frame(number, "heartbeat", {"keepAlive": number})
            await asyncio.wait({task}, timeout=HEARTBEAT_SECONDS)
        yield _frame(number + 1, *_outcome(task))
        yield _frame(number + 2, "close", {"closedAt": to_iso(timezone.now())})
    finally:
        await cancel([task])  # whoever leaves takes the upload along


def _outcome(task: asyncio.Task[File]) -> tuple[str, JSONDict]:
    try:
        return "data", uploaded_wire(task.result())
    except AppError as error:
        message, code = str(error), error.status
    except Exception:  # noqa: BLE001 - the answer has begun, so this is the only way to tell
        log.exception("upload_failed")
        message, code = _FAILED, 500
    return "error", {"message": message, "code": code, "display_to_user": True}


def _frame(number: int, name: str, data: JSONDict) -> bytes:
    return b"id: %d\n%s" % (number, sse.encode(json.dumps(data), name))
