"""All settings, top to bottom. Values come from the environment or ``.env`` (see .env.example)."""

import os
from datetime import timedelta
from email.utils import formataddr
from pathlib import Path

from librechat_backend.lib import logs, secret_store
from librechat_backend.lib.databases import database_settings
from librechat_backend.lib.env import Env

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env.load(os.environ, BASE_DIR / ".env")

# -- State and secrets -------------------------------------------------------------------------

DATA_DIR = BASE_DIR / Path(env.text("DATA_DIR", "var")).expanduser()
JOURNAL_DIR = DATA_DIR / "journal"
_stored = secret_store.load_or_create(DATA_DIR / "secrets.json")

SECRET_KEY = env.text("SECRET_KEY", _stored["SECRET_KEY"])
JWT_SECRET = env.text("JWT_SECRET", _stored["JWT_SECRET"])
JWT_REFRESH_SECRET = env.text("JWT_REFRESH_SECRET", _stored["JWT_REFRESH_SECRET"])
CREDS_KEY = env.hexadecimal("CREDS_KEY", _stored["CREDS_KEY"], size=32)
CREDS_IV = env.hexadecimal("CREDS_IV", _stored["CREDS_IV"], size=16)

# -- Where the server is reached ---------------------------------------------------------------

DEBUG = env.boolean("DEBUG", default=False)
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, minimum=1, maximum=65_535)
WORKERS = env.integer("WORKERS", 1, minimum=1)
DOMAIN_CLIENT = env.address("DOMAIN_CLIENT", f"http://localhost:{PORT}")
DOMAIN_SERVER = env.address("DOMAIN_SERVER", f"http://localhost:{PORT}")
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", "*")
TRUST_PROXY = env.integer("TRUST_PROXY", 1, maximum=10)
USE_HTTPS = DOMAIN_SERVER.startswith("https://")
SESSION_COOKIE_SECURE = env.boolean("SESSION_COOKIE_SECURE", default=USE_HTTPS)
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
CSRF_TRUSTED_ORIGINS = sorted({DOMAIN_CLIENT, DOMAIN_SERVER})
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if USE_HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
NO_INDEX = env.boolean("NO_INDEX", default=True)
# The client never sends trailing slashes; a redirect would lose its POST bodies.
APPEND_SLASH = False

LIBRECHAT_CLIENT_DIR = env.text("LIBRECHAT_CLIENT_DIR")
INDEX_CACHE_CONTROL = env.text("INDEX_CACHE_CONTROL", "no-cache, no-store, must-revalidate")
STATIC_CACHE_MAX_AGE = env.integer("STATIC_CACHE_MAX_AGE", 172_800)
ENABLE_STATIC_ASSET_BROTLI = env.boolean("ENABLE_STATIC_ASSET_BROTLI", default=False)

# How many requests the stock Django handler may work on at once; the rest wait their turn.
STOCK_CONCURRENCY = env.integer("STOCK_CONCURRENCY", 16, minimum=1)
STOCK_QUEUE_SECONDS = 30
SHUTDOWN_GRACE_SECONDS = env.integer("SHUTDOWN_GRACE_SECONDS", 5)

# -- Applications ------------------------------------------------------------------------------

INSTALLED_APPS = [
    "daphne",  # first: it replaces runserver
    "unfold.apps.BasicAppConfig",
    "librechat_backend.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "accounts",
    "providers",
    "files",
    "presets",
    "conversations",
    "librechat_backend.apps.LibreChatBackendConfig",
]

# Sessions, CSRF and messages serve the admin; the API authenticates by bearer token and skips
# them (librechat_backend/middleware.py).
MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "librechat_backend.middleware.response_headers",
    "librechat_backend.middleware.AdminSessionMiddleware",
    "librechat_backend.middleware.AdminCsrfMiddleware",
    "librechat_backend.middleware.AdminAuthenticationMiddleware",
    "librechat_backend.middleware.AdminMessageMiddleware",
    "librechat_backend.middleware.AdminFrameOptionsMiddleware",
]

