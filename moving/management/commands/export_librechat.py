"""``manage.py export_librechat``: all there is, as LibreChat's own database has it."""

import time
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from librechat_backend.lib.progress import Progress
from moving.leaving.leave import Leave
from moving.leaving.run import count, write_all
from moving.report import Report
from moving.secrets import Secrets
from moving.targets import ArchiveTarget, DirectoryTarget, Target


class Command(BaseCommand):
    help = (
        "Writes people, chats and everything else as mongodump would, for mongorestore and "
        "LibreChat. The server may run meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, nargs="?", help="is made, and must be empty")
        parser.add_argument("--archive", type=Path, help="one file in place of a directory")
        parser.add_argument("--gzip", action="store_true", help="compressed")
        parser.add_argument("--db", default="LibreChat", help="the database's name (%(default)s)")
        parser.add_argument("--users", default="", help="these addresses, with commas between")
        parser.add_argument("--files", type=Path, help="copy the bytes of files below there")
        parser.add_argument("--env", type=Path, help="the new server's .env, for CREDS_KEY")
        parser.add_argument("--report", type=Path, help="write the report there, as a page")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        secrets = Secrets.load({}, options["env"])
        leave = Leave(secrets, _addresses(options["users"]), options["files"])
        if leave.owners is not None and len(leave.owners) < len(leave.emails):
            raise CommandError("--users: there is no account for some of these addresses.")
        progress = Progress("Leaving", count(leave))
        try:
            with closing(_target(options)) as target:
                tallies = write_all(leave, target, lambda name, done: progress.reach(done, name))
        except OSError as error:
            raise CommandError(f"Cannot write {error.filename}: {error.strerror}.") from error
        source, seconds = str(options["archive"] or options["directory"]), time.monotonic() - began
        report = Report(source, seconds, is_dry_run=False, tallies=tallies)
        self._say(report, options["report"])

    def _say(self, report: Report, page: Path | None) -> None:
        self.stdout.write(report.as_text())
        if page is not None:
            page.write_text(report.as_html(), encoding="utf-8")
        if not report.is_complete:
            raise CommandError("Something is missing, see above.")


def _target(options: dict[str, Any]) -> Target:
    if (options["archive"] is None) == (options["directory"] is None):
        raise CommandError("Name a directory, or a file with --archive.")
    if options["archive"] is not None:
        return ArchiveTarget(options["archive"], options["db"], is_packed=options["gzip"])
    return DirectoryTarget(options["directory"], options["db"], is_packed=options["gzip"])


def _addresses(text: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in text.split(",") if part.strip())
