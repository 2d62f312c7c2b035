"""What Django is put together from."""

from librechat_backend.settings.base import BASE_DIR

INSTALLED_APPS = [
    "librechat_backend.apps.DevelopmentServerConfig",  # first: it replaces runserver
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
    "django_tasks",
    "django_tasks_db",
    "librechat_backend.apps.LibraryAccountConfig",
    "librechat_backend.apps.IdentitiesConfig",
    "accounts",
    "usage",
    "billing",
    "providers",
    "files",
    "presets",
    "conversations",
    "gateway",
    "moving",
    "librechat_backend.apps.LibreChatBackendConfig",
]

# Sessions, CSRF and messages serve the admin; the API authenticates by bearer token and skips
# them (librechat_backend/middleware.py).
MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "librechat_backend.middleware.response_headers",
    "librechat_backend.middleware.no_nul",
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

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