ROOT_URLCONF = "librechat_backend.urls"
ASGI_APPLICATION = "librechat_backend.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# -- Database, cache, channel layer ------------------------------------------------------------

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

# -- Files -------------------------------------------------------------------------------------

MEDIA_ROOT = DATA_DIR / "media"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "librechat_backend" / "page_static"]
S3_BUCKET = env.text("S3_BUCKET", env.text("AWS_BUCKET_NAME"))
STORAGES = {
    "default": (
        {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": S3_BUCKET,
                "access_key": env.text("AWS_ACCESS_KEY_ID") or None,
                "secret_key": env.text("AWS_SECRET_ACCESS_KEY") or None,
                "region_name": env.text("AWS_REGION") or None,
                "endpoint_url": env.text("S3_ENDPOINT", env.text("AWS_ENDPOINT_URL")) or None,
                "signature_version": "s3v4",
                "default_acl": "private",
                "querystring_auth": True,
            },
        }
        if S3_BUCKET
        else {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    ),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024

# -- Signing in --------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "admin:login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    # Users who came from LibreChat; upgraded when they sign in.
    "accounts.hashers.LibreChatPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
ALLOW_REGISTRATION = env.boolean("ALLOW_REGISTRATION", default=True)
ALLOWED_REGISTRATION_DOMAINS = [
    domain.lower() for domain in env.items("ALLOWED_REGISTRATION_DOMAINS")
]
REGISTRATION_REQUIRES_APPROVAL = env.boolean("REGISTRATION_REQUIRES_APPROVAL", default=False)
ALLOW_UNVERIFIED_EMAIL_LOGIN = env.boolean("ALLOW_UNVERIFIED_EMAIL_LOGIN", default=False)
ALLOW_ACCOUNT_DELETION = env.boolean("ALLOW_ACCOUNT_DELETION", default=True)
ALLOW_PASSWORD_RESET = env.boolean("ALLOW_PASSWORD_RESET", default=False)
ALLOW_EMAIL_LOGIN = env.boolean("ALLOW_EMAIL_LOGIN", default=True)
MIN_PASSWORD_LENGTH = env.integer("MIN_PASSWORD_LENGTH", 8, minimum=1)
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": MIN_PASSWORD_LENGTH},
    }
]
ACCESS_TOKEN_LIFETIME = timedelta(milliseconds=env.integer("SESSION_EXPIRY", 900_000, minimum=1000))
REFRESH_SESSION_LIFETIME = timedelta(
    milliseconds=env.integer("REFRESH_TOKEN_EXPIRY", 604_800_000, minimum=1000)
)
# Of the first administrator, made by "make run".
ADMIN_EMAIL = env.text("ADMIN_EMAIL", "admin@librechat.local")
LOGIN_MAX = env.integer("LOGIN_MAX", 7, minimum=1)
LOGIN_WINDOW_MINUTES = env.integer("LOGIN_WINDOW", 5, minimum=1)
REGISTER_MAX = env.integer("REGISTER_MAX", 5, minimum=1)
REGISTER_WINDOW_MINUTES = env.integer("REGISTER_WINDOW", 60, minimum=1)
# Windows in minutes, these too.
TWO_FACTOR_TEMP_MAX = env.integer("TWO_FACTOR_TEMP_MAX", LOGIN_MAX, minimum=1)
TWO_FACTOR_TEMP_WINDOW = env.integer("TWO_FACTOR_TEMP_WINDOW", LOGIN_WINDOW_MINUTES, minimum=1)
RESET_PASSWORD_MAX = env.integer("RESET_PASSWORD_MAX", 2, minimum=1)
RESET_PASSWORD_WINDOW = env.integer("RESET_PASSWORD_WINDOW", 2, minimum=1)
RESET_PASSWORD_SUBMISSION_MAX = env.integer("RESET_PASSWORD_SUBMISSION_MAX", 2, minimum=1)
RESET_PASSWORD_SUBMISSION_WINDOW = env.integer("RESET_PASSWORD_SUBMISSION_WINDOW", 2, minimum=1)
VERIFY_EMAIL_MAX = env.integer("VERIFY_EMAIL_MAX", 2, minimum=1)
VERIFY_EMAIL_WINDOW = env.integer("VERIFY_EMAIL_WINDOW", 2, minimum=1)
VERIFY_EMAIL_SUBMISSION_MAX = env.integer("VERIFY_EMAIL_SUBMISSION_MAX", 2, minimum=1)
VERIFY_EMAIL_SUBMISSION_WINDOW = env.integer("VERIFY_EMAIL_SUBMISSION_WINDOW", 2, minimum=1)

