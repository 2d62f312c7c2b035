"""A preset applied to what a person asked for: locked values win, bounds hold. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from librechat_backend.lib.json import JSONDict, JSONValue
from presets.fields import PARAMETERS, Dialect, wire_names
from presets.resolution import ResolvedPreset, clamp

# Settings that only arrange the client's screen; nobody needs to guard them.
_HARMLESS = frozenset({"artifacts", "resendFiles", "imageDetail", "fileTokenLimit"})
# Parameters that are tools of the provider.
_TOOLS = frozenset({"web_search", "url_context"})


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
        if value is None or (value and name in _TOOLS and not allows_tool(preset, name)):
            continue
        settings[parameter.wire[dialect]] = allowed = _bounded(name, value, preset)
        if allowed != value:
            moved[name] = value
    settings |= _labels(preset)
    own = _own_instructions(preset, asked, allows_override)
    if own:
        # The person's, so the client may have it back with the next turn.
        settings["promptPrefix"] = own
    system_message = own or str(preset.fields.get("system_message", ""))
    return EffectiveSettings(settings, system_message, moved)


def allows_tool(preset: ResolvedPreset, name: str) -> bool:
    """Whether ``name`` may be used: ``{}`` restricts nothing, an empty list allows nothing."""
    tools = preset.fields.get("tools")
    if not isinstance(tools, dict):
        return True
    allowed = tools.get("allowed_tools")
    return tools.get("enabled", True) is not False and (allowed is None or name in allowed)


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


def _own_instructions(preset: ResolvedPreset, asked: JSONDict, allows_override: bool) -> str:
    """The person's instructions where they may replace the preset's; empty: none."""
    is_free = allows_override and "system_message" not in preset.locked
    return str(asked.get("promptPrefix", "")) if is_free else ""
