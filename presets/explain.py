"""Why a person has a preset or not. Pure.

Sentences are for people who do not program; everything they say is in the other members, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from presets.explain_fields import FieldExplanation, explain_fields
from presets.resolution import (
    AssignmentData,
    HiddenPreset,
    PresetData,
    Resolution,
    ResolvedPreset,
    Rule,
    Scope,
    default_of,
)


class State(StrEnum):
    VISIBLE = "visible"
    HIDDEN = "hidden"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class PresetExplanation:
    """``position`` counts from 1; None: not in the menu. ``notes`` tell of assignments that did
    not decide."""

    preset_id: str
    slug: str
    name: str
    version: int
    state: State
    rule: Rule | None
    assignment: AssignmentData
    sentence: str
    notes: tuple[str, ...] = ()
    position: int | None = None
    is_default: bool = False
    fields: tuple[FieldExplanation, ...] = ()


def explain_resolution(
    resolution: Resolution, *, unavailable: Iterable[ResolvedPreset] = ()
) -> tuple[PresetExplanation, ...]:
    """Every preset that was assigned: first those in the menu, in its order.

    ``unavailable`` are visible ones whose model no channel serves.
    """
    away = {preset.preset.id for preset in unavailable}
    usable = [preset for preset in resolution.visible if preset.preset.id not in away]
    menu = [preset for preset in usable if preset.is_listed]
    unlisted = [preset for preset in usable if not preset.is_listed]
    rest = [preset for preset in resolution.visible if preset.preset.id in away]
    default = default_of(menu)
    return (
        *(_visible(preset, place, default, resolution) for place, preset in enumerate(menu, 1)),
        *(_visible(preset, None, default, resolution) for preset in unlisted),
        *(_unavailable(preset, resolution) for preset in rest),
        *(_hidden(preset, resolution) for preset in resolution.hidden),
    )


def _visible(
    preset: ResolvedPreset,
    place: int | None,
    default: ResolvedPreset | None,
    resolution: Resolution,
) -> PresetExplanation:
    is_default = preset is default
    start = " New chats start with it." if is_default else ""
    return PresetExplanation(
        preset_id=preset.preset.id,
        slug=preset.slug,
        name=preset.name,
        version=preset.preset.version,
        state=State.VISIBLE,
        rule=None,
        assignment=preset.assignment,
        sentence=f"{_sentence_start(preset.assignment)} {_place(preset)}{start}",
        notes=_notes_on_visible(preset, place, default, resolution),
        position=place,
        is_default=is_default,
        fields=explain_fields(preset),
    )


def _notes_on_visible(
    preset: ResolvedPreset,
    place: int | None,
    default: ResolvedPreset | None,
    resolution: Resolution,
) -> tuple[str, ...]:
    notes = _notes(preset.preset, preset.assignment, resolution)
    if place is None:
        notes = ("It is not in the menu: only for links and programs that name it.", *notes)
    elif preset.assignment.is_default and default and preset is not default:
        notes = (*notes, f"It is a default, too, but “{default.name}” stands further up.")
    if preset.experiment:
        told = f"In the experiment “{preset.experiment}” this person gets: {preset.variant}."
        notes = (*notes, told)
    return notes


def _unavailable(preset: ResolvedPreset, resolution: Resolution) -> PresetExplanation:
    where = f"No channel serves the model “{preset.model}” of “{preset.endpoint}” at present."
    return PresetExplanation(
        preset_id=preset.preset.id,
        slug=preset.slug,
        name=preset.name,
        version=preset.preset.version,
        state=State.UNAVAILABLE,
        rule=Rule.UNAVAILABLE,
        assignment=preset.assignment,
        sentence=f"{_sentence_start(preset.assignment)} {where}",
        notes=_notes(preset.preset, preset.assignment, resolution),
        fields=explain_fields(preset),
    )


def _hidden(hidden: HiddenPreset, resolution: Resolution) -> PresetExplanation:
    return PresetExplanation(
        preset_id=hidden.preset.id,
        slug=hidden.preset.slug,
        name=hidden.preset.name,
        version=hidden.preset.version,
        state=State.HIDDEN,
        rule=hidden.rule,
        assignment=hidden.by,
        sentence=_why_hidden(hidden),
        notes=_notes(hidden.preset, hidden.by, resolution),
    )


def principal(assignment: AssignmentData) -> str:
    """“this person”, “everyone”, or the group and how far above."""
    if assignment.scope is Scope.USER:
        return "this person"
    if assignment.scope is Scope.SYSTEM:
        return "everyone"
    above = {0: "", 1: ", one level up"}.get(
        assignment.distance, f", {assignment.distance} levels up"
    )
    return f"the group “{assignment.group_name}”{above}"


def _effect(assignment: AssignmentData) -> str:
    verb = "Given to" if assignment.is_allowed else "Taken away from"
    return f"{verb} {principal(assignment)}"


def _sentence_start(assignment: AssignmentData) -> str:
    final = ", finally" if assignment.is_final else ""
    return f"{_effect(assignment)}{final}."


def _place(preset: ResolvedPreset) -> str:
    return f"Its priority is {preset.assignment.priority}."


def _why_hidden(hidden: HiddenPreset) -> str:
    by, effect = hidden.by, _effect(hidden.by)
    instead = f"“{hidden.instead.name}”" if hidden.instead else "another preset"
    sentences = {
        Rule.DENIED: _sentence_start(by),
        Rule.REPLACED: f"{effect}, but {instead} has the same short name and counts more.",
        Rule.INACTIVE: "The preset is switched off.",
        Rule.NOT_STARTED: f"{effect} only from {_moment(by.starts_at)} on.",
        Rule.ENDED: f"{effect} only until {_moment(by.ends_at)}.",
        Rule.ROLLOUT: f"{effect}, but only {by.rollout_percent} % of the people; "
        "this person is not among them.",
        Rule.GROUP_PRESETS_OFF: f"{effect}, but the rules switch presets of groups off.",
        Rule.SWITCHED_OFF: f"Its assignment to {principal(by)} is switched off.",
        Rule.INCOMPLETE: "It has no model, neither its own nor an inherited one.",
        Rule.UNAVAILABLE: "No channel serves its model at present.",
    }
    return sentences[hidden.rule]


def _moment(moment: datetime | None) -> str:
    """In UTC; whatever zone it is stored in."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "an unknown time"


