"""The environment, the directory of the data, and the secrets kept there."""

import os
from pathlib import Path

from librechat_backend.lib import secret_store
from librechat_backend.lib.env import Env

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = Env.load(os.environ, BASE_DIR / ".env")
# For who moves in: which variables there are, and what they say.
ENVIRONMENT = env

DATA_DIR = BASE_DIR / Path(env.text("DATA_DIR", "var")).expanduser()
JOURNAL_DIR = DATA_DIR / "journal"
_stored = secret_store.load_or_create(DATA_DIR / "secrets.json")

SECRET_KEY = env.text("SECRET_KEY", _stored["SECRET_KEY"])
JWT_SECRET = env.text("JWT_SECRET", _stored["JWT_SECRET"])
JWT_REFRESH_SECRET = env.text("JWT_REFRESH_SECRET", _stored["JWT_REFRESH_SECRET"])
CREDS_KEY = env.hexadecimal("CREDS_KEY", _stored["CREDS_KEY"], size=32)
CREDS_IV = env.hexadecimal("CREDS_IV", _stored["CREDS_IV"], size=16)
