"""Who gets what: 1,000 presets, 50 groups, a person in 10 of them."""

import random
import time
from collections.abc import Callable

from benchmarks.report import Row, at_most, figure, median

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

    def after_a_change() -> None:
        snapshot._cached = None
        resolver._people.clear()

    def resolve() -> None:
        resolver.resolution_for(user_id)

    figures = (
        ("resolution, kept in memory", lambda: None, 0.2),
        ("resolution of a person for the first time", resolver._people.clear, 10.0),
    )
    rows = [
        at_most(work, _median_ms(prepare, resolve, rounds), target, "ms")
        for work, prepare, target in figures
    ]
    again = _median_ms(after_a_change, resolve, rounds)
    work = "the same right after a change: this process reads the tables again"
    return [*rows, figure(work, f"{again:.1f} ms")]


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
    from accounts.models import Group, Membership, User
    from presets.models import Assignment, Preset

    groups: list[Group] = []
    for number in range(GROUPS):
        parent = chance.choice([None, *groups]) if groups else None
        name = f"bench-{number}"
        groups.append(Group.objects.create(name=name, slug=name, parent=parent))
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


def _preset(number: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
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
