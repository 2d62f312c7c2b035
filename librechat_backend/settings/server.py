"""Where the server is reached, the client's files, and how much it does at once."""

from librechat_backend.settings.base import env

DEBUG = env.boolean("DEBUG", default=False)
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, minimum=1, maximum=65_535)
WORKERS = env.integer("WORKERS", 1, minimum=1)
DOMAIN_CLIENT = env.address("DOMAIN_CLIENT", f"http://localhost:{PORT}")
DOMAIN_SERVER = env.address("DOMAIN_SERVER", f"http://localhost:{PORT}")
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", "*")
TRUST_PROXY = env.integer("TRUST_PROXY", 1, maximum=10)
USE_HTTPS = DOMAIN_SERVER.startswith("https://")
SESSION_ENGINE = "accounts.admin_sessions"
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
REQUEST_HEAD_SECONDS = env.integer("REQUEST_HEAD_SECONDS", 20, minimum=1)
# Of a request to /v1, whose images come inside it.
# Addresses end up in logs and histories, so a key in one is a choice of the operator's.
GATEWAY_ALLOW_QUERY_TOKEN = env.boolean("GATEWAY_ALLOW_QUERY_TOKEN", default=False)
API_BODY_LIMIT_MB = env.integer("API_BODY_LIMIT_MB", 32, minimum=1, maximum=1024)
# What Prometheus sends to read /metrics; without it only this machine may.
METRICS_TOKEN = env.text("METRICS_TOKEN")
SHUTDOWN_GRACE_SECONDS = env.integer("SHUTDOWN_GRACE_SECONDS", 5, maximum=86_400)
