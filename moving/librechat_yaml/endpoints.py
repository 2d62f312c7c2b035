"""``endpoints`` → channels. Pure."""

from collections.abc import Mapping

from librechat_backend.lib.internal_hosts import AllowedHosts
from librechat_backend.lib.json import JSONDict
from moving.librechat_yaml.azure import read_azure
from moving.librechat_yaml.options import OPTIONS_REFUSED, is_address, read_added, read_options
from moving.librechat_yaml.plan import ChannelPlan, Plan
from moving.librechat_yaml.source import (
    USER_PROVIDED,
    Node,
    WrongValue,
    filled_in,
    flag,
    needs,
    number,
    text,
    texts,
)
from providers.registry import BUILT_IN_ENDPOINTS, SERVICES

_RESERVED = BUILT_IN_ENDPOINTS | {"agents", "assistants", "azureAssistants", "custom", "initial"}
CUSTOM_ORDER = 1000
_CREDITS = 1_000_000
_CUSTOM_REFUSED = {
    "directEndpoint": "Addresses end before “/chat/completions” here.",
    "customParams": "The parameters people see are those of the service.",
    **OPTIONS_REFUSED,
}
_SECTIONS_REFUSED = {
    "bedrock": "There is no channel for Amazon Bedrock; its OpenAI-compatible address can be one.",
    "assistants": "The Assistants API is not offered; OpenAI ends it.",
    "azureAssistants": "The Assistants API is not offered; OpenAI ends it.",
    "agents": "Agents are set up here, not in the file.",
}
# Endpoint there → kind here, its variables: key, address, models.
_BUILT_IN = {
    "openAI": ("openai", "OPENAI_API_KEY", "OPENAI_REVERSE_PROXY", "OPENAI_MODELS"),
    "google": ("google", "GOOGLE_KEY", "GOOGLE_REVERSE_PROXY", "GOOGLE_MODELS"),
    "anthropic": (
        "anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_REVERSE_PROXY", "ANTHROPIC_MODELS",
    ),
}  # fmt: skip


def endpoint_name(name: str) -> str:
    """As LibreChat spells it in chats and presets."""
    return "ollama" if name.lower() == "ollama" else name


def read_endpoints(root: Node, plan: Plan, known: Mapping[str, str]) -> None:
    """``known``: this server's own environment; what it holds already makes no channel."""
    endpoints = root["endpoints"]
    if "endpoints" in root and not needs(endpoints, dict, "Names of endpoints are"):
        return
    endpoints.refuse_known(_SECTIONS_REFUSED)
    plan.hosts = endpoints.read("allowedAddresses", _hosts, "setting: ALLOWED_INTERNAL_HOSTS") or []
    for name in _BUILT_IN:
        _read_built_in(endpoints[name], name, plan, known)
    read_azure(endpoints["azureOpenAI"], plan)
    _read_customs(endpoints["custom"], plan, _places(root.source.env))
    _read_all(endpoints["all"], plan)


def _hosts(node: Node) -> list[str]:
    entries = texts(node)
    try:
        AllowedHosts.parse(entries)
    except ValueError as error:
        raise WrongValue(f"{error}") from error
    return entries


def _places(env: Mapping[str, str]) -> int:
    """Where custom endpoints begin in the menu: by the list of endpoints in the environment."""
    listed = [name.strip() for name in env.get("ENDPOINTS", "").split(",")]
    return 0 if listed[0] == "custom" else CUSTOM_ORDER


# -- Built-in --------------------------------------------------------------------------------


def _read_built_in(node: Node, name: str, plan: Plan, known: Mapping[str, str]) -> None:
    kind, key_name, address_name, models_name = _BUILT_IN[name]
    env = node.source.env
    secret = env.get(key_name, "")
    if known.get(key_name):
        node_refused = f"{key_name} of this server’s environment makes this channel; to say more "
        _refuse_if_there(node, node_refused + "of it, make it in the administration instead.")
    elif not secret or secret == USER_PROVIDED:
        _refuse_if_there(node, f"{key_name} is no key in the environment file.")
    else:
        fields: JSONDict = {
            "name": SERVICES[kind].label,
            "kind": kind,
            "base_url": _address(env.get(address_name, "")),
            "model_names": _listed(env.get(models_name, "")),
            "is_active": True,
        }
        fields |= read_options(node)
        plan.channels.append(ChannelPlan(f"channel:{name}", node.place, fields, secret))


def _refuse_if_there(node: Node, reason: str) -> None:
    if node.value is not None:
        node.refuse(reason)


def _address(value: str) -> str:
    return value.rstrip("/") if is_address(value) else ""