def _notes(preset: PresetData, decided: AssignmentData, resolution: Resolution) -> tuple[str, ...]:
    others = (a for a in resolution.candidates.get(preset.id, ()) if a.id != decided.id)
    lost = [_why_lost(decided, other, resolution.policy.scope_precedence) for other in others]
    dropped = [
        _why_hidden(HiddenPreset(preset, rule, assignment))
        for assignment, rule in resolution.dropped
        if assignment.preset_id == preset.id and assignment.id != decided.id
    ]
    return (*lost, *(f"Does not count: {sentence}" for sentence in dropped))


def _why_lost(winner: AssignmentData, loser: AssignmentData, precedence: tuple[Scope, ...]) -> str:
    """The first of the deciding rules in which the two differ."""
    verb = "given to" if loser.is_allowed else "taken away from"
    what = f"Also {verb} {principal(loser)}"
    if winner.is_final and not loser.is_final:
        return f"{what}, but the rule for {principal(winner)} is final."
    if winner.is_final:
        return f"{what}, but of two final rules the broader counts."
    if winner.scope is not loser.scope:
        order = ", ".join({"user": "the person", "group": "groups", "system": "everyone"}[s]
                          for s in precedence)  # fmt: skip
        return f"{what}, but the order is: {order}."
    if winner.distance != loser.distance:
        return f"{what}, but {principal(winner)} is nearer."
    if winner.priority != loser.priority:
        return f"{what}, but the priority is higher for {principal(winner)}."
    return f"{what}, but the rule for {principal(winner)} is older."
