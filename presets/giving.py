"""Giving a preset to several people and groups at once: all of them, or nobody."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from accounts.changes import because
from accounts.models import Group, User
from accounts.models.stamp import changing_rules
from presets.models import Assignment, Preset
from presets.services import AssignmentOptions, assign_preset, save_preset, unassign_preset


class Principal(TypedDict, total=False):
    """One of them, as services take it."""

    user: User
    group: Group
    everyone: bool


@dataclass(frozen=True, slots=True)
class Principals:
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    everyone: bool = False

    def __iter__(self) -> Iterator[Principal]:
        yield from (Principal(user=user) for user in self.users)
        yield from (Principal(group=group) for group in self.groups)
        if self.everyone:
            yield Principal(everyone=True)


def create_and_give(
    *,
    actor: User,
    fields: Mapping[str, Any],
    principals: Principals,
    options: AssignmentOptions,
    reason: str = "",
) -> Preset:
    """Raises InvalidPreset, InvalidAssignment."""
    with changing_rules(), because(reason):
        preset = save_preset(actor=actor, preset=None, fields=fields, reason=reason)
        give(actor=actor, preset=preset, principals=principals, **options)
        return preset


def give(
    *,
    actor: User | None,
    preset: Preset,
    principals: Principals,
    **options: Unpack[AssignmentOptions],
) -> list[Assignment]:
    """Twice is once. Raises InvalidAssignment."""
    with changing_rules():
        return [
            assign_preset(actor=actor, preset=preset, **principal, **options)
            for principal in principals
        ]


def take(*, actor: User | None, preset: Preset, principals: Principals) -> int:
    """How many assignments there were to remove."""
    with changing_rules():
        return sum(
            unassign_preset(actor=actor, preset=preset, **principal) for principal in principals
        )
