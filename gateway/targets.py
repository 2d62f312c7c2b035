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
from presets.resolution import ResolvedPreset
from presets.resolver import Offer
from presets.variables import fill_variables
from providers.types import Parameters


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
        {**_to_wire(parameters, dialect), "promptPrefix": system},
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
    thinking = values.get("thinking", "reasoning_effort" in values)
    known: JSONDict = {
        name: values[name]
        for name in (
            "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty",
            "max_output_tokens", "reasoning_effort", "verbosity", "thinking_budget",
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