# Limits on chatting, and what going beyond limits leads to (windows in minutes).
LIMIT_MESSAGE_IP = env.boolean("LIMIT_MESSAGE_IP", default=False)
MESSAGE_IP_MAX = env.integer("MESSAGE_IP_MAX", 40, minimum=1)
MESSAGE_IP_WINDOW = env.integer("MESSAGE_IP_WINDOW", 1, minimum=1)
LIMIT_MESSAGE_USER = env.boolean("LIMIT_MESSAGE_USER", default=False)
MESSAGE_USER_MAX = env.integer("MESSAGE_USER_MAX", 40, minimum=1)
MESSAGE_USER_WINDOW = env.integer("MESSAGE_USER_WINDOW", 1, minimum=1)
LIMIT_CONCURRENT_MESSAGES = env.boolean("LIMIT_CONCURRENT_MESSAGES", default=False)
CONCURRENT_MESSAGE_MAX = env.integer("CONCURRENT_MESSAGE_MAX", 2, minimum=1)
FORK_IP_MAX = env.integer("FORK_IP_MAX", 30, minimum=1)
FORK_IP_WINDOW = env.integer("FORK_IP_WINDOW", 1, minimum=1)
FORK_USER_MAX = env.integer("FORK_USER_MAX", 7, minimum=1)
FORK_USER_WINDOW = env.integer("FORK_USER_WINDOW", 1, minimum=1)
BAN_VIOLATIONS = env.boolean("BAN_VIOLATIONS", default=False)
BAN_DURATION = env.integer("BAN_DURATION", 7_200_000, minimum=1000)
BAN_INTERVAL = env.integer("BAN_INTERVAL", 20, minimum=1)
LOGIN_VIOLATION_SCORE = env.integer("LOGIN_VIOLATION_SCORE", 1, maximum=1000)
MESSAGE_VIOLATION_SCORE = env.integer("MESSAGE_VIOLATION_SCORE", 1, maximum=1000)
CONCURRENT_VIOLATION_SCORE = env.integer("CONCURRENT_VIOLATION_SCORE", 1, maximum=1000)

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SECRET,
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "USER_ID_CLAIM": "id",
}

# -- Mail --------------------------------------------------------------------------------------

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_ENABLED = bool(EMAIL_HOST)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_ENABLED else 'console'}.EmailBackend"
EMAIL_PORT = env.integer("EMAIL_PORT", 587, minimum=1, maximum=65_535)
_email_encryption = env.choice(
    "EMAIL_ENCRYPTION",
    {465: "tls", 587: "starttls"}.get(EMAIL_PORT, "none"),
    {"starttls", "tls", "none"},
)
EMAIL_USE_TLS = _email_encryption == "starttls"
EMAIL_USE_SSL = _email_encryption == "tls"
EMAIL_HOST_USER = env.text("EMAIL_USERNAME")
EMAIL_HOST_PASSWORD = env.text("EMAIL_PASSWORD")
EMAIL_FROM = env.text("EMAIL_FROM")
DEFAULT_FROM_EMAIL = formataddr((env.text("EMAIL_FROM_NAME", env.text("APP_TITLE")), EMAIL_FROM))
EMAIL_TIMEOUT = 15

