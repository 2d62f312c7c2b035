"""``endpoints.azureOpenAI`` → a channel for each group and version of the interface. Pure."""

from librechat_backend.lib.json import JSONDict
from moving.librechat_yaml.options import base_url, read_added, read_headers, read_options
from moving.librechat_yaml.plan import ChannelPlan, Plan
from moving.librechat_yaml.source import Node, filled_in, needs, text, texts

_REFUSED = {
    "assistants": "The Assistants API is not offered; OpenAI ends it.",
    "plugins": "It is out of use in LibreChat, too.",
}


def read_azure(node: Node, plan: Plan) -> None:
    if node.value is None or not needs(node, dict, "Groups are"):
        return
    options = read_options(node)
    node.refuse_known(_REFUSED)
    groups = node["groups"]
    if groups.value is None or not needs(groups, list, "A list of groups is"):
        return
    for _, group in groups.children:
        if needs(group, dict, "A group is"):
            plan.channels += _channels(group, options)


def _channels(group: Node, options: JSONDict) -> list[ChannelPlan]:
    """Models of one version share a channel."""
    group.refuse_known(_REFUSED)
    if group["serverless"].value is True:
        group.refuse("Serverless: enter it as a channel of the kind “OpenAI-compatible”.")
        return []
    name = group.read("group", text, "channel: name") or "Azure"
    shared = options | _shared(group)
    secret = group.read("apiKey", filled_in, "channel: key")
    found: list[ChannelPlan] = []
    for version, deployments in _by_version(group).items():
        fields: JSONDict = shared | {
            "name": f"Azure {name}{f' ({version})' if found else ''}"[:100],
            "kind": "azure",
            "model_names": list(deployments),
            "model_mapping": {m: d for m, d in deployments.items() if m != d},
            "options": shared["options"] | ({"api_version": version} if version else {}),
            "is_active": bool(secret and shared.get("base_url")),
        }
        mark = f"channel:azure:{name}:{version if found else ''}"
        found.append(ChannelPlan(mark, group.place, fields, secret))
    return found


def _shared(group: Node) -> JSONDict:
    fields: JSONDict = {"options": {}}
    address = _address(group)
    if address:
        fields["base_url"] = address
    if isinstance(group["additionalHeaders"].value, dict):
        fields["headers"] = read_headers(group["additionalHeaders"])
    if isinstance(group["addParams"].value, dict):
        fields["parameter_overrides"] = read_added(group["addParams"])
    dropped = group.read("dropParams", texts, "channel: drop_params")
    if dropped:
        fields["options"]["drop_params"] = ",".join(dropped)
    if "serverless" in group:
        group["serverless"].take("as always")
    return fields


def _address(group: Node) -> str:
    given = group.read("baseURL", base_url, "channel: base_url")
    instance = group.read("instanceName", filled_in, "channel: base_url")
    if given or not instance:
        return given or ""
    host = instance if "." in instance else f"{instance}.openai.azure.com"
    return f"https://{host}"


def _by_version(group: Node) -> dict[str, dict[str, str]]:
    """Version → model → deployment."""
    version = group.read("version", filled_in, "channel: api_version") or ""
    deployment = group.read("deploymentName", filled_in, "channel: deployment") or ""
    found: dict[str, dict[str, str]] = {}
    for model, child in group["models"].children:
        child.refuse_known(_REFUSED)
        if child.value is True:
            child.take("channel: models")
            found.setdefault(version, {})[str(model)] = deployment or str(model)
            continue
        own = child.read("version", filled_in, "channel: api_version") or version
        its = child.read("deploymentName", filled_in, "channel: deployment") or deployment
        if isinstance(child.value, dict):
            found.setdefault(own, {})[str(model)] = its or str(model)
        else:
            child.refuse("“true”, or a deployment and a version, are expected here.")
    return found
