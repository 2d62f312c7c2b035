"""``manage.py dump_presets``: presets as a file for load_presets."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from presets.dumping import dumped_tables
from presets.files import write_json, write_yaml


class Command(BaseCommand):
    help = "Writes groups (without members), presets and rules; load_presets reads them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["yaml", "json"], default="yaml")

    def handle(self, *args: Any, **options: Any) -> None:
        write = write_json if options["format"] == "json" else write_yaml
        self.stdout.write(write(dumped_tables()), ending="")
