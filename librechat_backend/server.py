"""The production server: uvicorn, taught to end generations before it ends connections."""

import resource
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType

import psycopg
import redis
import structlog
import uvicorn
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from uvicorn.supervisors import multiprocess

from librechat_backend.health import READINESS
from librechat_backend.http_protocol import BoundedHttpProtocol
from librechat_backend.metrics import share_between_processes

CONNECTION_CLOSE_SECONDS = 5
KEEP_ALIVE_SECONDS = 65  # above the 60 s most proxies keep an idle connection
SERVICE_CONNECT_SECONDS = 5
OPEN_FILES = 1024 * 1024

log = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams end with a final event of their own, then the connections are closed.

        uvicorn alone would wait for the streams, which wait for their generations.
        """
        from conversations.chat import runtime

        READINESS.ready = False
        await runtime.drain_runtime(settings.SHUTDOWN_GRACE_SECONDS)
        await super().shutdown(sockets)


class Worker(multiprocess.Process):
    """One of several processes on the same socket."""

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = Server(self.config)
        return self._server


def listen() -> socket.socket:
    """The socket of HOST and PORT. Raises ImproperlyConfigured when it cannot be had."""
    host, port = settings.HOST, settings.PORT
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ImproperlyConfigured(
            f"HOST, PORT: cannot listen on {host} port {port}: {error.strerror}"
        ) from error
    listener.set_inheritable(True)
    return listener


def require_services() -> None:
    """Raises ImproperlyConfigured when the database or Redis cannot be reached."""
    if connection.vendor == "postgresql":
        _require_postgresql()
    if settings.REDIS_URL:
        _require_redis()


def _require_postgresql() -> None:
    """Without the pool, which would wait half a minute before it says why."""
    parameters = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name in {"dbname", "user", "password", "host", "port", "sslmode"}
    }
    try:
        psycopg.connect(**parameters, connect_timeout=SERVICE_CONNECT_SECONDS).close()
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise ImproperlyConfigured(f"DATABASE_URL: cannot use the database: {reason}") from error


def _require_redis() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=SERVICE_CONNECT_SECONDS
    )
    try:
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise ImproperlyConfigured(f"REDIS_URL: cannot use Redis: {error}") from error
    finally:
        client.close()


def allow_many_connections() -> None:
    """As many as the system lets us have. What it lets programs have that do not ask is mostly
    1,024, and beyond that each further connection would be reset."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _exit(number: int, frame: FrameType | None) -> None:
    """uvicorn sends itself the signal once more when it has ended: a success, not a death."""
    sys.exit(0)


def serve(listener: socket.socket) -> None:
    """Run until a signal; WORKERS > 1 starts that many processes on one socket."""
    signal.signal(signal.SIGTERM, _exit)
    allow_many_connections()
    config = _config()
    host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
    log.info("serving", url=f"http://{host}:{settings.PORT}", admin="/admin/", stop="Ctrl-C")
    if settings.WORKERS > 1:
        share_between_processes(settings.DATA_DIR / "metrics")
        # The supervisor has no setting for the class of its workers.
        multiprocess.Process = Worker  # type: ignore[misc]
        multiprocess.Multiprocess(config, [listener]).run()
    else:
        with suppress(KeyboardInterrupt):  # uvicorn passes Ctrl-C on after its clean stop
            Server(config).run([listener])


def _config() -> uvicorn.Config:
    return uvicorn.Config(
        "librechat_backend.asgi:application",
        http=BoundedHttpProtocol,
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
