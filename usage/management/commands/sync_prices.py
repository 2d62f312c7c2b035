"""``manage.py sync_prices``: the published prices of models into the table of prices."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from usage import price_sync, published
from usage.models import Price
from usage.price_sync import Difference, Verb
from usage.published import PublishedPrice
from usage.usd import per_million

_SIGNS = {Verb.ADD: "+", Verb.CHANGE: "~", Verb.KEEP: "="}


class Command(BaseCommand):
    help = (
        "Compares the prices of models with those published in the package genai-prices, shows "
        "what differs, and asks before it writes. Past prices and those set by hand stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--dry-run", action="store_true", help="Only show the difference")
        how.add_argument("--apply", action="store_true", help="Write without asking")
        how.add_argument(
            "--if-empty", action="store_true", help="Write where there are no prices at all yet"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_empty"] and Price.objects.exists():
            return
        now = timezone.now()
        found = price_sync.differences(now)
        if not options["if_empty"]:
            for difference in found:
                self._show(difference)
        self.stdout.write(f"{published.source()}: {_summary(found)}")
        changes = [each for each in found if each.verb is not Verb.KEEP]
        if not changes or not _is_wanted(options):
            self.stdout.write("Nothing was changed.")
            return
        price_sync.apply(found, now=now)
        self.stdout.write(self.style.SUCCESS(f"{len(changes)} models have new prices."))

    def _show(self, difference: Difference) -> None:
        after = difference.after[0]
        line = f"{_SIGNS[difference.verb]} {difference.kind} {difference.model}: "
        if difference.before:
            row = difference.before[0]
            line += f"{per_million(row.input_credits)} / {per_million(row.output_credits)} → "
        line += _told(after)
        if len(difference.after) > 1:
            dates = ", ".join(f"{each.valid_from:%Y-%m-%d}" for each in difference.after[1:])
            line += f", another from {dates}"
        self.stdout.write(line + (" (set by hand, stays)" if difference.verb is Verb.KEEP else ""))


def _is_wanted(options: dict[str, Any]) -> bool:
    return not options["dry_run"] and (options["apply"] or options["if_empty"] or _agrees())


def _told(price: PublishedPrice) -> str:
    return f"{per_million(price.rates['input'])} / {per_million(price.rates['output'])}"


def _summary(found: list[Difference]) -> str:
    counts = {verb: sum(each.verb is verb for each in found) for verb in Verb}
    return (
        f"{counts[Verb.ADD]} new, {counts[Verb.CHANGE]} changed, {counts[Verb.KEEP]} set by hand."
    )


def _agrees() -> bool:
    return input("Write these prices? [y/N] ").strip().lower() in ("y", "yes")
