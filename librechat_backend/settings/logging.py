"""What is logged, and how."""

from librechat_backend.lib import logs
from librechat_backend.settings.base import env

LOG_LEVEL = env.choice("LOG_LEVEL", "info", {"debug", "info", "warning", "error", "critical"})
LOG_FORMAT = env.choice("LOG_FORMAT", "console", {"console", "json"})
LOGGING = logs.logging_settings(level=LOG_LEVEL, as_json=LOG_FORMAT == "json")
logs.configure()
