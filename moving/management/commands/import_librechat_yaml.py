"""``manage.py import_librechat_yaml``: a LibreChat server's configuration."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from librechat_backend.lib.env import read_dotenv
from moving.librechat_yaml import load
from moving.librechat_yaml.fetching import fetch_models
from moving.librechat_yaml.report import Report
from moving.librechat_yaml.writing import as_page, as_text, setting_line
from moving.terminal import printable_lines
from presets.files import InvalidFile


class Command(BaseCommand):
    help = (
        "Loads a librechat.yaml into channels, presets, rules and settings: all of it, or nothing. "
        "Again is as good as once; what was changed here since is kept. Each key that is not taken "
        "is listed with the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="librechat.yaml")
        parser.add_argument("--env", type=Path, help="The old server’s .env, for ${NAME}")
        parser.add_argument("--dry-run", action="store_true", help="Only show the difference")
        parser.add_argument(
            "--overwrite", action="store_true", help="Change back what was changed here since"
        )
        parser.add_argument(
            "--fetch-models",
            action="store_true",
            help="Ask services for their models where the file says “fetch: true”",
        )
        parser.add_argument("--report", type=Path, help="Write the whole report there, as a page")
        parser.add_argument(
            "--write-env", type=Path, metavar="FILE", help="Add the settings to this .env file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = _loaded(options)
        for line in as_text(report, everything=options["verbosity"] > 1):
            self.stdout.write(line)
        if options["report"]:
            _write(options["report"], as_page(report))
        if options["write_env"] and not options["dry_run"]:
            _append(options["write_env"], report)
        if options["fetch_models"] and not options["dry_run"]:
            for line in fetch_models(report.fetchable):
                self.stderr.write(line)


def _loaded(options: dict[str, Any]) -> Report:
    """Raises CommandError."""
    path: Path = options["file"]
    try:
        env = read_dotenv(options["env"]) if options["env"] else {}
        return load(path, env, dry_run=options["dry_run"], overwrites=options["overwrite"])
    except InvalidFile as error:
        problems = "\n".join(f"{path.name}, {problem}" for problem in error.problems)
        raise CommandError(printable_lines(f"{problems}\nNothing was loaded.")) from error
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{options['env']}: this is no text in UTF-8.") from error


def _append(path: Path, report: Report) -> None:
    """Later lines of a .env file win. Raises CommandError."""
    lines = "".join(f"{setting_line(setting)}\n" for setting in report.settings)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    gap = "" if not old or old.endswith("\n") else "\n"
    _write(path, f"{old}{gap}{lines}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
