"""``move_storage``: there and back, whatever happens in between."""

import fcntl
import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.files import samples
from tests.files.conftest import ENV, Person, Storage, new_person
from tests.live import ROOT, LiveServer, live_server
from tests.s3 import Bucket, empty_bucket

pytestmark = pytest.mark.one_database

COUNT = 4


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Storage, Bucket]]:
    """One server that began on disk and has a bucket now; its disk, and its bucket."""
    with empty_bucket() as bucket, live_server(env=ENV) as server:
        yield Storage(server), bucket


def _downloads(person: Person, files: list[dict[str, str]]) -> list[bytes]:
    return [person.http.get(f"/api/files/download/x/{file['file_id']}").content for file in files]


def test_files_are_the_same_after_each_move(both: tuple[Storage, Bucket]) -> None:
    disk, bucket = both
    server = disk.server
    person = new_person(server.base_url)
    data = [hashlib.shake_256(b"%d" % number).digest(50_000) for number in range(COUNT)]
    files = [
        person.upload(b"PK\x03\x04" + each, "a.zip", "application/zip").json() for each in data
    ]
    picture = person.upload_picture(samples.picture()).json()
    before = _downloads(person, files)
    assert len(disk.keys()) == COUNT + 1
    server.env |= bucket.env
    server.restart()
    assert _downloads(person, files) == before  # what is on disk is still read from there
    assert "Moved 5 objects." in server.manage("move_storage", "s3")
    assert (disk.keys(), len(bucket.keys())) == (set(), COUNT + 1)
    assert _downloads(person, files) == before
    assert person.browser.get(picture["filepath"]).status_code == 200
    assert "Moved 0 objects." in server.manage("move_storage", "s3")
    assert "Moved 5 objects." in server.manage("move_storage", "disk")
    assert _downloads(person, files) == before
    assert (len(disk.keys()), bucket.keys()) == (COUNT + 1, set())


def test_damaged_bytes_are_not_moved(both: tuple[Storage, Bucket]) -> None:
    """After the move above new files go to the bucket, so this one is damaged there."""
    disk, bucket = both
    person = new_person(disk.server.base_url)
    file = person.upload(b"original").json()
    (key,) = bucket.keys()
    s3 = bucket.client()
    s3.put_object(Bucket=bucket.name, Key="private", Body=b"x")
    # Nobody without a key may more than with what was never shared; moto refuses.
    seen = {httpx.get(f"{bucket.url}/{each}").status_code for each in (key, "private")}
    assert seen == {403} or (bucket.is_foreign and seen == {200})
    s3.delete_object(Bucket=bucket.name, Key="private")
    s3.put_object(Bucket=bucket.name, Key=key, Body=b"tampered")
    with pytest.raises(AssertionError, match="not those that were uploaded"):
        disk.server.manage("move_storage", "disk")
    assert bucket.keys() == {key}
    s3.delete_object(Bucket=bucket.name, Key=key)
    with pytest.raises(AssertionError, match="does not have these bytes"):
        disk.server.manage("move_storage", "disk")
    assert person.http.get(f"/api/files/download/x/{file['file_id']}").status_code == 404


# Kills the process that moves; ``moment`` is what its call still does.
_KILLED = """
import os, signal
from django.core.management import call_command
from files import storage
from files.services import moving
real = {owner}.{name}
def die(*args):
    {moment}
    os.kill(os.getpid(), signal.SIGKILL)
{owner}.{name} = die
call_command("move_storage", "{target}")
"""
_STORES = {"s3": "storage.S3Store", "disk": "storage.DiskStore"}
_MOMENTS = {
    "when half of its copy is written": (
        "{to}", "write", "args[2].write_bytes(args[2].read_bytes()[:100]); real(*args)",
    ),
    "before its old copy goes": ("{origin}", "delete", ""),
    "before its row points there": ("moving", "_verified", "real(*args)"),
}  # fmt: skip


def _killed_move(server: LiveServer, target: str, moment: str) -> None:
    owner, name, line = _MOMENTS[moment]
    origin = _STORES["disk" if target == "s3" else "s3"]
    code = _KILLED.format(
        owner=owner.format(to=_STORES[target], origin=origin), name=name, moment=line, target=target
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=ROOT, env=server.env, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def test_a_move_that_is_killed_loses_nothing_and_leaves_nothing_behind() -> None:
    with empty_bucket() as bucket, live_server(env=ENV | bucket.env) as server:
        disk = Storage(server)
        person = new_person(server.base_url)
        data = [hashlib.shake_256(b"%d" % number).digest(50_000) for number in range(COUNT)]
        files = [
            person.upload(b"PK\x03\x04" + each, "a.zip", "application/zip").json() for each in data
        ]
        before = _downloads(person, files)
        keys = bucket.keys()
        for target, here, there in (("disk", bucket, disk), ("s3", disk, bucket)):
            for moment in _MOMENTS:  # one object has moved after them, three have not
                _killed_move(server, target, moment)
                # Nothing is lost while nobody has resumed.
                assert _downloads(person, files) == before, moment
                assert here.keys() | there.keys() == keys
            server.manage("move_storage", target)
            assert _downloads(person, files) == before
            assert (here.keys(), there.keys()) == (set(), keys)
        # What was left behind goes with its file as well.
        _killed_move(server, "disk", "before its old copy goes")
        assert len(disk.keys()) == 1
        assert person.delete(*files).status_code == 200
        assert (disk.keys(), bucket.keys()) == (set(), set())


def test_two_do_not_move_at_once(both: tuple[Storage, Bucket]) -> None:
    server = both[0].server
    with (server.data_dir / "move_storage.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AssertionError, match="Files are being moved already"):
            server.manage("move_storage", "disk")


def test_no_bucket_is_said_to_be_missing() -> None:
    with live_server(env=ENV) as server, pytest.raises(AssertionError, match="S3 is not config"):
        server.manage("move_storage", "s3")
