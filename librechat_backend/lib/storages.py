"""Where uploaded files are kept → Django's STORAGES."""

from pathlib import Path
from typing import Any

# One part of an upload is in memory at a time.
PART_BYTES = 8 * 1024 * 1024


def storage_settings(
    *, media_root: Path, bucket: str, endpoint: str, region: str, key: str, secret: str
) -> dict[str, Any]:
    """``disk`` always, ``s3`` when there is a ``bucket``; ``default`` is where new files go.

    Without ``key`` the machine's own role is used.
    """
    storages: dict[str, Any] = {
        "disk": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": str(media_root),
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    if bucket:
        storages["s3"] = _s3(bucket, endpoint, region, key, secret)
    return storages | {"default": storages["s3" if bucket else "disk"]}


def _s3(bucket: str, endpoint: str, region: str, key: str, secret: str) -> dict[str, Any]:
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        # Services other than Amazon's seldom have a host name for each bucket.
        s3={"addressing_style": "path" if endpoint else "auto"},
        connect_timeout=5,
        read_timeout=30,
        retries={"max_attempts": 3, "mode": "standard"},
        max_pool_connections=32,
        # Checksums beside the signature are Amazon's own; other services refuse what has them.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "access_key": key or None,
            "secret_key": secret or None,
            "region_name": region or None,
            "endpoint_url": endpoint or None,
            "client_config": config,
            "default_acl": None,  # newer buckets refuse any; they are private without
            "querystring_auth": True,
        },
    }
