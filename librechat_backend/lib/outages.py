"""What the server stands on, away or too busy to answer in time: no fault of who asks."""

from django.db import InterfaceError, OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

REDIS_AWAY = (RedisConnectionError, RedisTimeoutError)
AWAY = (OperationalError, InterfaceError, *REDIS_AWAY)


def outage(error: Exception) -> str:
    """The sentence for one of AWAY, or for another error of the database."""
    service = "Redis" if isinstance(error, REDIS_AWAY) else "its database"
    return f"The server cannot reach {service}."
