"""What nobody has any more goes, whatever became of who had it."""

import os
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from accounts.services.deletion import delete_account
from files.models import Blob, File
from files.services import cleaning, storing
from files.services.cleaning import Cleaned
from tests.files.factories import make_file, path_of


def test_everything_goes_with_the_account(alice: User, bob: User, admin_user: User) -> None:
    gone, kept = make_file(alice), make_file(bob)
    delete_account(user=alice)
    assert not File.objects.filter(pk=gone.pk).exists()
    assert cleaning.clean() == Cleaned(0, 1, 5)
    assert not path_of(gone.blob.key).exists()
    assert path_of(kept.blob.key).read_bytes() == b"hello"
    assert list(Blob.objects.all()) == [kept.blob]


def test_expired_files_go(alice: User) -> None:
    now = timezone.now()
    gone = make_file(alice, expires_at=now - timedelta(seconds=1))
    kept = make_file(alice, expires_at=now + timedelta(hours=1))
    assert cleaning.count_waste() == Cleaned(1, 0, 0)
    assert cleaning.clean() == Cleaned(1, 1, 5)
    assert list(File.objects.all()) == [kept]
    assert not path_of(gone.blob.key).exists()


def test_bytes_stay_while_another_file_has_them(alice: User, bob: User) -> None:
    first = make_file(alice)
    File.objects.create(
        user=bob, blob=first.blob, name="copy", filename="a", media_type="a/b", byte_count=5
    )
    blob_ids = storing.delete_files(user=alice, file_ids=[first.file_id])
    assert cleaning.remove_waste(blob_ids=blob_ids) == Cleaned()
    assert path_of(first.blob.key).exists()


@pytest.mark.usefixtures("db")
def test_an_upload_in_progress_is_left_alone_until_its_process_must_be_dead() -> None:
    blob = storing.begin_blob()
    assert cleaning.remove_waste() == Cleaned()
    Blob.objects.filter(pk=blob.pk).update(created_at=timezone.now() - timedelta(days=2))
    assert cleaning.remove_waste() == Cleaned(0, 1, 0)
    assert not Blob.objects.exists()


@pytest.mark.usefixtures("db")
def test_what_dead_processes_left_in_the_spool_goes() -> None:
    settings.SPOOL_DIR.mkdir(exist_ok=True)
    old, new = settings.SPOOL_DIR / "old", settings.SPOOL_DIR / "new"
    old.touch()
    new.touch()
    os.utime(old, (time.time() - 90_000, time.time() - 90_000))
    assert cleaning.remove_broken_uploads() == 1
    assert (old.exists(), new.exists()) == (False, True)
    new.unlink()


def test_what_cannot_be_removed_is_tried_again(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_file(alice)
    file.delete()
    path = path_of(file.blob.key)
    path.unlink()
    path.mkdir()
    (path / "x").touch()  # a directory that is not empty cannot be removed
    assert cleaning.remove_waste() == Cleaned()
    assert Blob.objects.count() == 1
    (path / "x").unlink()
    path.rmdir()
    assert cleaning.remove_waste() == Cleaned(0, 1, 5)


def test_the_command_says_what_went(alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    make_file(alice, expires_at=timezone.now())
    make_file(alice).delete()
    call_command("clean_files", "--dry-run")
    call_command("clean_files")
    call_command("clean_files")
    assert capsys.readouterr().out.splitlines() == [
        "Would remove 1 expired files and 1 stored objects (5 bytes).",
        "Removed 1 expired files and 2 stored objects (10 bytes).",
        "Removed 0 expired files and 0 stored objects (0 bytes).",
    ]
