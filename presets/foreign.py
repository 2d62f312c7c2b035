"""Files of others: the ``modelSpecs`` of a librechat.yaml, and the ``models`` of the seed. Pure.

What these cannot say stays as it is; what presets cannot do is noted.
"""

from collections.abc import Iterable, Mapping

from django.utils.text import slugify

from librechat_backend.lib.json import JSONDict, JSONValue
from presets.bundle import (
    AssignmentEntry,
    Bundle,
    Check,
    PolicyEntry,
    PresetEntry,
    Reading,
    flag,
    listed,
    named,
    read_own,
    text,
)
from presets.fields import LOOKS, PARAMETERS
from presets.files import Document, InvalidFile, Place, Problem
from presets.resolution import Scope
from presets.spelling import parameter_name


def read_bundle(document: Document) -> Bundle:
    """Whichever of the three the file is. Raises InvalidFile."""
    value = document.value
    if not isinstance(value, dict):
        raise InvalidFile([document.problem((), "Enter names with values.")])
    if "modelSpecs" in value:
        return read_model_specs(document)
    if "models" in value:
        return read_seed(document)
    return read_own(document)


# -- librechat.yaml --------------------------------------------------------------------------

# Names there → fields here, and how their values are checked.
_SPEC: dict[str, tuple[str, Check]] = {
    "label": ("name", text),
    "description": ("description", text),
    "iconURL": ("icon_url", text),
    "group": ("menu_group", text),
    "groupIcon": ("menu_group_icon", text),
    "conversation_starters": ("conversation_starters", listed),
    **{look.wire: (name, flag) for name, look in LOOKS.items()},
}
_SPEC_PRESET: dict[str, tuple[str, Check]] = {
    "endpoint": ("endpoint", text),
    "model": ("model", text),
    "modelLabel": ("model_label", text),
    "chatGptLabel": ("model_label", text),
    "greeting": ("greeting", text),
    "iconURL": ("icon_url", text),
    **dict.fromkeys(("promptPrefix", "instructions", "system"), ("system_message", text)),
}
_SPECS: Place = ("modelSpecs",)
_SPEC_RULES: dict[str, tuple[str, Check]] = {
    "enforce": ("enforce", flag),
    "prioritize": ("prioritize", flag),
    "addedEndpoints": ("added_endpoints", listed),
}
# Without a meaning here, or with one that is ours anyway.
_SILENT = frozenset({"name", "preset", "default", "softDefault", "order", "endpointType"})


def read_model_specs(document: Document) -> Bundle:
    """Presets for everyone, in the order of the list. Raises InvalidFile."""
    reading, specs = _Foreign(document), document.value["modelSpecs"]
    if not isinstance(specs, dict):
        raise InvalidFile([document.problem(_SPECS, "Enter names with values.")])
    items = reading.items((*_SPECS, "list"), specs.get("list"))
    presets = [
        preset
        for number, (place, spec) in enumerate(items)
        if (preset := reading.spec(place, spec, priority=len(items) - number)) is not None
    ]
    rules = reading.rules(specs)
    if any(isinstance(spec, dict) and spec.get("softDefault") is True for _, spec in items):
        rules["default_is_soft"] = True
    for name in specs.keys() - {"list", *_SPEC_RULES}:
        reading.note((*_SPECS, name), "This is not known here.")
    reading.require_complete()
    policies = (PolicyEntry(_SPECS, rules),) if rules else ()
    return Bundle((), tuple(presets), policies, tuple(reading.notes))


