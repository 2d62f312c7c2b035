"""The product's settings, with quick password hashing and a scratch DATA_DIR."""

import os
import tempfile

os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="librechat-tests-"))
os.environ.setdefault("LOG_LEVEL", "warning")

from librechat_backend.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]  # noqa: F405
