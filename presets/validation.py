"""What a preset may hold. Problems are collected beside each field, in words for people."""

import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches

from librechat_backend.lib.json import JSONDict, JSONValue
from presets.fields import LOCKABLE, PARAMETERS, Parameter, ValueType
from presets.resolution import Bounds, Number, PresetData, lineage, merge
from providers.catalog import EndpointInfo

MAX_STARTERS = 10
MAX_STARTER_LENGTH = 500
MAX_NAMED = 12

Errors = dict[str, list[str]]


def preset_errors(
    new: PresetData,
    old: PresetData | None,
    presets: Mapping[str, PresetData],
    endpoints: Iterable[EndpointInfo],
) -> Errors:
    """All that is wrong with ``new``; ``presets`` are the others, ``old`` what it was before.

    What was stored before and is not touched stays allowed, so that a preset can be edited while
    its model is away.
    """
    errors: Errors = {}
    chain = lineage(new, presets)
    _check_loop(new, presets, errors)
    _check_model(chain, old, endpoints, errors)
    _check_parameters(new, errors)
    _check_bounds(new, chain, errors)
    _check_locks(new, old, chain, errors)
    _check_starters(new.fields.get("conversation_starters"), errors)
    _check_tools(new.fields.get("tools"), errors)
    return errors


def _add(errors: Errors, field: str, message: str) -> None:
    errors.setdefault(field, []).append(message)


def named(names: Iterable[str]) -> str:
    """The first of ``names``, for messages."""
    known = list(names)
    more = f" and {len(known) - MAX_NAMED} more" if len(known) > MAX_NAMED else ""
    return ", ".join(known[:MAX_NAMED]) + more if known else "none"


# -- Where it runs ---------------------------------------------------------------------------


def _check_loop(new: PresetData, presets: Mapping[str, PresetData], errors: Errors) -> None:
    way, above = [new], presets.get(new.extends_id or "")
    while above is not None:
        if above.id in {preset.id for preset in way}:
            names = " → ".join(f"“{preset.name}”" for preset in (*way, above))
            _add(errors, "extends", f"This would be a loop: {names}.")
            return
        way.append(above)
        above = presets.get(above.extends_id or "")


def _check_model(
    chain: tuple[PresetData, ...],
    old: PresetData | None,
    endpoints: Iterable[EndpointInfo],
    errors: Errors,
) -> None:
    """The pair that counts, inherited or not, unless it is the one stored before."""
    own = {name: chain[0].fields.get(name, "") for name in ("endpoint", "model")}
    is_untouched = old is not None and old.extends_id == chain[0].extends_id
    if is_untouched and old and all(old.fields.get(n, "") == own[n] for n in own):
        return
    fields, _, _ = merge(chain)
    name, model = fields.get("endpoint", ""), fields.get("model", "")
    offered = {info.name: info for info in endpoints}
    if not name:
        if model:
            _add(errors, "endpoint", f"Say where “{model}” runs. There are: {named(offered)}.")
        return
    if name not in offered:
        _add(errors, "endpoint", f"There is no “{name}”. There are: {named(offered)}.")
    elif model and model not in offered[name].models:
        close = get_close_matches(model, offered[name].models, n=MAX_NAMED, cutoff=0.6)
        known = [*close, *(m for m in offered[name].models if m not in close)]
        _add(errors, "model", f"“{name}” has no “{model}”. It has: {named(known)}.")


# -- Parameters ------------------------------------------------------------------------------


def _check_parameters(new: PresetData, errors: Errors) -> None:
    for name, value in new.fields.items():
        if name in PARAMETERS:
            problem = value_problem(PARAMETERS[name], value)
            if problem is None and name in new.bounds:
                problem = _outside(value, new.bounds[name])
            if problem:
                _add(errors, field_of(name), problem)


def field_of(parameter: str) -> str:
    """Where errors of a parameter stand."""
    is_column = parameter in ("max_output_tokens", "max_context_tokens")
    return parameter if is_column else f"parameters.{parameter}"


def unknown_names(names: Iterable[str]) -> Errors:
    """Errors beside the parameters nobody knows."""
    errors: Errors = {}
    for name in names:
        if name not in PARAMETERS:
            close = get_close_matches(name, PARAMETERS, n=1)
            hint = (
                f" Do you mean “{close[0]}”?" if close else f" There are: {', '.join(PARAMETERS)}."
            )
            _add(errors, f"parameters.{name}", f"There is no parameter “{name}”.{hint}")
    return errors


def value_problem(parameter: Parameter, value: JSONValue) -> str | None:
    """What is wrong with the value, or None."""
    if parameter.value_type is ValueType.CHOICE:
        is_one = isinstance(value, str) and value in parameter.choices
        return None if is_one else f"Choose one of: {', '.join(parameter.choices)}."
    if not _HAS_TYPE[parameter.value_type](value):
        return _SAYS[parameter.value_type]
    if parameter.value_type in (ValueType.NUMBER, ValueType.INTEGER):
        return _outside(value, (parameter.low, parameter.high))
    return None


def _is_number(value: JSONValue) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _is_integer(value: JSONValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: JSONValue) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


