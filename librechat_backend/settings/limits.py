"""Limits on chatting, and what going beyond limits leads to (windows in minutes)."""

from librechat_backend.lib.env import MILLENNIUM_MS
from librechat_backend.settings.base import env

LIMIT_MESSAGE_IP = env.boolean("LIMIT_MESSAGE_IP", default=False)
MESSAGE_IP_MAX = env.integer("MESSAGE_IP_MAX", 40, minimum=1)
MESSAGE_IP_WINDOW = env.minutes("MESSAGE_IP_WINDOW", 1)
LIMIT_MESSAGE_USER = env.boolean("LIMIT_MESSAGE_USER", default=False)
MESSAGE_USER_MAX = env.integer("MESSAGE_USER_MAX", 40, minimum=1)
MESSAGE_USER_WINDOW = env.minutes("MESSAGE_USER_WINDOW", 1)
LIMIT_CONCURRENT_MESSAGES = env.boolean("LIMIT_CONCURRENT_MESSAGES", default=False)
CONCURRENT_MESSAGE_MAX = env.integer("CONCURRENT_MESSAGE_MAX", 2, minimum=1)
FORK_IP_MAX = env.integer("FORK_IP_MAX", 30, minimum=1)
FORK_IP_WINDOW = env.minutes("FORK_IP_WINDOW", 1)
FORK_USER_MAX = env.integer("FORK_USER_MAX", 7, minimum=1)
FORK_USER_WINDOW = env.minutes("FORK_USER_WINDOW", 1)
IMPORT_IP_MAX = env.integer("IMPORT_IP_MAX", 100, minimum=1)
IMPORT_IP_WINDOW = env.minutes("IMPORT_IP_WINDOW", 15)
IMPORT_USER_MAX = env.integer("IMPORT_USER_MAX", 50, minimum=1)
IMPORT_USER_WINDOW = env.minutes("IMPORT_USER_WINDOW", 15)
BAN_VIOLATIONS = env.boolean("BAN_VIOLATIONS", default=False)
BAN_DURATION = env.integer("BAN_DURATION", 7_200_000, minimum=1000, maximum=MILLENNIUM_MS)
BAN_INTERVAL = env.integer("BAN_INTERVAL", 20, minimum=1)
LOGIN_VIOLATION_SCORE = env.integer("LOGIN_VIOLATION_SCORE", 1, maximum=1000)
MESSAGE_VIOLATION_SCORE = env.integer("MESSAGE_VIOLATION_SCORE", 1, maximum=1000)
CONCURRENT_VIOLATION_SCORE = env.integer("CONCURRENT_VIOLATION_SCORE", 1, maximum=1000)