# -- REST framework and CORS -------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["librechat_backend.lib.rest.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["librechat_backend.lib.rest.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "librechat_backend.lib.rest.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Admin API",
    "DESCRIPTION": "Presets, groups and rules for programs. Names are in camel case; snake case is "
    "taken, too. Sign in with “Authorization: Bearer” and the access token of a person who may.",
    "VERSION": "1",
    "PREPROCESSING_HOOKS": ["presets.api.schema.admin_operations"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/admin",
}
# Nothing under /api or /v1 is authenticated by cookie except /api/auth/refresh, whose cookie is
# SameSite=Strict; credentials are never allowed across origins.
CORS_ALLOW_ALL_ORIGINS = True
CORS_URLS_REGEX = r"^/(api|v1|oauth)/"
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "content-type", "x-api-key", "x-librechat-generation-protocol",
]  # fmt: skip

# -- Language and time -------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# -- Logging -----------------------------------------------------------------------------------

LOG_LEVEL = env.choice("LOG_LEVEL", "info", {"debug", "info", "warning", "error", "critical"})
LOG_FORMAT = env.choice("LOG_FORMAT", "console", {"console", "json"})
LOGGING = logs.logging_settings(level=LOG_LEVEL, as_json=LOG_FORMAT == "json")
logs.configure()

# -- Product -----------------------------------------------------------------------------------

VERSION = "0.1.0"
APP_TITLE = env.text("APP_TITLE", "LibreChat")
HELP_AND_FAQ_URL = env.text("HELP_AND_FAQ_URL", "https://librechat.ai")
CUSTOM_FOOTER = env.text("CUSTOM_FOOTER")
TITLE_CONVO = env.boolean("TITLE_CONVO", default=True)
TITLE_MODEL = env.text("TITLE_MODEL")
TEMPORARY_CHAT_RETENTION_HOURS = env.integer("TEMPORARY_CHAT_RETENTION", 720, minimum=1)

# -- Admin -------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": f"{APP_TITLE} administration",
    "SITE_HEADER": APP_TITLE,
    "SITE_SUBHEADER": "Administration",
    "SITE_SYMBOL": "forum",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}chat/icon.svg"}
    ],
    "SHOW_BACK_BUTTON": True,
    "COLORS": {
        # The client's green, so that both look like one product.
        "primary": {
            "50": "oklch(97.9% .021 166.1)",
            "100": "oklch(95% .052 163.1)",
            "200": "oklch(90.5% .093 164.2)",
            "300": "oklch(84.5% .143 164.9)",
            "400": "oklch(76.5% .177 163.2)",
            "500": "oklch(69.6% .17 162.5)",
            "600": "oklch(52.7% .123 163.2)",
            "700": "oklch(46.8% .108 165.6)",
            "800": "oklch(41.2% .09 166.7)",
            "900": "oklch(36.8% .077 168.9)",
            "950": "oklch(25.2% .051 172.6)",
        }
    },
}

# -- Model providers from the environment (providers/environment.py) ---------------------------

DEMO_PROVIDER = env.choice("DEMO_PROVIDER", "auto", {"auto", "true", "false"})
PROVIDER_ENVIRONMENT = {
    name: env.text(name)
    for name in (
        "OPENAI_API_KEY", "OPENAI_REVERSE_PROXY", "OPENAI_MODELS",
        "ANTHROPIC_API_KEY", "ANTHROPIC_REVERSE_PROXY", "ANTHROPIC_MODELS",
        "GOOGLE_KEY", "GOOGLE_REVERSE_PROXY", "GOOGLE_MODELS",
        "AZURE_API_KEY", "AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_API_VERSION", "AZURE_OPENAI_MODELS",
        "OPENROUTER_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY",
        "OLLAMA_BASE_URL", "OLLAMA_MODELS",
        "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_MODELS",
    )
}  # fmt: skip