class _Foreign(Reading):
    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.notes: list[Problem] = []

    def note(self, place: Place, message: str) -> None:
        self.notes.append(self.document.problem(place, message))

    def rules(self, specs: JSONDict) -> JSONDict:
        return {
            name: self.checked(specs[key], (*_SPECS, key), check)
            for key, (name, check) in _SPEC_RULES.items()
            if key in specs
        }

    def spec(self, place: Place, spec: JSONValue, *, priority: int) -> PresetEntry | None:
        if not isinstance(spec, dict) or not isinstance(spec.get("preset"), dict):
            self.fail(place, "A spec has a “name”, a “label” and a “preset”.")
            return None
        slug = self.slug((*place, "name"), spec.get("name"))
        fields, places = self.members(spec, place, _SPEC)
        inner, inner_places = self.members(spec["preset"], (*place, "preset"), _SPEC_PRESET)
        is_default = spec.get("default") is True or spec.get("softDefault") is True
        options = {"priority": priority, "is_default": is_default, "is_active": True}
        given = AssignmentEntry(place, options, {"is_default": (*place, "default")})
        return PresetEntry(
            place=place,
            fields=inner | fields,
            places=inner_places | places | {"slug": (*place, "name")},
            slug=slug,
            assignments=(given,),
        )

    def members(
        self, value: JSONDict, place: Place, names: Mapping[str, tuple[str, Check]]
    ) -> tuple[JSONDict, dict[str, Place]]:
        """Fields, parameters gathered, and where each stands."""
        fields: JSONDict = {}
        places: dict[str, Place] = {}
        for key, member in value.items():
            where = (*place, key)
            if key in names:
                name, check = names[key]
                fields[name], places[name] = self.checked(member, where, check), where
            elif names is _SPEC_PRESET and parameter_name(key) in PARAMETERS:
                name = parameter_name(key)
                fields.setdefault("parameters", {})[name] = member
                places[f"parameters.{name}"] = where
            elif key not in _SILENT:
                self.note(where, "This is not known here.")
        return fields, places

    def slug(self, place: Place, name: JSONValue) -> str:
        """A short name as ours are; chats remember presets by it."""
        if not isinstance(name, str) or not name:
            self.fail(place, "Enter a text.")
            return ""
        slug = short_name(name)
        if slug != name:
            message = (
                f"Its short name is “{slug}” here; chats that know it as “{name}” do not find it."
            )
            self.note(place, message)
        return slug


def short_name(name: str) -> str:
    """``gpt-4.1 mini`` → ``gpt-4-1-mini``."""
    is_one = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_one else slugify(name.replace(".", "-").replace("/", "-"))[:100] or "preset"


# -- The seed --------------------------------------------------------------------------------

_SEED_PRESET: dict[str, Check] = {
    **dict.fromkeys(("name", "endpoint", "model", "system_message"), text),
    "parameters": named,
    "tools": named,
}
_SEED_RULES: dict[str, dict[str, tuple[str, Check]]] = {
    "userPresets": {
        "enabled": ("allows_personal_presets", flag),
        "allowOverride": ("allows_override", flag),
    },
    "groupPresets": {
        "enabled": ("allows_group_presets", flag),
        "priority": ("scope_precedence", text),
    },
}


def read_seed(document: Document) -> Bundle:
    """``models.defaults`` are presets for everyone, the first of them the default.

    Raises InvalidFile.
    """
    reading, top = _Foreign(document), ("models",)
    models = document.value["models"]
    if not isinstance(models, dict):
        raise InvalidFile([document.problem(top, "Enter names with values.")])
    for key in models.keys() - {"defaults", *_SEED_RULES}:
        known = ", ".join(("defaults", *_SEED_RULES))
        reading.fail((*top, key), f"There is no “{key}” here. There are: {known}.")
    items = reading.items((*top, "defaults"), models.get("defaults"))
    presets = [
        _seed_preset(reading, place, value, priority=len(items) - number, is_default=not number)
        for number, (place, value) in enumerate(items)
    ]
    rules = _seed_rules(reading, top, models)
    reading.require_complete()
    return Bundle((), tuple(presets), (rules,) if rules.fields else (), tuple(reading.notes))


def _seed_preset(
    reading: Reading, place: Place, value: JSONValue, *, priority: int, is_default: bool
) -> PresetEntry:
    entry = reading.fields(value, place, _SEED_PRESET)
    fields = dict(entry.fields)
    endpoint, model = fields.get("endpoint") or "", fields.get("model") or ""
    if not (endpoint and model):
        reading.fail(place, "A default needs an “endpoint” and a “model”.")
    fields["name"] = fields.get("name") or model
    options = {"priority": priority, "is_default": is_default, "is_active": True}
    return PresetEntry(
        place=place,
        fields=fields,
        places=entry.places,
        slug=short_name(f"{endpoint}-{model}"),
        assignments=(AssignmentEntry(place, options),),
    )


def _seed_rules(reading: Reading, top: Place, models: JSONDict) -> PolicyEntry:
    fields: JSONDict = {}
    places: dict[str, Place] = {}
    for section, names in _SEED_RULES.items():
        for key, value in _members(reading, (*top, section), models.get(section, {})):
            where = (*top, section, key)
            if key in names:
                name, check = names[key]
                fields[name], places[name] = reading.checked(value, where, check), where
            else:
                reading.fail(where, f"There is no “{key}” here. There are: {', '.join(names)}.")
    if "scope_precedence" in fields:
        first = fields["scope_precedence"]
        fields["scope_precedence"] = [first, *(str(s) for s in Scope if s != first)]
    return PolicyEntry(top, fields, places)


def _members(reading: Reading, place: Place, value: JSONValue) -> Iterable[tuple[str, JSONValue]]:
    if isinstance(value, dict):
        return value.items()
    reading.fail(place, "Enter names with values.")
    return ()
