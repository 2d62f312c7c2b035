"""Who gets what: 1,000 presets, 50 groups, a person in 10 of them."""

import random
import time
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.report import Row, at_most, figure, median

if TYPE_CHECKING:
    from accounts.models import Group
    from presets.models import Preset

PRESETS, GROUPS, MEMBERSHIPS = 1000, 50, 10
ASSIGNMENTS_PER_PRESET = 2


def run(*, smoke: bool) -> list[Row]:
    """On SQLite, in one transaction that is rolled back."""
    from django.core.management import call_command
    from django.db import transaction

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        user_id = _organisation(random.Random(7))  # noqa: S311 - the same each time
        rows = _measure(user_id, rounds=5 if smoke else 60)
        transaction.set_rollback(True)
    return rows


def _measure(user_id: str, rounds: int) -> list[Row]:
    from presets import resolver, snapshot

    def for_the_first_time() -> None:
        resolver._people.clear()
        resolver._groups.clear()

    def after_a_change() -> None:
        # As the renewed stamp of any change does it, with the row of one preset changed.
        Preset.objects.filter(slug="bench-0").update(description=str(next(numbers)))

    def at_the_start() -> None:
        snapshot._cached = None
        snapshot._PRESETS.forget()
        snapshot._ASSIGNMENTS_AND_POLICIES.forget()
        for_the_first_time()

    def resolve() -> None:
        stamp = snapshot.current_stamps().access
        resolver.resolution_for(user_id, resolver._groups_of(user_id, stamp), served, stamp)

    from presets.models import Preset

    numbers, served = count(), frozenset({("openAI", "gpt-4.1")})
    figures = (
        ("resolution, kept in memory", lambda: None, 0.2),
        ("resolution of a person for the first time", for_the_first_time, 10.0),
    )
    rows = [
        at_most(work, _median_ms(prepare, resolve, rounds), target, "ms")
        for work, prepare, target in figures
    ]
    again = _median_ms(after_a_change, resolve, rounds)
    first = _median_ms(at_the_start, resolve, rounds)
    return [
        *rows,
        figure("the same, and a preset has changed: the tables are read again", f"{again:.1f} ms"),
        figure("the same in a process that has just started", f"{first:.1f} ms"),
    ]


def _median_ms(prepare: Callable[[], object], work: Callable[[], None], rounds: int) -> float:
    work()
    seconds = []
    for _ in range(rounds):
        prepare()
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return median(seconds) * 1000


def _organisation(chance: random.Random) -> str:
    """The id of the person it is measured for."""
    from accounts.models import Membership, User
    from presets.models import Assignment, Preset

    groups = _groups(chance)
    user = User.objects.create(email="bench@example.com")
    Membership.objects.bulk_create(
        Membership(user=user, group=group) for group in chance.sample(groups, MEMBERSHIPS)
    )
    presets = [_preset(number) for number in range(PRESETS)]
    for number in range(PRESETS // 5, PRESETS, 5):
        presets[number].extends = presets[number // 5]
    Preset.objects.bulk_create(presets)
    Assignment.objects.bulk_create(
        Assignment(preset=preset, group=group, priority=chance.randrange(10))
        for preset in presets
        for group in chance.sample(groups, ASSIGNMENTS_PER_PRESET)
    )
    return str(user.pk)


def _groups(chance: random.Random) -> list["Group"]:
    from accounts.models import Group

    groups: list[Group] = []
    for number in range(GROUPS):
        parent = chance.choice([None, *groups]) if groups else None
        name = f"bench-{number}"
        groups.append(Group.objects.create(name=name, slug=name, parent=parent))
    return groups


def _preset(number: int) -> "Preset":
    from presets.models import Preset

    return Preset(
        slug=f"bench-{number}",
        name=f"Preset {number}",
        endpoint="openAI",
        model="gpt-4.1",
        system_message="You are helpful. " * 20,
        parameters={"temperature": 0.5, "top_p": 0.9},
        bounds={"temperature": {"min": 0.1, "max": 1}},
    )
