"""``manage.py load_presets``: presets from a file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from librechat_backend.lib import json
from presets.differences import Difference, FieldDifference, Verb
from presets.files import MAX_BYTES, InvalidFile, read_file
from presets.foreign import read_bundle
from presets.loading import load_bundle

_SIGNS = {Verb.ADD: "+", Verb.CHANGE: "~", Verb.REMOVE: "-"}
_MAX_VALUE_LENGTH = 100


class Command(BaseCommand):
    help = (
        "Loads presets, groups and rules from a YAML or JSON file: one that dump_presets wrote, "
        "a librechat.yaml (its modelSpecs), or a file with “models”. All of it, or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="- reads the standard input")
        parser.add_argument("--dry-run", action="store_true", help="Only show the difference")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="Remove presets, assignments and rules the file does not name",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["file"]
        try:
            document = read_file(name, _content(name))
            bundle = read_bundle(document)
            differences = load_bundle(
                document, bundle, prune=options["prune"], dry_run=options["dry_run"]
            )
        except InvalidFile as error:
            problems = "\n".join(f"{name}, {problem}" for problem in error.problems)
            raise CommandError(f"{problems}\nNothing was loaded.") from error
        for note in bundle.notes:
            self.stdout.write(self.style.WARNING(f"{name}, {note}"))
        for difference in differences:
            self._show(difference)
        self.stdout.write(_summary(differences, is_dry=options["dry_run"]))

    def _show(self, difference: Difference) -> None:
        styles = {
            Verb.ADD: self.style.SUCCESS,
            Verb.CHANGE: self.style.MIGRATE_HEADING,
            Verb.REMOVE: self.style.ERROR,
        }
        title = f"{_SIGNS[difference.verb]} {difference.what} {difference.name}"
        self.stdout.write(styles[difference.verb](title))
        for field in difference.fields:
            self.stdout.write(f"    {_line(field, difference.verb)}")


def _content(name: str) -> bytes:
    """One byte more than is allowed, to see that there is more. Raises CommandError."""
    try:
        if name == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from error


def _line(field: FieldDifference, verb: Verb) -> str:
    after = _short(field.after)
    if verb is Verb.ADD:
        return f"{field.name}: {after}"
    return f"{field.name}: {_short(field.before)} → {after}"


def _short(value: json.JSONValue) -> str:
    if value is None or value == "":
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 1]}…"


def _summary(differences: list[Difference], *, is_dry: bool) -> str:
    if not differences:
        return "Everything is as the file says."
    count = {verb: sum(each.verb is verb for each in differences) for verb in Verb}
    told = f"{count[Verb.ADD]} added, {count[Verb.CHANGE]} changed, {count[Verb.REMOVE]} removed"
    return f"{told}: tried out, nothing was saved." if is_dry else f"{told}."
