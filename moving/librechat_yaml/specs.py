"""``modelSpecs`` → presets for everyone, and the rules. Pure."""

from collections.abc import Callable

from librechat_backend.lib.json import JSONDict
from moving.librechat_yaml.endpoints import endpoint_name
from moving.librechat_yaml.plan import Plan, PresetPlan
from moving.librechat_yaml.source import Fate, Node, WrongValue, flag, needs, text, texts
from presets.fields import LOOKS, PARAMETERS
from presets.foreign import short_name
from presets.spelling import parameter_name
from presets.validation import clean_parameters, value_problem

_TOOLS = "Presets of this server have no tools of this kind."
_SPEC = {
    "label": ("name", text),
    "description": ("description", text),
    "iconURL": ("icon_url", text),
    "group": ("menu_group", text),
    "groupIcon": ("menu_group_icon", text),
    "conversation_starters": ("conversation_starters", texts),
    **{look.wire: (name, flag) for name, look in LOOKS.items()},
}
_SPEC_REFUSED = {
    "authType": "It has no meaning in LibreChat either.",
    **dict.fromkeys(
        (
            "webSearch", "fileSearch", "executeCode", "memory", "mcpServers", "askUserQuestion",
            "runInBackground", "describeIntent", "artifacts", "skills", "subagents",
        ),
        _TOOLS,
    ),
}  # fmt: skip
_PRESET = {
    "model": ("model", text),
    "chatGptLabel": ("model_label", text),
    "modelLabel": ("model_label", text),
    "greeting": ("greeting", text),
    "iconURL": ("icon_url", text),
}
_PRESET_REFUSED = {
    "additional_instructions": "Write it into “promptPrefix”.",
    "agent_id": "Agents are set up here, not in the file.",
    "assistant_id": "The Assistants API is not offered.",
    "tools": _TOOLS,
    "artifacts": _TOOLS,
    "examples": "Examples belong into the instructions.",
    "useResponsesApi": "The channel decides by which interface a model is asked.",
    "reasoning_summary": "It is not sent.",
    "fileTokenLimit": "The upload rules limit the text of a file.",
}
_INSTRUCTIONS = ("promptPrefix", "instructions", "system")
_COLUMNS = ("max_output_tokens", "max_context_tokens")


def read_specs(root: Node, plan: Plan) -> None:
    specs = root["modelSpecs"]
    if specs.value is None or not needs(specs, dict, "A list of specs is"):
        return
    items = _items(specs["list"])
    for order, (_, node) in enumerate(items):
        preset = _read_spec(node, priority=len(items) - order, plan=plan)
        if preset is not None:
            plan.presets.append(preset)
    rules = {"enforce": ("enforce", flag), "prioritize": ("prioritize", flag)}
    plan.policy |= specs.fields(rules, "rules: {}")
    plan.policy_places |= {name: (*specs.place, name) for name in rules}
    _choose_default(items, plan)


def _items(node: Node) -> list[tuple[str | int, Node]]:
    if node.value is None or not needs(node, list, "A list of specs is"):
        return []
    return [item for item in node.children if needs(item[1], dict, "A spec is")]


def _choose_default(items: list[tuple[str | int, Node]], plan: Plan) -> None:
    """The first default; else the first soft one."""
    for key in ("default", "softDefault"):
        marked = [node for _, node in items if node.read(key, flag, "who gets what: default")]
        chosen = next((p for p in plan.presets if p.place in {n.place for n in marked}), None)
        if chosen and not any(preset.given["is_default"] for preset in plan.presets):
            chosen.given["is_default"] = True
            plan.policy["default_is_soft"] = key == "softDefault"


def _read_spec(node: Node, *, priority: int, plan: Plan) -> PresetPlan | None:
    if not isinstance(node["preset"].value, dict):
        node.refuse("A spec needs a preset with an endpoint and a model.")
        return None
    name = text(node["name"]) if isinstance(node["name"].value, str) else ""
    slug = short_name(name)
    _note_name(node["name"], name, slug)
    problem = _problem(name, slug, plan)
    if problem:
        node.refuse(problem)
        return None
    inner = _read_preset(node["preset"])
    fields = inner | node.fields(_SPEC, "preset: {}")
    node.refuse_known(_SPEC_REFUSED)
    if "order" in node:
        node["order"].take("the order of the list counts, as in LibreChat")
    given: JSONDict = {"priority": priority, "is_default": False, "is_active": True}
    return PresetPlan(node.place, slug, {"slug": slug, **fields}, given)


def _note_name(node: Node, name: str, slug: str) -> None:
    if name == slug:
        node.take("preset: short name")
    elif name:
        words = f"Its short name is “{slug}”; import_librechat gives it to the chats of “{name}”."
        node.source.note(Fate.CHANGED, node.place, words)


def _problem(name: str, slug: str, plan: Plan) -> str:
    if not name:
        return "A spec needs a name."
    same = any(preset.slug == slug for preset in plan.presets)
    return f"There is another spec with the short name “{slug}”." if same else ""


def _read_preset(node: Node) -> JSONDict:
    fields = node.fields(_PRESET, "preset: {}")
    endpoint = node.read("endpoint", text, "preset: endpoint")
    if endpoint:
        fields["endpoint"] = endpoint_name(endpoint)
    if "endpointType" in node:
        node["endpointType"].take("known by the endpoint")
    fields |= _instructions(node)
    node.refuse_known(_PRESET_REFUSED)
    return fields | _parameters(node)


def _instructions(node: Node) -> JSONDict:
    given = [key for key in _INSTRUCTIONS if key in node]
    for key in given[1:]:
        node[key].refuse(f"“{given[0]}” is taken instead.")
    said = node.read(given[0], text, "preset: system_message") if given else None
    return {} if said is None else {"system_message": said}


def _parameters(node: Node) -> JSONDict:
    found: JSONDict = {}
    for key, _ in node.children:
        name = parameter_name(str(key))
        if name not in PARAMETERS:
            continue
        value = node.read(str(key), _checked(name), f"preset: {name}")
        if value is not None:
            found[name] = value
    found = clean_parameters(found)
    columns = {name: found.pop(name) for name in _COLUMNS if name in found}
    return columns | {"parameters": found}


def _checked(name: str) -> Callable[[Node], object]:
    def check(node: Node) -> object:
        problem = value_problem(PARAMETERS[name], node.value)
        if problem:
            raise WrongValue(problem)
        return node.value

    return check
