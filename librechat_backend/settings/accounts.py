"""Registering, signing in, and the limits on it."""

from datetime import timedelta

from librechat_backend.lib.env import MILLENNIUM_DAYS, MILLENNIUM_MS
from librechat_backend.settings.base import JWT_SECRET, env

AUTH_USER_MODEL = "accounts.User"
# Types of resources that can be shared → where their app describes them (accounts/shareable.py).
SHAREABLE = {
    "sharedLink": "conversations.shareable.SHARED_LINKS",
    "promptGroup": "conversations.shareable.PROMPT_GROUPS",
}
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
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
# Whether programs may register people without an address.
USERNAME_SIGNUP = env.boolean("GATEWAY_USERNAME_SIGNUP", default=False)
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
ACCESS_TOKEN_LIFETIME = timedelta(
    milliseconds=env.integer("SESSION_EXPIRY", 900_000, minimum=1000, maximum=MILLENNIUM_MS)
)
# Of what /api/user/login gives to programs.
CONSOLE_TOKEN_LIFETIME = timedelta(
    hours=env.integer("TOKEN_EXPIRY_HOURS", 24, minimum=1, maximum=MILLENNIUM_DAYS * 24)
)
REFRESH_SESSION_LIFETIME = timedelta(
    milliseconds=env.integer(
        "REFRESH_TOKEN_EXPIRY", 604_800_000, minimum=1000, maximum=MILLENNIUM_MS
    )
)
# Browser tests begin each case with the same stored cookie, which is what a thief would do, too.
ROTATE_REFRESH_TOKENS = env.boolean("ROTATE_REFRESH_TOKENS", default=env.text("NODE_ENV") != "CI")
# Of the first administrator, made by "make run".
ADMIN_EMAIL = env.text("ADMIN_EMAIL", "admin@librechat.local")
LOGIN_MAX = env.integer("LOGIN_MAX", 7, minimum=1)
LOGIN_WINDOW_MINUTES = env.minutes("LOGIN_WINDOW", 5)
REGISTER_MAX = env.integer("REGISTER_MAX", 5, minimum=1)
REGISTER_WINDOW_MINUTES = env.minutes("REGISTER_WINDOW", 60)
# Windows in minutes, these too.
TWO_FACTOR_TEMP_MAX = env.integer("TWO_FACTOR_TEMP_MAX", LOGIN_MAX, minimum=1)
TWO_FACTOR_TEMP_WINDOW = env.minutes("TWO_FACTOR_TEMP_WINDOW", LOGIN_WINDOW_MINUTES)
RESET_PASSWORD_MAX = env.integer("RESET_PASSWORD_MAX", 2, minimum=1)
RESET_PASSWORD_WINDOW = env.minutes("RESET_PASSWORD_WINDOW", 2)
RESET_PASSWORD_SUBMISSION_MAX = env.integer("RESET_PASSWORD_SUBMISSION_MAX", 2, minimum=1)
RESET_PASSWORD_SUBMISSION_WINDOW = env.minutes("RESET_PASSWORD_SUBMISSION_WINDOW", 2)
VERIFY_EMAIL_MAX = env.integer("VERIFY_EMAIL_MAX", 2, minimum=1)
VERIFY_EMAIL_WINDOW = env.minutes("VERIFY_EMAIL_WINDOW", 2)
VERIFY_EMAIL_SUBMISSION_MAX = env.integer("VERIFY_EMAIL_SUBMISSION_MAX", 2, minimum=1)
VERIFY_EMAIL_SUBMISSION_WINDOW = env.minutes("VERIFY_EMAIL_SUBMISSION_WINDOW", 2)

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SECRET,
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "USER_ID_CLAIM": "id",
}
