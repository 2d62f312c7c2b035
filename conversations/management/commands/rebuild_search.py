"""``manage.py rebuild_search``: make everything findable again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from conversations.models import Message
from conversations.search import Rebuilt, rebuild
from librechat_backend.lib.progress import Progress


class Command(BaseCommand):
    help = "Index all titles and messages anew. The server may run meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--missing", action="store_true", help="leave what is indexed already as it is"
        )
        parser.add_argument(
            "--after", default="", metavar="ID", help="go on behind this message, see its end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        progress, done = Progress("Messages", Message.objects.count()), Rebuilt()
        try:
            for done in rebuild(after=options["after"], only_missing=options["missing"]):
                progress.reach(done.messages)
        except KeyboardInterrupt as error:
            raise CommandError(f"Stopped. Go on with --after {done.last_id}") from error
        self.stdout.write(f"Indexed {done.conversations} titles and {done.messages} messages.")
