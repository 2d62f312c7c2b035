"""A preset applied to what a person asked for: locked values win, bounds hold. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from librechat_backend.lib.json import JSONDict, JSONValue
from presets.fields import PARAMETERS, Dialect, wire_names
from presets.resolution import ResolvedPreset, clamp

# Settings that only arrange the client's screen; nobody needs to guard them.
_HARMLESS = frozenset({"artifacts", "resendFiles", "imageDetail", "fileTokenLimit"})


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """``settings`` are the client's names; ``moved`` maps a parameter to the value refused."""

    settings: JSONDict
    system_message: str
    moved: dict[str, JSONValue] = field(default_factory=dict)


def apply_preset(
    preset: ResolvedPreset, asked: JSONDict, *, dialect: Dialect, allows_override: bool
) -> EffectiveSettings:
    """What the turn runs with. A person's value counts where overriding is allowed and the
    parameter is not locked; outside its bounds it is moved to the nearest one.
    """
    settings: JSONDict = {name: asked[name] for name in _HARMLESS & asked.keys()}
    moved: dict[str, JSONValue] = {}
    for name, parameter in PARAMETERS.items():
        if dialect not in parameter.wire:
            continue
        wanted = asked_for(name, asked) if allows_override and name not in preset.locked else None
        value = preset.fields.get(name) if wanted is None else wanted
        if value is None:
            continue
        settings[parameter.wire[dialect]] = allowed = _bounded(name, value, preset)
        if allowed != value:
            moved[name] = value
    settings |= _labels(preset)
    return EffectiveSettings(settings, _instructions(preset, asked, allows_override), moved)


def asked_for(name: str, asked: Mapping[str, JSONValue]) -> JSONValue:
    """The request's value, in whichever spelling it came."""
    return next((asked[wire] for wire in wire_names(name) if asked.get(wire) is not None), None)


def _bounded(name: str, value: JSONValue, preset: ResolvedPreset) -> JSONValue:
    limits = preset.bounds.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return clamp(value, limits) if limits and is_number else value


def _labels(preset: ResolvedPreset) -> JSONDict:
    named = {
        "modelLabel": preset.fields.get("model_label"),
        "greeting": preset.fields.get("greeting"),
    }
    return {name: value for name, value in named.items() if value}


def _instructions(preset: ResolvedPreset, asked: JSONDict, allows_override: bool) -> str:
    own = str(asked.get("promptPrefix", ""))
    if own and allows_override and "system_message" not in preset.locked:
        return own
    return str(preset.fields.get("system_message", ""))
