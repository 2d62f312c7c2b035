"""What a call really runs on: the caller's wishes under the preset's rules.

The same rules as in the chat (presets/enforcement.py). The chat moves a value that lies outside
its bounds to the nearest one, because its sliders already hold it there; a program hears which
parameter it was, and the range.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from gateway.catalog import Entry
from gateway.errors import ApiError
from gateway.formats.reading import Asked
from librechat_backend.lib.json import JSONDict
from presets.enforcement import allows_tool, apply_preset
from presets.fields import PARAMETERS, Dialect, dialect_of
from presets.fingerprint import resolved_hash
from presets.parameters import to_parameters
from presets.resolution import ResolvedPreset, clamp
from presets.resolver import Offer
from presets.variables import fill_variables
from providers import effort
from providers.adapters.anthropic_models import find_claude
from providers.adapters.google_wire import gemini_version
from providers.types import Parameters

_EFFORTS = ("reasoning_effort", "thinking_level", "thinking_budget")


@dataclass(frozen=True, slots=True)
class Target:
    """``system`` None: as the caller sent it. ``parameters`` of a preset are all there are, and
    ``resolved_hash`` is of a preset."""

    entry: Entry
    system: str | None
    parameters: Parameters
    resolved_hash: str = ""

    @property
    def has_preset(self) -> bool:
        return self.entry.preset is not None


def resolve(
    entry: Entry,
    offer: Offer,
    *,
    parameters: JSONDict,
    spelled: dict[str, str],
    system: str,
    tool_names: Iterable[str],
    user_name: str,
) -> Target:
    """``parameters`` by canonical name. Raises ApiError naming a parameter out of bounds."""
    if entry.preset is None:
        return Target(entry, None, plain_parameters(parameters))
    _check_tools(entry.preset, tool_names)
    dialect = dialect_of(entry.endpoint.kind)
    effective = apply_preset(
        entry.preset,
        {
            **_to_wire(_told_effort(parameters, dialect, entry), dialect),
            "promptPrefix": system,
        },
        dialect=dialect,
        allows_override=offer.policy.allows_override,
    )
    for name in effective.moved:
        raise _out_of_bounds(entry.preset, name, spelled)
    filled = fill_variables(
        effective.system_message, user_name=user_name, moment=timezone.now(), timezone=""
    )
    sent = to_parameters(effective.settings)
    fingerprint = resolved_hash(
        endpoint=entry.endpoint.name,
        model=entry.model,
        system_message=effective.system_message,
        parameters=sent,
    )
    return Target(entry, filled, sent, fingerprint)


def _told_effort(parameters: JSONDict, dialect: Dialect, entry: Entry) -> JSONDict:
    """With how long to think said as presets of ``dialect`` have it, so that their locks and bounds
    hold whatever the caller's words were."""
    if parameters.keys().isdisjoint(_EFFORTS):
        return parameters
    said = Parameters(**{name: parameters[name] for name in _EFFORTS if name in parameters})
    asked = effort.asked_effort(said)
    if dialect is Dialect.OPENAI:
        return parameters | {"reasoning_effort": effort.openai_effort(entry.model, said)}
    if asked is None or "thinking_budget" in parameters:
        return parameters
    if asked == "none":
        return {"thinking": False} | parameters
    if _has_budget(dialect, entry.model):
        return {"thinking": True} | parameters | {"thinking_budget": _budget(asked, entry)}
    if dialect is Dialect.GOOGLE:
        level = effort.nearest(asked, effort.LEVELS)
        return {"thinking": True, "thinking_level": level} | parameters
    return parameters | {"reasoning_effort": asked}


def _has_budget(dialect: Dialect, model: str) -> bool:
    """Whether the model is told a number of tokens."""
    if dialect is Dialect.GOOGLE:
        return (0, 0) < gemini_version(model) < (3, 0)
    claude = find_claude(model)
    return claude is not None and not claude.thinks_adaptively


def _budget(asked: str, entry: Entry) -> int:
    """Within the preset's bounds, which the caller did not name a number against."""
    limits = entry.preset.bounds.get("thinking_budget") if entry.preset else None
    tokens = effort.budget_of_effort(asked)
    return int(clamp(tokens, limits)) if limits else tokens


def _to_wire(parameters: JSONDict, dialect: Dialect) -> JSONDict:
    """Under the names the chat's client has for them; what the dialect lacks is left out."""
    return {
        PARAMETERS[name].wire[dialect]: value
        for name, value in parameters.items()
        if name in PARAMETERS and dialect in PARAMETERS[name].wire
    }


def _out_of_bounds(preset: ResolvedPreset, name: str, spelled: dict[str, str]) -> ApiError:
    low, high = preset.bounds[name]
    limits = [f"at least {low:g}"] if low is not None else []
    limits += [f"at most {high:g}"] if high is not None else []
    param = spelled.get(name, name)
    return ApiError(
        f"The preset '{preset.slug}' takes {param} of {' and '.join(limits)}.",
        param=param,
        code="parameter_out_of_range",
    )


def _check_tools(preset: ResolvedPreset, names: Iterable[str]) -> None:
    for name in names:
        if not allows_tool(preset, name):
            raise ApiError(
                f"The preset '{preset.slug}' does not allow the tool '{name[:100]}'.", param="tools"
            )


_UNSAID = Parameters(thinking=False)


def plain_parameters(values: JSONDict) -> Parameters:
    """As they were asked for. Without a word about it, a program wants no thinking."""
    if not values:
        return _UNSAID
    wish = values.get("reasoning_effort") or values.get("thinking_level")
    thinking = values.get("thinking", wish not in (None, "none"))
    known: JSONDict = {
        name: values[name]
        for name in (
            "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty",
            "max_output_tokens", "reasoning_effort", "verbosity", "thinking_budget",
            "thinking_level",
        )
        if name in values
    }  # fmt: skip
    stop: Iterable[str] = values.get("stop") or ()
    return Parameters(**known, stop=tuple(stop), thinking=thinking)


def of_asked(entry: Entry, offer: Offer, asked: Asked, *, user_name: str) -> Target:
    """For a request that was read as a whole."""
    return resolve(
        entry,
        offer,
        parameters=asked.parameters,
        spelled=asked.spelled,
        system=asked.request.system,
        tool_names=[tool.name for tool in asked.request.tools],
        user_name=user_name,
    )
