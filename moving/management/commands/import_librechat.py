"""``manage.py import_librechat``: take over a LibreChat installation."""

import gc
import os
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from dotenv import dotenv_values

from librechat_backend.lib.progress import Progress
from librechat_backend.lib.times import from_iso
from moving.arriving import Unreachable, fetch_awaited, open_place
from moving.checks import check
from moving.engine import Engine
from moving.job import Options
from moving.keys import WrongKey, require_right_key
from moving.models import AwaitedBytes
from moving.overrides import COLLECTION, overrides_for_all, with_overrides
from moving.report import Report
from moving.secrets import Secrets
from moving.sources import Source, SourceUnreadable, open_source
from moving.tally import Tally
from moving.tenants import TenantUnclear, require_tenant
from moving.terminal import printable_lines
from presets.files import InvalidFile

COLLECT_AFTER = 200_000


class Command(BaseCommand):
    help = (
        "Takes over people, chats and files of LibreChat. May be interrupted and run again, also "
        "beside the old server until everybody has moved; the server may run meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "source",
            help="mongodb://…, or what mongodump (a directory, an archive) or mongoexport wrote",
        )
        parser.add_argument("--db", default="", help="which database, where there are several")
        parser.add_argument("--tenant", default="", help="whose data, where there are several")
        parser.add_argument("--dry-run", action="store_true", help="try everything, write nothing")
        parser.add_argument("--only", default="", help="these collections, with commas between")
        parser.add_argument("--skip", default="", help="all but these collections")
        parser.add_argument("--since", type=_date, help="only what was changed since (ISO 8601)")
        parser.add_argument("--users", default="", help="these addresses, with commas between")
        parser.add_argument("--env", type=Path, help="the old server's .env, for CREDS_KEY")
        parser.add_argument(
            "--files", default="", help="the old server's directory, or s3://bucket/prefix"
        )
        parser.add_argument("--report", type=Path, help="write the report there, as a page")
        parser.add_argument(
            "--merge-accounts", action="store_true",
            help="an account whose address is here already becomes part of the one here",
        )  # fmt: skip
        parser.add_argument(
            "--adopt-orphans", action="store_true",
            help="messages whose chat is gone get one called “Recovered”",
        )  # fmt: skip
        parser.add_argument(
            "--map-endpoint", action="append", default=[], type=_pair, metavar="OLD=NEW",
            help="an endpoint that is called otherwise here; may be said several times",
        )  # fmt: skip
        parser.add_argument(
            "--staff", action="store_true", help="people with the role ADMIN may open the admin"
        )
        parser.add_argument(
            "--yaml", type=Path, metavar="FILE",
            help="the old server's librechat.yaml, loaded first; see import_librechat_yaml",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        with _few_collections():
            self._move(options)

    def _move(self, options: dict[str, Any]) -> None:
        began = time.monotonic()
        try:
            source = open_source(options["source"], database=options["db"], spool=_spool())
            secrets = Secrets.load(os.environ, options["env"])
            require_right_key(source, secrets)
            require_tenant(source, options["tenant"])
            self._load_configuration(source, secrets, options)
            bar = _Bar(source)
            engine = Engine(source, _options(options), secrets, bar.reach)
            if engine.is_resumed:
                self.stdout.write("Going on where the last run ended.")
            tallies = engine.run()
            tallies["file bytes"] = self._fetch(options)
        except (SourceUnreadable, WrongKey, TenantUnclear, Unreachable) as error:
            raise CommandError(printable_lines(str(error))) from error
        report = _report(source, engine, tallies, began, is_dry=options["dry_run"])
        engine.end(is_complete=report.is_complete)
        source.close()
        self._say(report, options["report"])

    def _load_configuration(
        self, source: Source, secrets: Secrets, options: dict[str, Any]
    ) -> None:
        """First, so that what people bring finds channels and presets; with what administrators
        had set beside it. Raises CommandError.
        """
        configs = overrides_for_all(source, options["tenant"]) if _takes_configs(options) else []
        try:
            with with_overrides(options["yaml"], configs, secrets, _spool()) as path:
                if path is not None:
                    self._load_file(path, options)
        except InvalidFile as error:
            problems = printable_lines("\n".join(map(str, error.problems)))
            raise CommandError(f"{options['yaml']}: {problems}\nNothing was loaded.") from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _load_file(self, path: Path, options: dict[str, Any]) -> None:
        call_command(
            "import_librechat_yaml",
            path,
            env=options["env"],
            dry_run=options["dry_run"],
            stdout=self.stdout,
        )

    def _fetch(self, options: dict[str, Any]) -> Tally:
        """The bytes of files; without a place to look at, how many are missing."""
        if options["files"]:
            env = {**os.environ, **(dotenv_values(options["env"]) if options["env"] else {})}
            progress = Progress("Bytes of files", AwaitedBytes.objects.count())
            place = open_place(options["files"], env)
            return fetch_awaited(place, _options(options), progress.reach)
        tally = Tally()
        for awaited in AwaitedBytes.objects.values_list("file__file_id", flat=True).iterator():
            tally.read += 1
            tally.skip("its bytes were not asked for; see --files", awaited, is_lost=True)
        return tally

    def _say(self, report: Report, page: Path | None) -> None:
        self.stdout.write(report.as_text())
        if page is not None:
            page.write_text(report.as_html(), encoding="utf-8")
        if not report.is_complete:
            raise CommandError("Something is missing, see above.")


@contextmanager
def _few_collections() -> Iterator[None]:
    """Documents hold no cycles; looking for some among thousands takes longer than the rest."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Bar:
    """One bar for all collections."""

    def __init__(self, source: Source) -> None:
        self._sizes = source.collections()
        self._done: dict[str, int] = {}
        self._read: dict[str, int] = {}
        self._began = time.monotonic()
        self._progress = Progress("Moving in", sum(self._sizes.values()))

    def reach(self, collection: str, done: int, total: int, tally: Tally) -> None:
        self._done[collection], self._read[collection] = done, tally.read
        read = sum(self._read.values())
        rate = read / max(time.monotonic() - self._began, 0.001)
        note = f"{collection}, {read:,} documents, {rate:,.0f}/s"
        self._progress.reach(sum(self._done.values()), note)


def _spool() -> Path:
    directory: Path = settings.DATA_DIR / "moving"
    return directory


def _takes_configs(options: dict[str, Any]) -> bool:
    only, skip = _items(options["only"]), _items(options["skip"])
    return COLLECTION not in skip and (not only or COLLECTION in only)


def _date(text: str) -> datetime:
    return from_iso(text)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = (part.strip() for part in text.partition("="))
    if not (old and equals and new):
        raise ArgumentTypeError(f"{text} is not OLD=NEW")
    return old, new


def _report(
    source: Source, engine: Engine, tallies: dict[str, Tally], began: float, *, is_dry: bool
) -> Report:
    return Report(
        source=source.name,
        seconds=time.monotonic() - began,
        is_dry_run=is_dry,
        tallies=tallies,
        checks=[] if is_dry else list(check(tallies)),
        unknown=engine.unknown(),
        notes=list(source.notes),
    )


def _options(options: dict[str, Any]) -> Options:
    return Options(
        since=options["since"],
        users=frozenset(_items(options["users"].lower())),
        only=frozenset(_items(options["only"])),
        skip=frozenset(_items(options["skip"])),
        endpoints=tuple(options["map_endpoint"]),
        adopts_orphans=options["adopt_orphans"],
        is_dry_run=options["dry_run"],
        merges_accounts=options["merge_accounts"],
        makes_staff=options["staff"],
        files=options["files"],
        tenant=options["tenant"],
    )


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
