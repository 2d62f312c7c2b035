"""PostgreSQL's backend of Django, whose connections outlive the server they led to.

When PostgreSQL starts anew, or something between closes what rests, each connection kept for
later would cost one request its answer. That a connection was closed is known here already: then
there is something to read on it, though nothing was asked.
"""

from select import POLLIN, poll
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    def close_if_health_check_failed(self) -> None:
        """Called before each statement and before each transaction."""
        if self.connection is None or self.in_atomic_block or not _is_closed(self.connection):
            return
        self.connection.close()
        self.close()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """One of the pool that still leads somewhere."""
        connection = super().get_new_connection(conn_params)
        while self.pool and _is_closed(connection):
            connection.close()
            self.pool.putconn(connection)  # which makes another in its place
            connection = super().get_new_connection(conn_params)
        return connection


def _is_closed(connection: Connection[Any]) -> bool:
    """By the other side, as far as this one has heard; costs a microsecond."""
    if connection.closed:
        return True
    news = poll()
    news.register(connection.fileno(), POLLIN)
    if not news.poll(0):
        return False
    try:
        ConnectionPool.check_connection(connection)  # it may be a notice
    except Error:
        return True
    return False
