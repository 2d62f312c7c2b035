"""``manage.py move_storage disk|s3``: move all files there."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from files.models import Blob
from files.services.moving import MoveRunning, move_blobs, only_move, remove_left_behind
from files.storage import BytesMissing, store


class Command(BaseCommand):
    help = (
        "Move all files to the disk or to S3, checking each by its checksum. May be interrupted "
        "and run again; the server may run meanwhile, with S3_BUCKET set in both directions."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", choices=Blob.Storage.values)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            store(options["target"])
        except BytesMissing as error:
            raise CommandError(str(error)) from error
        try:
            with only_move():
                self._move(Blob.Storage(options["target"]))
        except MoveRunning as error:
            raise CommandError("Files are being moved already.") from error

    def _move(self, target: Blob.Storage) -> None:
        moved = failed = 0
        for result in move_blobs(target=target):
            if result.problem:
                failed += 1
                self.stderr.write(f"{result.blob.key}: {result.problem}")
            else:
                moved += 1
        self.stdout.write(f"Moved {moved} objects.")
        if left := remove_left_behind(target=target):
            self.stdout.write(f"Removed {left} old copies, left by a move that was interrupted.")
        if failed:
            raise CommandError(f"Not moved: {failed} objects.")
