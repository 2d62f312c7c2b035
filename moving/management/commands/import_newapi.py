"""``manage.py import_newapi``: moves in from one-api or new-api."""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from librechat_backend.lib.progress import Progress
from moving.newapi.checking import check
from moving.newapi.move import Move
from moving.newapi.names import DEFAULT_DOMAIN, Names
from moving.newapi.run import take_over
from moving.newapi.source import REQUIRED, Source, SourceUnreadable, open_source
from moving.report import Report
from moving.terminal import printable_lines


class Command(BaseCommand):
    help = (
        "Takes over channels, people, their credits and their keys from one-api or new-api. May be "
        "interrupted and run again: what is here already stays as it is. Exit status 1: something "
        "is missing that somebody may want."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "source",
            type=Path,
            help="the SQLite file, or what mysqldump or pg_dump wrote (also .gz)",
        )
        parser.add_argument("--dry-run", action="store_true", help="read everything, write nothing")
        parser.add_argument("--report", type=Path, help="write the report there, as a page")
        parser.add_argument(
            "--merge-accounts", action="store_true",
            help="people whose address has an account here get their keys and credits there",
        )  # fmt: skip
        parser.add_argument(
            "--staff", action="store_true",
            help="administrators there may open the admin and do everything in it",
        )  # fmt: skip
        parser.add_argument(
            "--domain", default=DEFAULT_DOMAIN,
            help="people without an address sign in with <user name>@DOMAIN (%(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "--installation", default="default",
            help="a name for the old server, where there are several",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            move = self._move(options)
        except SourceUnreadable as error:
            raise CommandError(printable_lines(str(error))) from error
        self._say(_report(move, options, time.monotonic() - began), options["report"])

    def _move(self, options: dict[str, Any]) -> Move:
        """Raises SourceUnreadable, before anything was written."""
        path = options["source"]
        size = path.stat().st_size if path.exists() else 0
        with open_source(path, Progress("Reading", size).reach) as source:
            move = Move(
                source,
                Names(options["installation"], options["domain"].lower().lstrip("@")),
                merges=options["merge_accounts"],
                makes_staff=options["staff"],
                is_dry=options["dry_run"],
                reached=_bars(source),
            )
            take_over(move)
        return move

    def _say(self, report: Report, page: Path | None) -> None:
        self.stdout.write(report.as_text())
        if page is not None:
            page.write_text(report.as_html(), encoding="utf-8")
        if not report.is_complete:
            raise CommandError("Something is missing, see above.")


def _bars(source: Source) -> Callable[[str, int], None]:
    bars = {name: Progress(name.title(), source.count(name)) for name in REQUIRED}
    return lambda table, done: bars[table].reach(done)


def _report(move: Move, options: dict[str, Any], seconds: float) -> Report:
    balances = (
        "Credits are given, and are asked for as soon as balances are switched on (billing rules)."
    )
    return Report(
        source=str(options["source"]),
        seconds=seconds,
        is_dry_run=move.is_dry,
        tallies=move.tallies,
        checks=[] if move.is_dry else list(check(move)),
        notes=[f"Read as {move.flavour}, {move.units_per_usd:,} units for 1 USD.", balances],
    )
