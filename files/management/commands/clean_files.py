"""``manage.py clean_files``: remove what nobody has any more, at once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from files.services.cleaning import clean, count_waste


class Command(BaseCommand):
    help = (
        "Remove files whose time is over, and bytes no file has any more. The server does this "
        "by itself every few minutes; it may run meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        cleaned = count_waste() if options["dry_run"] else clean()
        verb = "Would remove" if options["dry_run"] else "Removed"
        self.stdout.write(
            f"{verb} {cleaned.file_count} expired files and {cleaned.blob_count} stored objects "
            f"({cleaned.byte_count} bytes)."
        )
