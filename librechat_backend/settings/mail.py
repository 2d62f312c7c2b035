"""How mails are sent."""

from email.utils import formataddr

from librechat_backend.settings.base import env

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
