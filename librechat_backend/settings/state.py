"""Database, cache, channel layer and background tasks."""

from librechat_backend.lib.databases import database_settings
from librechat_backend.settings.base import DATA_DIR, env
from librechat_backend.settings.server import STOCK_CONCURRENCY

DATABASE_POOL_SIZE = env.integer("DATABASE_POOL_SIZE", STOCK_CONCURRENCY + 12, minimum=2)
DATABASES = {
    "default": database_settings(
        env.text("DATABASE_URL"), data_dir=DATA_DIR, pool_size=DATABASE_POOL_SIZE
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.redis_url("REDIS_URL")
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            # Beyond this number entries are dropped at random, counters of attempts among them.
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    )
}
LIMITS_IN_DATABASE = not REDIS_URL
CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # A waiting receiver asks Redis for 5 s at a time; the socket must not give up first.
            "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": 20}]},
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", "long"]}}
TASK_WORKER = env.boolean("TASK_WORKER", default=True)
# After this time a task whose worker has died is taken by another.
TASK_LEASE_SECONDS = 30.0
# Uploaded chats that are not imported yet.
IMPORT_DIR = DATA_DIR / "imports"
