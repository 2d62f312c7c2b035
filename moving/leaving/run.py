"""The order of an export, and its count."""

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter

from moving.leaving.access import ACCESS
from moving.leaving.agents import AGENTS, GIVEN, KEPT_ACCESS
from moving.leaving.banners import BANNERS
from moving.leaving.chats import (
    CONVERSATIONS,
    MESSAGES,
    PRESETS,
    PROJECTS,
    SHARED_LINKS,
    TAGS,
)
from moving.leaving.files import FILES
from moving.leaving.kept import KEPT_LEAVING
from moving.leaving.leave import Leave, Leaving
from moving.leaving.money import BALANCES, TRANSACTIONS
from moving.leaving.people import CREDENTIALS, FAVORITES, GROUPS, MEMORIES, ROLES, USERS
from moving.leaving.prompts import PROMPT_GROUPS, PROMPTS
from moving.tally import Tally
from moving.targets import Target, Unwritable

# Tags after the chats that are counted for them; those of one name beside each other.
ALWAYS: tuple[Leaving, ...] = (
    ROLES, USERS, GROUPS, PROJECTS, PRESETS, CONVERSATIONS, TAGS, MESSAGES, SHARED_LINKS,
    PROMPT_GROUPS, PROMPTS, MEMORIES, FAVORITES, CREDENTIALS, FILES, ACCESS, KEPT_ACCESS, GIVEN,
    BALANCES, TRANSACTIONS,
)  # fmt: skip
# Of these only what there is: they are nothing people here have made.
IF_ANY = (BANNERS, AGENTS, *KEPT_LEAVING)

Reach = Callable[[str, int], None]


def count(leave: Leave) -> int:
    """How many rows there are to look at."""
    return sum(each.rows(leave).count() for each in (*ALWAYS, *IF_ANY))


def write_all(leave: Leave, target: Target, reached: Reach) -> dict[str, Tally]:
    """``reached`` hears how many rows of all were looked at."""
    tallies: dict[str, Tally] = {}
    wanted = (*ALWAYS, *(each for each in IF_ANY if each.rows(leave).exists()))
    target.begin(list(dict.fromkeys(each.name for each in wanted)))
    done = 0
    for name, several in groupby(wanted, attrgetter("name")):
        tallies[name] = leave.tally = Tally()
        for each in several:
            for _ in _written(each, leave, target):
                done += 1
                reached(name, done)
        target.end(name)
    return tallies


def _written(collection: Leaving, leave: Leave, target: Target) -> Iterator[None]:
    for document in collection.documents(leave):
        leave.tally.read += 1
        if document is not None:
            try:
                target.write(collection.name, document)
                leave.tally.written += 1
            except Unwritable as problem:
                leave.tally.skip(str(problem), str(document["_id"]), is_lost=True)
        yield
