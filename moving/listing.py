"""On PostgreSQL: which entries of a search go into its full-text index.

Taking in its words is half of what a message costs, and for most people in vain: as long as
somebody has few entries, a search reads them one by one. So the first of each stay outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import connection
from django.db.models import Count

from conversations.models import SearchEntry
from conversations.search import RECENT_ENTRIES
from moving.rows import Row


class Listing:
    """Keeps how many entries of each owner are outside: a number for each, in memory.

    What is judged again, after a transaction that failed, is counted again: of who wrote it some
    more go into the index.
    """

    def __init__(self) -> None:
        self._unlisted: Counter[str] | None = None

    def judge(self, entries: Sequence[Row]) -> Sequence[Row]:
        """The same entries, which say it now."""
        if connection.vendor != "postgresql":
            return entries
        unlisted = self._counted()
        for entry in entries:
            owner = entry["owner"]
            entry["is_listed"] = unlisted[owner] >= RECENT_ENTRIES
            unlisted[owner] += not entry["is_listed"]
        return entries

    def _counted(self) -> Counter[str]:
        """One query for the first entries of a move."""
        if self._unlisted is None:
            outside = SearchEntry.objects.filter(is_listed=False).values_list("owner")
            self._unlisted = Counter(dict(outside.annotate(Count("pk")).order_by()))
        return self._unlisted
