"""``manage.py export_user``: everything a person has, in an archive."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from conversations.exporting import archive_name, export_archive


class Command(BaseCommand):
    help = "Writes everything a person has into an archive, which can be imported again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--output", help="File to write; default: one with today's date here")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account with the address {options['email']}.")
        path = Path(options["output"] or archive_name(user))
        unfinished = path.with_name(f"{path.name}.part")
        try:
            with unfinished.open("xb") as file:
                for chunk in export_archive(user):
                    file.write(chunk)
            unfinished.replace(path)
        except OSError as error:
            raise CommandError(f"Cannot write {path}: {error.strerror}") from error
        self.stdout.write(f"Wrote {path} ({path.stat().st_size} bytes).")