_HAS_TYPE: dict[ValueType, Callable[[JSONValue], bool]] = {
    ValueType.NUMBER: _is_number,
    ValueType.INTEGER: _is_integer,
    ValueType.BOOLEAN: lambda value: isinstance(value, bool),
    ValueType.TEXT: lambda value: isinstance(value, str),
    ValueType.TEXTS: _is_texts,
}
_SAYS = {
    ValueType.NUMBER: "Enter a number.",
    ValueType.INTEGER: "Enter a whole number.",
    ValueType.BOOLEAN: "Choose yes or no.",
    ValueType.TEXT: "Enter a text.",
    ValueType.TEXTS: "Enter a list of texts, none of them empty.",
}


def _outside(value: Number, limits: Bounds) -> str | None:
    low, high = limits
    if low is not None and value < low:
        return f"{value:g} is below the least that is allowed, {low:g}."
    if high is not None and value > high:
        return f"{value:g} is above the most that is allowed, {high:g}."
    return None


# -- Bounds and locks ------------------------------------------------------------------------


def bounds_errors(bounds: JSONValue) -> Errors:
    """What is wrong with the form of ``{parameter: {"min": x, "max": y}}``."""
    if not isinstance(bounds, dict):
        return {"bounds": ["Enter a least and a most for each parameter."]}
    errors: Errors = {}
    for name, limits in bounds.items():
        problem = _limits_problem(name, limits)
        if problem:
            _add(errors, f"bounds.{name}", problem)
    return errors


def _limits_problem(name: str, limits: JSONValue) -> str | None:
    parameter = PARAMETERS.get(name)
    if parameter is None or parameter.value_type not in (ValueType.NUMBER, ValueType.INTEGER):
        return f"There is no number called “{name}”."
    if not isinstance(limits, dict) or limits.keys() - {"min", "max"}:
        return "Bounds have a min, a max, or both."
    for limit in limits.values():
        problem = value_problem(parameter, limit) if limit is not None else None
        if problem:
            return problem
    low, high = limits.get("min"), limits.get("max")
    if low is not None and high is not None and low > high:
        return f"The least, {low:g}, is above the most, {high:g}."
    return None


def _check_bounds(new: PresetData, chain: tuple[PresetData, ...], errors: Errors) -> None:
    """Own bounds must leave something of the inherited ones."""
    _, _, inherited = merge(chain[1:])
    for name in new.bounds.keys() & inherited.keys():
        (low, high), (own_low, own_high) = inherited[name], new.bounds[name]
        is_above = high is not None and own_low is not None and own_low > high
        is_below = low is not None and own_high is not None and own_high < low
        if is_above or is_below:
            message = f"Nothing of this is left by “{_bounded_by(name, chain).name}”."
            _add(errors, f"bounds.{name}", message)


def _bounded_by(name: str, chain: tuple[PresetData, ...]) -> PresetData:
    return next(preset for preset in chain[1:] if name in preset.bounds)


def _check_locks(
    new: PresetData, old: PresetData | None, chain: tuple[PresetData, ...], errors: Errors
) -> None:
    for name in sorted(new.locked - set(LOCKABLE)):
        close = get_close_matches(name, LOCKABLE, n=1)
        hint = f"Do you mean “{close[0]}”?" if close else f"There are: {', '.join(LOCKABLE)}."
        _add(errors, "locked", f"“{name}” cannot be locked. {hint}")
    fields, locked, _ = merge(chain[1:])
    for name in sorted(locked & fields.keys() & new.fields.keys()):
        is_untouched = old is not None and old.fields.get(name) == new.fields[name]
        if not is_untouched and new.fields[name] != fields[name]:
            holder = next(p for p in chain[1:] if name in p.locked)
            where = field_of(name) if name in PARAMETERS else name
            _add(errors, where, f"“{holder.name}” has locked this. Leave it empty to inherit it.")


# -- The rest --------------------------------------------------------------------------------


def _check_starters(starters: JSONValue, errors: Errors) -> None:
    if starters is None:
        return
    if not _is_texts(starters):
        _add(errors, "conversation_starters", _SAYS[ValueType.TEXTS])
    elif len(starters) > MAX_STARTERS:
        _add(errors, "conversation_starters", f"At most {MAX_STARTERS}; the client shows four.")
    elif any(len(starter) > MAX_STARTER_LENGTH for starter in starters):
        message = f"At most {MAX_STARTER_LENGTH} characters each."
        _add(errors, "conversation_starters", message)


def _check_tools(tools: JSONValue, errors: Errors) -> None:
    """``{}`` means no restriction; ``allowed_tools`` narrows."""
    if tools is None:
        return
    unknown: set[str] = (
        tools.keys() - {"enabled", "allowed_tools"} if isinstance(tools, dict) else {""}
    )
    if unknown:
        _add(errors, "tools", "Tools have “enabled” and “allowed_tools”.")
        return
    if not isinstance(tools.get("enabled", True), bool):
        _add(errors, "tools", "“enabled” is yes or no.")
    if not _is_texts(tools.get("allowed_tools", [])):
        _add(errors, "tools", "“allowed_tools” is a list of names.")


def locked_errors(locked: JSONValue) -> Errors:
    """What is wrong with the form of the list of locked names."""
    return {} if _is_texts(locked) else {"locked": ["Enter a list of names."]}


def clean_parameters(parameters: JSONDict) -> JSONDict:
    """Without what is inherited (None); whole numbers stay whole (2.0 → 2)."""
    return {
        name: int(value) if _is_whole(name, value) else value
        for name, value in parameters.items()
        if value is not None
    }


def _is_whole(name: str, value: JSONValue) -> bool:
    is_integer = name in PARAMETERS and PARAMETERS[name].value_type is ValueType.INTEGER
    return is_integer and isinstance(value, float) and value.is_integer()
