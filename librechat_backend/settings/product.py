"""What the product shows and does."""

from librechat_backend.lib.env import MILLENNIUM_DAYS
from librechat_backend.settings.base import env

VERSION = "0.1.0"
APP_TITLE = env.text("APP_TITLE", "LibreChat")
HELP_AND_FAQ_URL = env.text("HELP_AND_FAQ_URL", "https://librechat.ai")
CUSTOM_FOOTER = env.text("CUSTOM_FOOTER")
CUSTOM_WELCOME = env.text("CUSTOM_WELCOME")
PRIVACY_POLICY_URL = env.address("PRIVACY_POLICY_URL")
TERMS_OF_SERVICE_URL = env.address("TERMS_OF_SERVICE_URL")
TERMS_OF_SERVICE_TITLE = env.text("TERMS_OF_SERVICE_TITLE", "Terms of service")
TERMS_OF_SERVICE_TEXT = env.text("TERMS_OF_SERVICE_TEXT")
TITLE_CONVO = env.boolean("TITLE_CONVO", default=True)
TITLE_MODEL = env.text("TITLE_MODEL")
ADMIN_SHOW_MESSAGE_CONTENT = env.boolean("ADMIN_SHOW_MESSAGE_CONTENT", default=False)
SUMMARIZE_HISTORY = env.boolean("SUMMARIZE_HISTORY", default=False)
SUMMARY_MODEL = env.text("SUMMARY_MODEL")
RETENTION_MODE = env.choice("RETENTION_MODE", "temporary", {"temporary", "all"})
TEMPORARY_CHAT_RETENTION_HOURS = env.integer(
    "TEMPORARY_CHAT_RETENTION", 720, minimum=1, maximum=MILLENNIUM_DAYS * 24
)
ALLOW_SHARED_LINKS = env.boolean("ALLOW_SHARED_LINKS", default=True)
ALLOW_SHARED_LINKS_PUBLIC = env.boolean("ALLOW_SHARED_LINKS_PUBLIC", default=False)
SHARED_LINKS_SNAPSHOT_FILES = env.boolean("SHARED_LINKS_SNAPSHOT_FILES", default=True)
REQUEST_LOG_RETENTION_DAYS = env.integer("REQUEST_LOG_RETENTION_DAYS", 0, maximum=MILLENNIUM_DAYS)
SHARED_LINK_RETENTION_HOURS = env.integer("SHARED_LINK_RETENTION", 0, maximum=MILLENNIUM_DAYS * 24)
MEMORY_TOKEN_LIMIT = env.integer("MEMORY_TOKEN_LIMIT", 2000, minimum=0)
MEMORY_CHAR_LIMIT = env.integer("MEMORY_CHAR_LIMIT", 10_000, minimum=1)
MEMORY_ENDPOINT = env.text("MEMORY_ENDPOINT")
MEMORY_MODEL = env.text("MEMORY_MODEL")
MEMORY_KEYS = env.items("MEMORY_KEYS")
CONVERSATION_IMPORT_MAX_FILE_SIZE = env.integer(
    "CONVERSATION_IMPORT_MAX_FILE_SIZE_BYTES", 262_144_000, minimum=1
)
