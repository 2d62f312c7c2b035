"""A server that is killed while it writes into the bucket leaves nothing there for long."""

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx

from tests.files.conftest import ENV, Storage, new_person
from tests.live import live_server
from tests.s3 import empty_bucket

LARGE = b"PK\x03\x04" + b"x" * 60_000_000


def test_parts_of_an_upload_are_removed_when_its_process_was_killed() -> None:
    with empty_bucket() as bucket, live_server(env=ENV | bucket.env) as server:
        storage, person = Storage(server, bucket), new_person(server.base_url)

        def upload() -> None:
            with suppress(httpx.TransportError):
                person.upload(LARGE, "a.zip", "application/zip")

        uploading = threading.Thread(target=upload)
        uploading.start()
        deadline = time.monotonic() + 60
        while not bucket.unfinished():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        server.kill()
        uploading.join()
        assert (bucket.unfinished(), storage.keys(), len(storage.spooled())) == (1, set(), 1)
        server.start()
        assert person.list() == []
        # It could still be written by another process; a day later it cannot.
        yesterday = datetime.now(UTC) - timedelta(days=1, minutes=1)
        server.execute("UPDATE files_blob SET created_at = %s", f"{yesterday:%Y-%m-%d %H:%M:%S.%f}")
        assert "Removed 0 expired files and 1 stored objects" in server.manage("clean_files")
        assert (bucket.unfinished(), storage.keys()) == (0, set())
