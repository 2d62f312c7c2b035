"""Uploaded files and static ones."""

from librechat_backend.lib.storages import storage_settings
from librechat_backend.settings.base import BASE_DIR, DATA_DIR, env

MEDIA_ROOT = DATA_DIR / "media"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "librechat_backend" / "page_static"]
S3_BUCKET = env.text("S3_BUCKET", env.text("AWS_BUCKET_NAME"))
STORAGES = storage_settings(
    media_root=MEDIA_ROOT,
    bucket=S3_BUCKET,
    endpoint=env.text("S3_ENDPOINT", env.text("AWS_ENDPOINT_URL")),
    region=env.text("AWS_REGION"),
    key=env.text("AWS_ACCESS_KEY_ID"),
    secret=env.text("AWS_SECRET_ACCESS_KEY"),
)
# Where uploads arrive before they are stored; beside MEDIA_ROOT, so that storing is a rename.
SPOOL_DIR = DATA_DIR / "uploads"
S3_DIRECT_DOWNLOADS = env.boolean("S3_DIRECT_DOWNLOADS", default=False)
CLAMD_ADDRESS = env.text("CLAMD_ADDRESS")
FILE_UPLOAD_SSE = env.boolean("FILE_UPLOAD_SSE", default=False)
FILE_UPLOAD_IP_MAX = env.integer("FILE_UPLOAD_IP_MAX", 100, minimum=1)
FILE_UPLOAD_IP_WINDOW = env.minutes("FILE_UPLOAD_IP_WINDOW", 15)
FILE_UPLOAD_USER_MAX = env.integer("FILE_UPLOAD_USER_MAX", 50, minimum=1)
FILE_UPLOAD_USER_WINDOW = env.minutes("FILE_UPLOAD_USER_WINDOW", 15)
DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024
