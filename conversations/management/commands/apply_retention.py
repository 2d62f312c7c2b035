"""``manage.py apply_retention``: remove the chats whose time is over."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from conversations.services.retention import count_expired, purge_expired


class Command(BaseCommand):
    help = (
        "Remove temporary chats whose time is over. To be run daily; the server may run meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        purge = count_expired() if options["dry_run"] else purge_expired()
        verb = "Would remove" if options["dry_run"] else "Removed"
        self.stdout.write(
            f"{verb} {purge.conversation_count} chats with {purge.message_count} messages."
        )
