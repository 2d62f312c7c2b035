"""Where each value of a preset comes from, and what it has beaten. Pure.

Sentences are for people who do not program; everything they say is in the other members, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from librechat_backend.lib.json import JSONDict, JSONValue
from presets.enforcement import asked_for
from presets.fields import LOCKABLE, PARAMETERS
from presets.resolution import Bounds, PresetData, ResolvedPreset, clamp


class Source(StrEnum):
    PRESET = "preset"
    REQUEST = "request"
    BOUND = "bound"


class Loss(StrEnum):
    """Why a value is not the one that counts."""

    OVERRIDDEN = "overridden"
    LOCKED = "locked"
    OVERRIDE_OFF = "override_off"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Loser:
    """A value that does not count. ``preset`` is empty for what the person asked for."""

    value: JSONValue
    source: Source
    loss: Loss
    sentence: str
    preset: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """``preset`` and ``version`` name who set the value, or the bound; empty for a request."""

    name: str
    label: str
    value: JSONValue
    source: Source
    is_locked: bool
    bounds: Bounds | None
    losers: tuple[Loser, ...]
    sentence: str
    preset: str = ""
    version: int = 0


@dataclass(slots=True)
class _Standing:
    """A value on its way down the lineage, and what it has beaten."""

    value: JSONValue
    source: Source
    preset: PresetData | None
    losers: tuple[Loser, ...] = ()

    def beaten(self, loss: Loss, sentence: str) -> Loser:
        name, version = (self.preset.name, self.preset.version) if self.preset else ("", 0)
        return Loser(self.value, self.source, loss, sentence, name, version)


def explain_fields(
    preset: ResolvedPreset, asked: JSONDict | None = None, *, allows_override: bool = True
) -> tuple[FieldExplanation, ...]:
    """Each value that is set, in the order of the preset's form.

    ``asked`` is what a request holds, under the client's names (:func:`apply_preset`).
    """
    own = [name for name in preset.fields if name not in LOCKABLE]
    requested = _requested(asked or {})
    names = [name for name in LOCKABLE if name in preset.fields or name in requested]
    explained = (
        _explain_field(name, preset, requested, allows_override=allows_override)
        for name in (*own, *names)
    )
    return tuple(field for field in explained if field is not None)


def _requested(asked: JSONDict) -> dict[str, JSONValue]:
    askable = ("system_message", *PARAMETERS)
    values = {name: asked_for(name, asked) for name in askable}
    return {name: value for name, value in values.items() if value not in (None, "")}


def _explain_field(
    name: str,
    preset: ResolvedPreset,
    requested: Mapping[str, JSONValue],
    *,
    allows_override: bool,
) -> FieldExplanation | None:
    standing = _inherit(name, preset.chain)
    if name in requested:
        standing = _request(name, requested[name], standing, preset, allows_override)
    if standing is None:
        return None
    standing = _bound(name, standing, preset)
    return FieldExplanation(
        name=name,
        label=PARAMETERS[name].label if name in PARAMETERS else name.replace("_", " ").capitalize(),
        value=standing.value,
        source=standing.source,
        is_locked=name in preset.locked,
        bounds=preset.bounds.get(name),
        losers=standing.losers,
        sentence=_says(standing, preset),
        preset=standing.preset.name if standing.preset else "",
        version=standing.preset.version if standing.preset else 0,
    )


def _inherit(name: str, chain: tuple[PresetData, ...]) -> _Standing | None:
    """From the broadest preset down; what one has locked, those below do not change."""
    standing: _Standing | None = None
    locked_by: PresetData | None = None
    for preset in reversed(chain):
        if name in preset.fields:
            own = _Standing(preset.fields[name], Source.PRESET, preset)
            if standing is None:
                standing = own
            elif locked_by is not None:
                loser = own.beaten(Loss.LOCKED, f"“{locked_by.name}” has locked it.")
                standing.losers += (loser,)
            else:
                loser = standing.beaten(Loss.OVERRIDDEN, f"“{preset.name}” sets it anew.")
                own.losers = (*standing.losers, loser)
                standing = own
        if name in preset.locked:
            locked_by = locked_by or preset
    return standing


def _request(
    name: str,
    value: JSONValue,
    standing: _Standing | None,
    preset: ResolvedPreset,
    allows_override: bool,
) -> _Standing | None:
    request = _Standing(value, Source.REQUEST, None)
    is_locked = name in preset.locked
    if allows_override and not is_locked:
        if standing is not None:
            loser = standing.beaten(Loss.OVERRIDDEN, "The person has chosen another value.")
            request.losers = (*standing.losers, loser)
        return request
    if standing is not None:
        loss = Loss.LOCKED if is_locked else Loss.OVERRIDE_OFF
        why = "The preset has locked it." if is_locked else "The rules do not let people change it."
        standing.losers += (request.beaten(loss, why),)
    return standing


def _bound(name: str, standing: _Standing, preset: ResolvedPreset) -> _Standing:
    limits = preset.bounds.get(name)
    value = standing.value
    if limits is None or isinstance(value, bool) or not isinstance(value, int | float):
        return standing
    moved = clamp(value, limits)
    if moved == value:
        return standing
    side = 0 if moved > value else 1
    holder = next(p for p in preset.chain if p.bounds.get(name, (None, None))[side] == moved)
    loser = standing.beaten(Loss.MOVED, f"It was moved to the bound, {moved:g}.")
    return _Standing(moved, Source.BOUND, holder, (*standing.losers, loser))


def _says(standing: _Standing, preset: ResolvedPreset) -> str:
    if standing.source is Source.REQUEST or standing.preset is None:
        return "Chosen by the person."
    name = f"“{standing.preset.name}” (version {standing.preset.version})"
    if standing.source is Source.BOUND:
        return f"Moved to the bound set by {name}."
    is_own = standing.preset.id == preset.preset.id
    return "Set by the preset itself." if is_own else f"Inherited from {name}."
