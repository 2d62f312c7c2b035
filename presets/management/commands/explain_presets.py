"""``manage.py explain_presets``: who gets which presets, how, and why."""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.groups import effective_groups
from accounts.models import User
from accounts.models.user import normalize_email
from librechat_backend.lib import json
from presets.explain import PresetExplanation, explain_resolution
from presets.explain_fields import FieldExplanation
from presets.resolver import offer_for

_MAX_CELL_LENGTH = 60


class Command(BaseCommand):
    help = "Tells which presets a person has or has not, and why; of one also each value."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--preset", metavar="SLUG", help="Short name: only this one")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(email=normalize_email(options["email"])).first()
        if person is None:
            raise CommandError(f"Nobody has the address “{options['email']}”.")
        offer = offer_for(person)
        explained = explain_resolution(offer.resolution, unavailable=offer.unavailable)
        self._show_person(person)
        if options["preset"] is None:
            self._show_table(("", "Preset", "Short name", "State", "Why"), map(_row, explained))
            return
        wanted = [each for each in explained if each.slug == options["preset"]]
        if not wanted:
            raise CommandError(f"“{options['preset']}” was never given to {person}.")
        for each in wanted:
            self._show_preset(each)

    def _show_person(self, person: User) -> None:
        groups = ", ".join(group.name for group in effective_groups(person.id))
        self.stdout.write(self.style.MIGRATE_HEADING(f"{person}, in: {groups or 'no group'}"))

    def _show_preset(self, explained: PresetExplanation) -> None:
        heading = f"{explained.name}, version {explained.version}: {explained.state}"
        self.stdout.write(self.style.MIGRATE_HEADING(heading))
        for sentence in (explained.sentence, *explained.notes):
            self.stdout.write(f"  {sentence}")
        if explained.fields:
            self._show_table(("Field", "Value", "Why"), map(_field_row, explained.fields))

    def _show_table(self, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        table = [list(heading), *(list(row) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for number, row in enumerate(table):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            line = "  ".join(cells).rstrip()
            self.stdout.write(self.style.MIGRATE_LABEL(line) if number == 0 else line)


def _row(explained: PresetExplanation) -> tuple[str, ...]:
    place = "" if explained.position is None else f"{explained.position}."
    why = " ".join((explained.sentence, *explained.notes))
    return place, explained.name, explained.slug, explained.state, why


def _field_row(field: FieldExplanation) -> tuple[str, ...]:
    lost = (f"Not {_cell(loser.value)}: {loser.sentence}" for loser in field.losers)
    locked = ("Locked.",) if field.is_locked else ()
    return field.label, _cell(field.value), " ".join((field.sentence, *locked, *lost))


def _cell(value: json.JSONValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= _MAX_CELL_LENGTH else f"{text[: _MAX_CELL_LENGTH - 1]}…"
