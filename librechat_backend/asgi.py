"""The ASGI application: which part of the server answers which request."""

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "librechat_backend.settings")

from channels.routing import URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()  # before anything that imports models

import providers.client  # noqa: E402
from conversations.chat import runtime  # noqa: E402
from conversations.routing import websocket_urlpatterns  # noqa: E402
from files.housekeeping import clean_regularly  # noqa: E402
from gateway.application import application as gateway  # noqa: E402
from gateway.last_use import write_uses  # noqa: E402
from librechat_backend import lean_urls  # noqa: E402
from librechat_backend.client import ClientFiles  # noqa: E402
from librechat_backend.gate import Gate  # noqa: E402
from librechat_backend.health import READINESS, health  # noqa: E402
from librechat_backend.lean import LeanHandler  # noqa: E402
from librechat_backend.lib.aio import cancel, close_database_threads, spawn  # noqa: E402
from librechat_backend.lib.task_worker import WorkerThreads  # noqa: E402
from librechat_backend.metrics import metrics  # noqa: E402
from librechat_backend.static import static_files  # noqa: E402
from usage.analytics.housekeeping import count_regularly  # noqa: E402
from usage.ledger.spending import close_spender  # noqa: E402
from usage.limits import close_limiter  # noqa: E402
from usage.recorder import close_recorder  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

HEALTH_PATHS = {"/health", "/livez", "/readyz", "/health/live", "/health/ready"}
DJANGO_PREFIXES = ("/api/", "/oauth/", "/images/", "/admin")
DJANGO_PAGES = {"/billing", "/keys"}
# The client's own page within one of these (contract 01 §2.4).
CLIENT_PAGE = "/oauth/success"

lean = LeanHandler(lean_urls.urlpatterns)
gated_django = Gate(django_application)
websockets: Application = URLRouter(websocket_urlpatterns)
# Without a built client, Django answers with the page of our own.
client: Application = (
    ClientFiles(Path(settings.LIBRECHAT_CLIENT_DIR))
    if settings.LIBRECHAT_CLIENT_DIR
    else gated_django
)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await _for_path(scope["path"])(scope, receive, send)
    elif scope["type"] == "websocket":
        await websockets(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)


def _for_path(path: str) -> Application:
    if path.startswith("/v1/"):
        return gateway
    if lean.handles(path):
        return lean
    if path in HEALTH_PATHS:
        return health
    if path == "/metrics":
        return metrics
    if path.startswith(settings.STATIC_URL):
        return static_files
    if path in DJANGO_PAGES or (path.startswith(DJANGO_PREFIXES) and path != CLIENT_PAGE):
        return gated_django
    return client


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await runtime.get_runtime()
    workers = _start_workers()
    housekeeping = [
        spawn(clean_regularly(), name="housekeeping of files"),
        spawn(count_regularly(), name="counting of usage"),
    ]
    _collect_seldom()
    READINESS.ready = True
    await send({"type": "lifespan.startup.complete"})
    await receive()
    READINESS.ready = False
    await cancel(housekeeping)
    await _stop_workers(workers)
    await _end()
    await send({"type": "lifespan.shutdown.complete"})


async def _end() -> None:
    """Those that write what others leave behind come after them."""
    await runtime.stop_runtime(settings.SHUTDOWN_GRACE_SECONDS)
    await providers.client.close()
    await close_limiter()
    await write_uses()
    await close_recorder()
    await close_spender()
    close_database_threads()


def _collect_seldom() -> None:
    """What is loaded now stays for good: to look through it again and again for garbage takes a
    tenth of the processor time of an answer, and stops all streams meanwhile. Of what came later,
    half a million objects without a reference are some 50 MB: not more should wait."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 5)


def _start_workers() -> WorkerThreads | None:
    if not settings.TASK_WORKER:
        return None
    workers = WorkerThreads()
    workers.start()
    return workers


async def _stop_workers(workers: WorkerThreads | None) -> None:
    if workers is not None:
        await asyncio.to_thread(workers.stop, settings.SHUTDOWN_GRACE_SECONDS)
