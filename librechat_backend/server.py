"""The production server: uvicorn, taught to end generations before it ends connections."""

import socket

import uvicorn
from django.conf import settings
from uvicorn.supervisors import Multiprocess

from librechat_backend.health import READINESS

CONNECTION_CLOSE_SECONDS = 5
KEEP_ALIVE_SECONDS = 65  # above the 60 s most proxies keep an idle connection


class Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams end with a final event of their own, then the connections are closed.

        uvicorn alone would wait for the streams, which wait for their generations.
        """
        from conversations.chat import runtime

        READINESS.ready = False
        await runtime.drain_runtime(settings.SHUTDOWN_GRACE_SECONDS)
        await super().shutdown(sockets)


def serve() -> None:
    """Run until a signal; WORKERS > 1 starts that many processes on one socket."""
    config = uvicorn.Config(
        "librechat_backend.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        workers=settings.WORKERS,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # The client's address is worked out where it is needed (lib/throttling.py).
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=CONNECTION_CLOSE_SECONDS,
    )
    server = Server(config)
    if settings.WORKERS > 1:
        Multiprocess(config, target=server.run, sockets=[config.bind_socket()]).run()
    else:
        server.run()
