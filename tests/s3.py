"""Buckets of a real S3 server: moto's as a process or, where TEST_S3_ENDPOINT names one, any other.

``TEST_S3_ENDPOINT=http://127.0.0.1:9000 AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…`` before
pytest tries MinIO, R2 and the like; each test has a bucket of its own there, which goes at its end.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.live import free_port


@dataclass(frozen=True, slots=True)
class Bucket:
    """``is_foreign``: of a server that may be able to do less than moto."""

    endpoint: str
    name: str
    key_id: str = "test"
    secret: str = "test"  # noqa: S105 - moto asks for none
    region: str = "us-east-1"
    is_foreign: bool = False

    @property
    def env(self) -> dict[str, str]:
        """What makes a server keep its files there."""
        return {
            "S3_BUCKET": self.name,
            "S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": self.region,
        }

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{self.name}"

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def keys(self) -> set[str]:
        """Of what is stored now."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def unfinished(self) -> int:
        """Uploads in parts that have begun and not ended, which no list of objects shows.

        Skips the test where the server cannot tell.
        """
        client = self.client()
        try:
            return len(client.list_multipart_uploads(Bucket=self.name).get("Uploads", []))
        except ClientError as error:
            if self.is_foreign and error.response["Error"]["Code"] == "NotImplemented":
                pytest.skip("this server lists no unfinished uploads")
            raise


@contextmanager
def empty_bucket() -> Iterator[Bucket]:
    """Nothing of it is left at the end."""
    if endpoint := os.environ.get("TEST_S3_ENDPOINT"):
        key_id, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        name = f"test-{uuid4().hex}"
        bucket = Bucket(endpoint.rstrip("/"), name, key_id, secret, is_foreign=True)
        bucket.client().create_bucket(Bucket=bucket.name)
        try:
            yield bucket
        finally:
            _remove(bucket)
        return
    with _moto() as endpoint:
        bucket = Bucket(endpoint, "files")
        bucket.client().create_bucket(Bucket=bucket.name)
        yield bucket


def _remove(bucket: Bucket) -> None:
    client = bucket.client()
    for key in bucket.keys():
        client.delete_object(Bucket=bucket.name, Key=key)
    client.delete_bucket(Bucket=bucket.name)


@contextmanager
def _moto() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while not _answers(endpoint):
            assert process.poll() is None, "moto did not start"
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield endpoint
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(endpoint: str) -> bool:
    try:
        return httpx.get(endpoint, timeout=5).status_code < 500
    except httpx.TransportError:
        return False
