"""The product's settings for tests: a scratch DATA_DIR, quick hashes, nobody's keys.

Each process of pytest-xdist gets a DATA_DIR and a Redis database of its own; Django does the same
for SQL databases.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

_ROOT = Path(__file__).resolve().parent.parent
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_REDIS_DATABASES = 16

# An empty value counts as unset: a developer's .env stays outside.
for _name in dotenv_values(_ROOT / ".env"):
    os.environ.setdefault(_name, "")
if _worker or not os.environ.get("DATA_DIR"):
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="librechat-tests-")
    atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
if _worker and os.environ.get("REDIS_URL"):
    _database = 1 + int(_worker.removeprefix("gw")) % (_REDIS_DATABASES - 1)
    os.environ["REDIS_URL"] = (
        urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{_database}").geturl()
    )
os.environ.setdefault("LOG_LEVEL", "warning")
# An HTTP client reads all authorities' certificates, 20 ms, when it is made. Thousands are made,
# and none meets a certificate of theirs.
os.environ["SSL_CERT_DIR"] = os.environ["DATA_DIR"]
os.environ.pop("SSL_CERT_FILE", None)

from librechat_backend.settings import *  # noqa: E402, F403
from tests.migrated import TEMPLATE_VARIABLE  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]  # noqa: F405
PROVIDER_ENVIRONMENT = dict.fromkeys(PROVIDER_ENVIRONMENT, "")  # noqa: F405
ALLOWED_INTERNAL_HOSTS = ["127.0.0.1"]  # where the providers of tests are
TASK_WORKER = False  # tests say when tasks are run
IDENTITY_ENVIRONMENT = dict.fromkeys(IDENTITY_ENVIRONMENT, "")  # noqa: F405
LIMITS_IN_DATABASE = False  # so that queries are counted alike with and without Redis
DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = os.environ.get(TEMPLATE_VARIABLE)  # noqa: F405
