"""``manage.py rebuild_search``: make everything findable again."""

from typing import Any

from django.core.management.base import BaseCommand

from conversations.search import rebuild


class Command(BaseCommand):
    help = "Index all titles and messages anew. The server may run meanwhile."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = rebuild()
        self.stdout.write(f"Indexed {counts.conversations} titles and {counts.messages} messages.")
