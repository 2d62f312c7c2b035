"""One move: what was asked for, and what is known of it so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from accounts.models import Group
from moving.newapi.channel_types import Flavour, flavour_of
from moving.newapi.names import Names
from moving.newapi.reading import DEFAULT_UNITS_PER_USD
from moving.newapi.source import Source
from moving.newapi.values import text
from moving.tally import Tally

UNITS_OPTION = "QuotaPerUnit"


@dataclass
class Move:
    """``merges``: people whose address has an account here get it. ``is_dry``: nothing is written.

    ``user_ids``: id there → id here, of everybody who was taken over; ``refused``: who should have
    been; ``made_here``: whose account this move, or one before it, has made; ``credited``,
    ``channel_ids`` and ``token_hashes`` name what must be in the database afterwards. ``reached``
    hears of how
    many rows of a table were worked on.
    """

    source: Source
    names: Names
    merges: bool = False
    makes_staff: bool = False
    is_dry: bool = False
    reached: Callable[[str, int], None] = lambda table, done: None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    tallies: dict[str, Tally] = field(default_factory=dict)
    user_ids: dict[int, str] = field(default_factory=dict)
    made_here: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    credited: list[str] = field(default_factory=list)
    channel_ids: list[str] = field(default_factory=list)
    token_hashes: list[str] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    groups_in_use: set[str] = field(default_factory=set)

    def tally(self, table: str) -> Tally:
        return self.tallies.setdefault(table, Tally())

    @cached_property
    def flavour(self) -> Flavour:
        return flavour_of(self.source.columns["channels"])

    @cached_property
    def units_per_usd(self) -> int:
        """What the old server was told a dollar is, or what it takes one for by itself."""
        stored = [
            text(row, "value")
            for rows in self.source.batches("options")
            for row in rows
            if text(row, "key") == UNITS_OPTION
        ]
        try:
            return max(1, int(float(stored[0]))) if stored else DEFAULT_UNITS_PER_USD
        except (ValueError, OverflowError):
            return DEFAULT_UNITS_PER_USD
