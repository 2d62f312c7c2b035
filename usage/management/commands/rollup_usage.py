"""``manage.py rollup_usage``: add what was used to its days, at once."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand

from usage.analytics.rollup import recount, roll_up_all


class Command(BaseCommand):
    help = (
        "Add the requests of the log to the figures of their days. The server does this by itself; "
        "it may run meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="add up the days from this one on (UTC) anew, after changes by hand",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Counted {roll_up_all()} requests.")
        if options["since"]:
            days = recount(since=options["since"])
            self.stdout.write(f"Added up {len(days)} days once more.")
