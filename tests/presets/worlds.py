"""Random organisations: groups, people, presets, assignments and rules, as rows."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from hypothesis import strategies as st

from accounts.models import Group, Membership, User
from presets.models import Assignment, Policy, Preset

# The last of each is served by no channel.
PAIRS = (("openAI", "gpt-4.1"), ("openAI", "o3"), ("anthropic", "claude-opus"), ("openAI", "gone"))
MOMENTS = (None, -2, -1, 1, 2)
PRECEDENCES = (
    None,
    ["user", "group", "system"],
    ["system", "group", "user"],
    ["group", "system", "user"],
)
Draw = Any


@dataclass(frozen=True)
class World:
    users: list[User]


def maybe(draw: Draw, one_in: int = 4) -> bool:
    return bool(draw(st.integers(1, one_in)) == 1)


def draw_world(draw: Draw) -> World:
    users = [User(email=f"p{number}@example.com", name=f"P{number}") for number in range(3)]
    User.objects.bulk_create(users)
    groups = _groups(draw)
    _memberships(draw, users, groups)
    presets = _presets(draw)
    _assignments(draw, users, groups, presets)
    _policies(draw, groups)
    return World(users)


def _groups(draw: Draw) -> list[Group]:
    groups: list[Group] = []
    for number in range(draw(st.integers(0, 6))):
        parent = groups[-1] if groups and maybe(draw, 2) else draw(st.sampled_from([None, *groups]))
        name = f"g{number}"
        groups.append(
            Group.objects.create(name=name, slug=name, parent=parent, is_active=not maybe(draw, 8))
        )
    return groups


def _memberships(draw: Draw, users: list[User], groups: list[Group]) -> None:
    pairs = [(user, group) for user in users for group in groups]
    Membership.objects.bulk_create(
        Membership(user=user, group=group) for user, group in pairs if maybe(draw, 3)
    )


def _presets(draw: Draw) -> list[Preset]:
    presets: list[Preset] = []
    for number in range(draw(st.integers(0, 5))):
        endpoint, model = draw(st.sampled_from(PAIRS))
        presets.append(
            Preset.objects.create(
                slug=draw(st.sampled_from(["a", "b", "c", f"s{number}"])),
                name=draw(st.sampled_from(["", "Same", f"Preset {number}"])),
                endpoint="" if maybe(draw) else endpoint,
                model="" if maybe(draw) else model,
                system_message=draw(st.sampled_from(["", "", "Be kind", "Be brief"])),
                extends=draw(st.sampled_from([None, *presets[-2:]])),
                is_active=not maybe(draw, 8),
                parameters=_parameters(draw),
                bounds=_bounds(draw),
                locked=draw(
                    st.lists(
                        st.sampled_from(["system_message", "temperature", "top_p"]),
                        unique=True,
                        max_size=2,
                    )
                ),
            )
        )
    return presets


def _parameters(draw: Draw) -> dict[str, Any]:
    numbers = st.sampled_from([0.1, 0.4, 0.5, 0.6, 0.9])
    names = draw(st.lists(st.sampled_from(["temperature", "top_p"]), unique=True))
    return {name: draw(numbers) for name in names}


def _bounds(draw: Draw) -> dict[str, Any]:
    if maybe(draw, 3):
        return {}
    numbers = [None, 0.2, 0.3, 0.7, 0.8]
    low, high = draw(st.sampled_from(numbers)), draw(st.sampled_from(numbers))
    if low is not None and high is not None and low > high:
        low, high = high, low
    return {"temperature": {"min": low, "max": high}}


def _assignments(draw: Draw, users: list[User], groups: list[Group], presets: list[Preset]) -> None:
    targets: list[dict[str, Any]] = [
        *({"user": user} for user in users),
        *({"group": group} for group in groups),
        {},
    ]
    rows, final_one_in = [], draw(st.sampled_from([2, 8]))
    for preset in presets:
        for target in targets:
            if maybe(draw, 2):
                rows.append(Assignment(preset=preset, **target, **_options(draw, final_one_in)))
    Assignment.objects.bulk_create(rows)
    now = timezone.now()
    for row in rows:
        row.created_at = now - timedelta(days=draw(st.integers(10, 12)))
    Assignment.objects.bulk_update(rows, ["created_at"])


def _options(draw: Draw, final_one_in: int) -> dict[str, Any]:
    now = timezone.now()
    starts, ends = draw(st.sampled_from(MOMENTS)), draw(st.sampled_from(MOMENTS))
    return {
        "effect": "deny" if maybe(draw, 3) else "allow",
        "is_final": maybe(draw, final_one_in),
        "priority": draw(st.sampled_from([0, 0, 0, 1, -1, 5])),
        "is_default": maybe(draw, 3),
        "is_active": not maybe(draw, 8),
        "starts_at": starts and maybe(draw) and now + timedelta(days=starts) or None,
        "ends_at": ends and maybe(draw) and now + timedelta(days=ends) or None,
        "rollout_percent": draw(st.sampled_from([100, 100, 100, 0, 50])),
    }


def _policies(draw: Draw, groups: list[Group]) -> None:
    switches = st.sampled_from([None, None, True, False])
    for group in (None, *groups):
        if maybe(draw, 3):
            Policy.objects.create(
                group=group,
                allows_override=draw(switches),
                allows_group_presets=draw(st.sampled_from([None, None, None, True, False])),
                enforce=draw(switches),
                scope_precedence=draw(st.sampled_from(PRECEDENCES)),
            )
