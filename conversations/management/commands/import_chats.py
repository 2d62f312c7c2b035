"""``manage.py import_chats``: a file of chats, for a person."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from conversations.models import ChatImport
from conversations.services.imports import create_import, run_import
from files.receiving import spooled


class Command(BaseCommand):
    help = "Imports chats of ChatGPT, Claude, ChatbotUI, LibreChat or of this server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account with the address {options['email']}.")
        row = _received(user, options["file"])
        run_import(import_id=row.pk)
        row.refresh_from_db()
        self._say(row)
        if row.problem:
            raise CommandError(row.problem)

    def _say(self, row: ChatImport) -> None:
        self.stdout.write(
            f"Found {row.found}: {row.added} new, {row.extended} with new messages, "
            f"{row.known} here already, {row.skipped} skipped."
        )
        for entry in row.report:
            self.stdout.write(f"Number {entry['number']}: {entry['reason']}")


def _received(user: User, file: Path) -> ChatImport:
    with spooled() as path:
        try:
            shutil.copyfile(file, path)
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}") from error
        return create_import(user=user, path=path, file_name=file.name)