def _listed(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


# -- Custom ----------------------------------------------------------------------------------


def _read_customs(node: Node, plan: Plan, first: int) -> None:
    if node.value is None or not needs(node, list, "A list of endpoints is"):
        return
    names: set[str] = set()
    for number_, child in node.children:
        if not needs(child, dict, "An endpoint with a name is"):
            continue
        channel = _read_custom(child, first + int(number_), names)
        if channel is not None:
            plan.channels.append(channel)


def _read_custom(node: Node, order: int, names: set[str]) -> ChannelPlan | None:
    name = endpoint_name(node.read("name", text, "channel: name") or "")[:100]
    problem = _name_problem(name, names)
    if problem:
        node.refuse(problem)
        return None
    names.add(name)
    fields: JSONDict = {"name": name, "endpoint": name, "menu_order": order}
    fields |= read_options(node)
    fields |= node.fields(
        {"iconURL": ("icon_url", text), "modelDisplayLabel": ("menu_label", _label)}, "channel: {}"
    )
    fields |= _read_parameters(node)
    fields["kind"] = _kind(node, str(fields.get("base_url", "")))
    models, fetches = _read_models(node["models"])
    secret = _read_secret(node)
    node.refuse_known(_CUSTOM_REFUSED)
    fields |= {"model_names": models, "is_active": bool(secret and models and "base_url" in fields)}
    prices = _read_prices(node["tokenConfig"])
    mark = f"channel:custom:{name}"
    return ChannelPlan(mark, node.place, fields, secret or None, prices, fetches)


def _name_problem(name: str, names: set[str]) -> str:
    if not name:
        return "An endpoint needs a name."
    if name in _RESERVED:
        return f"“{name}” is the name of a built-in endpoint."
    return f"“{name}” is there twice." if name in names else ""


def _label(node: Node) -> str:
    return text(node)[:100]


def _kind(node: Node, address: str) -> str:
    if node["provider"].value == "anthropic":
        node["provider"].take("channel: kind")
        return "anthropic"
    known = (kind for kind, row in SERVICES.items() if row.base_url == address and address)
    return next(known, "compatible")


def _read_secret(node: Node) -> str:
    """Empty where there is none that can be used; then the channel is off."""
    if node["apiKey"].value == USER_PROVIDED:
        node["apiKey"].refuse("People have no keys of their own here: enter one for all.")
        return ""
    return node.read("apiKey", filled_in, "channel: key") or ""


def _read_parameters(node: Node) -> JSONDict:
    fields: JSONDict = {}
    if "addParams" in node and needs(node["addParams"], dict, "Names with values are"):
        fields["parameter_overrides"] = read_added(node["addParams"])
    dropped = node.read("dropParams", texts, "channel: drop_params")
    if dropped is not None:
        fields["options"] = {"drop_params": ",".join(dropped)}
    return fields


def _read_models(node: Node) -> tuple[list[str], bool]:
    names: list[str] = []
    for _, child in node["default"].children:
        inner = child["name"] if isinstance(child.value, dict) else child
        try:
            names.append(text(inner)[:200])
        except WrongValue as problem:
            child.refuse(str(problem))
        else:
            inner.take("channel: models")
            child.refuse_known({"description": "Models have no descriptions in the menu."})
    fetches = node.read("fetch", flag, "--fetch-models, or “Fetch models” on the channel’s page")
    node.refuse_known({"userIdQuery": "Models are fetched for all, not for a person."})
    return list(dict.fromkeys(names)), bool(fetches)


# -- Prices ----------------------------------------------------------------------------------


def _read_prices(node: Node) -> dict[str, JSONDict]:
    """USD for a million tokens → credits for a million tokens."""
    if node.value is None or not needs(node, dict, "Names of models with prices are"):
        return {}
    found: dict[str, JSONDict] = {}
    for model, child in node.children:
        child.refuse_known({"context": "Windows of models are known by their names."})
        rates = child.fields(_RATES, "price: {}")
        if {"input_credits", "output_credits"} <= rates.keys():
            found[str(model)[:200]] = rates
        elif isinstance(child.value, dict):
            child.refuse("A price needs “prompt” and “completion”.")
    return found


def _credits(node: Node) -> int:
    return round(number(node) * _CREDITS)


_RATES = {
    "prompt": ("input_credits", _credits),
    "completion": ("output_credits", _credits),
    "cacheRead": ("cache_read_credits", _credits),
    "cacheWrite": ("cache_write_credits", _credits),
}


# -- All -------------------------------------------------------------------------------------


def _read_all(node: Node, plan: Plan) -> None:
    """Wins over what a single endpoint says."""
    if node.value is None:
        return
    if node["titleConvo"].value is False:
        node["titleConvo"].take("setting: TITLE_CONVO")
        plan.set("TITLE_CONVO", False, node["titleConvo"].key)
    options = read_options(node)
    for channel in plan.channels:
        headers = {**channel.fields.get("headers", {}), **options.get("headers", {})}
        channel.fields |= options | ({"headers": headers} if headers else {})
