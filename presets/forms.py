"""Forms of the preset admin: each parameter is a field of its own kind, bounds and lock beside it.

Nothing here is stored: forms turn what was typed into values, services judge and save them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import TextChoices
from django.forms import BoundField

from librechat_backend.lib.admin import (
    CheckboxInput,
    ModelForm,
    NumberInput,
    Select,
    Textarea,
    TextInput,
)
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.fields import LOCKABLE, LOOKS, PARAMETERS, Dialect, Parameter, ValueType, dialect_of
from presets.models import Preset
from presets.resolution import Bounds
from providers.catalog import EndpointInfo
from providers.forms import LinesField

VALUE, LOW, HIGH, LOCK = "value_", "low_", "high_", "lock_"
# Parameters that are columns of the table.
COLUMNS = ("max_output_tokens", "max_context_tokens")
# What can be locked and is no parameter: field of the form → what the lock says.
LOCKS = {name: f"{LOCK}{name}" for name in LOCKABLE if name not in PARAMETERS}
_YES_NO = [("true", "yes"), ("false", "no")]
_NUMBERS = (ValueType.NUMBER, ValueType.INTEGER)


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One line of the table of parameters."""

    parameter: Parameter
    value: BoundField
    low: BoundField | None
    high: BoundField | None
    lock: BoundField

    @property
    def dialects(self) -> str:
        return " ".join(self.parameter.wire)

    @property
    def errors(self) -> list[str]:
        fields = (self.value, self.low, self.high)
        return [str(error) for field in fields if field is not None for error in field.errors]


class ToolsChoice(TextChoices):
    NOT_SET = "", "not set"
    ALL = "all", "all"
    SOME = "some", "only those named below"
    NONE = "none", "none"

    @classmethod
    def of(cls, tools: JSONDict) -> "ToolsChoice":
        """``{}`` sets nothing; an empty list of tools allows none of them."""
        if tools.get("enabled") is False:
            return cls.NONE
        if tools.get("allowed_tools") is not None:
            return cls.SOME
        return cls.ALL if tools else cls.NOT_SET


class YesNoField(forms.TypedChoiceField):
    """Yes, no, or nothing: as inherited."""

    def __init__(self, *, empty: str = "not set", **kwargs: Any) -> None:
        super().__init__(
            choices=[("", empty), *_YES_NO],
            coerce=lambda value: value == "true",
            empty_value=None,
            required=False,
            widget=Select,
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return {True: "true", False: "false", None: ""}.get(value, value)


class NumberField(forms.FloatField):
    """Shown as people write it: 0, not 0.0."""

    def prepare_value(self, value: Any) -> Any:
        return f"{value:g}" if isinstance(value, float) else value


def value_field(parameter: Parameter) -> forms.Field:
    """The kind of field a parameter's value is typed into."""
    options: dict[str, Any] = {"label": parameter.label, "required": False}
    if parameter.value_type in _NUMBERS:
        return number_field(parameter, **options)
    if parameter.value_type is ValueType.BOOLEAN:
        return YesNoField(label=parameter.label)
    if parameter.value_type is ValueType.CHOICE:
        choices = [("", "not set"), *((choice, choice) for choice in parameter.choices)]
        return forms.ChoiceField(choices=choices, widget=Select, **options)
    if parameter.value_type is ValueType.TEXTS:
        return LinesField(label=parameter.label, widget=Textarea(attrs={"rows": 2}))
    return forms.CharField(widget=TextInput, **options)


def number_field(parameter: Parameter, **options: Any) -> forms.Field:
    kind: Any = forms.IntegerField if parameter.value_type is ValueType.INTEGER else NumberField
    step = "1" if parameter.value_type is ValueType.INTEGER else "any"
    widget = NumberInput(attrs={"inputmode": "decimal", "type": "number", "step": step})
    field: forms.Field = kind(
        min_value=parameter.low, max_value=parameter.high, widget=widget, **options
    )
    return field


def parameter_fields() -> dict[str, forms.Field]:
    """Value, bounds and lock of every parameter; the names begin with VALUE, LOW, HIGH, LOCK."""
    fields: dict[str, forms.Field] = {}
    for name, parameter in PARAMETERS.items():
        fields[VALUE + name] = value_field(parameter)
        if parameter.value_type in _NUMBERS:
            for prefix, side in ((LOW, "at least"), (HIGH, "at most")):
                label = f"{parameter.label} {side}"
                fields[prefix + name] = number_field(parameter, label=label, required=False)
        fields[LOCK + name] = forms.BooleanField(
            label=f"Lock {parameter.label}", required=False, widget=CheckboxInput
        )
    return fields


def _look(name: str) -> YesNoField:
    look = LOOKS[name]
    return YesNoField(empty="as usual", label=look.label, help_text=look.help_text)


class PresetForm(ModelForm[Preset]):
    """``endpoints`` are those that may be chosen, ``inherited`` what an empty field stands for."""

    endpoints: Iterable[EndpointInfo] = ()
    inherited: Mapping[str, JSONValue] = {}
    inherited_bounds: Mapping[str, Bounds] = {}

    conversation_starters = LinesField(
        label="Conversation starters",
        widget=Textarea(attrs={"rows": 4}),
        help_text="Questions offered in an empty chat, one a line; the client shows four.",
    )
    slug = forms.SlugField(
        label="Short name",
        required=False,
        widget=TextInput,
        help_text="For the client and for programs. Empty: made of the name. In a group or for a "
        "person, a preset replaces a broader one of the same short name.",
    )
    endpoint = forms.ChoiceField(required=False, widget=Select, help_text="Who answers.")
    model = forms.ChoiceField(required=False, widget=Select)
    show_in_menu = _look("show_in_menu")
    show_on_landing = _look("show_on_landing")
    show_icon_in_menu = _look("show_icon_in_menu")
    show_icon_in_header = _look("show_icon_in_header")
    hide_badge_row = _look("hide_badge_row")
    tools_choice = forms.ChoiceField(
        label="Tools",
        required=False,
        choices=ToolsChoice.choices,
        widget=Select,
        help_text="Whether the model may use tools.",
    )
    tools_allowed = LinesField(
        label="Allowed tools",
        widget=Textarea(attrs={"rows": 3}),
        help_text="One a line, where only some are allowed: "
        "web_search (the provider's web search), url_context (reading web addresses). "
        "Without a line no tool is allowed.",
    )
    reason = forms.CharField(
        label="Why this change?",
        required=False,
        max_length=500,
        widget=TextInput,
        help_text="Optional; it stands in the history beside your name.",
    )

    class Meta:
        model = Preset
        fields = (
            "name", "slug", "description", "icon_url", "menu_group", "menu_group_icon",
            "conversation_starters", "endpoint", "model", "system_message", "greeting",
            "model_label", *LOOKS, "cache_seconds", "extends", "owner_group", "is_active",
        )  # fmt: skip
        help_texts = {
            "system_message": "Instructions people never see. Filled in: {{current_user}}, "
            "{{current_date}}, {{current_datetime}}.",
            "extends": "Empty fields are taken from that preset; what it locks stays locked.",
            "is_active": "A preset that is not active is in nobody's menu.",
            "menu_group": "Presets with the same folder stand together.",
            "model_label": "The name answers are shown under.",
            "greeting": "Shown in an empty chat.",
            "cache_seconds": "When a program that uses the API asks exactly the same again within "
            "this time, it gets the same answer, at once and at no cost. 3600 is an hour. Empty: "
            "as the program's API key says. 0: a model is asked each time. Chats always ask one.",
        }
        labels = {"model_label": "Name of the assistant"}
        widgets = {
            "system_message": Textarea(attrs={"rows": 6}),
            "cache_seconds": NumberInput(attrs={"type": "number", "min": 0}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(parameter_fields())
        for name, lock in LOCKS.items():
            label = f"People cannot change the {name.replace('_', ' ')}"
            self.fields[lock] = forms.BooleanField(
                label=label, required=False, widget=CheckboxInput
            )
        self._offer_models()
        self._fill()
        self._show_inherited()

    # -- What is shown -----------------------------------------------------------------------

    def _offer_models(self) -> None:
        stored = {name: getattr(self.instance, name) for name in ("endpoint", "model")}
        names = [(info.name, info.label) for info in self.endpoints]
        groups: list[Any] = [
            (info.label, [(model, model) for model in info.models]) for info in self.endpoints
        ]
        if stored["endpoint"] not in {"", *(name for name, _ in names)}:
            names.append((stored["endpoint"], f"{stored['endpoint']} (not offered now)"))
        if stored["model"] not in {"", *(m for info in self.endpoints for m in info.models)}:
            groups.append(("Not offered now", [(stored["model"], stored["model"])]))
        self._choices("endpoint", names)
        self._choices("model", groups)
        self.fields["model"].widget.attrs["data-models-of"] = "endpoint"

    def _choices(self, name: str, choices: list[Any]) -> None:
        inherited = self.inherited.get(name)
        empty = f"inherited: {inherited}" if inherited else "choose one"
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", empty), *choices]

    def _fill(self) -> None:
        preset = self.instance
        stored = preset.parameters | {name: getattr(preset, name) for name in COLUMNS}
        for name in PARAMETERS:
            self.initial[VALUE + name] = stored.get(name)
            limits = preset.bounds.get(name) or {}
            self.initial[LOW + name] = limits.get("min")
            self.initial[HIGH + name] = limits.get("max")
        for name in LOCKABLE:
            self.initial[LOCK + name] = name in preset.locked
        self.initial["tools_choice"] = ToolsChoice.of(preset.tools)
        self.initial["tools_allowed"] = preset.tools.get("allowed_tools") or []

    def _show_inherited(self) -> None:
        """An empty field says what it stands for."""
        for name, value in self.inherited.items():
            field = self.fields.get(VALUE + name) or self.fields.get(name)
            if field is None:
                continue
            text = "\n".join(value) if isinstance(value, list) else _as_text(value)
            if isinstance(field, forms.ChoiceField):
                field.choices = [("", f"inherited: {text}"), *_choices_of(field)[1:]]
            else:
                field.widget.attrs["placeholder"] = f"inherited: {text}"

        for name, limits in self.inherited_bounds.items():
            for prefix, limit in zip((LOW, HIGH), limits, strict=True):
                if limit is not None and prefix + name in self.fields:
                    text = f"inherited: {limit:g}"
                    self.fields[prefix + name].widget.attrs["placeholder"] = text

    @property
    def parameter_rows(self) -> list[ParameterRow]:
        return [
            ParameterRow(
                parameter,
                value=self[VALUE + name],
                low=self[LOW + name] if LOW + name in self.fields else None,
                high=self[HIGH + name] if HIGH + name in self.fields else None,
                lock=self[LOCK + name],
            )
            for name, parameter in PARAMETERS.items()
        ]

    @property
    def catalog(self) -> JSONDict:
        """For the page's script: which models and which dialect an endpoint has."""
        known: JSONDict = {
            info.name: {"models": list(info.models), "dialect": dialect_of(info.kind)}
            for info in self.endpoints
        }
        return {"endpoints": known, "inherited": self.inherited.get("endpoint", "")}

    def _get_validation_exclusions(self) -> set[str]:
        """Without a short name the service makes a free one."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | (set() if self.cleaned_data.get("slug") else {"slug"})

    # -- What was typed ----------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        for name in PARAMETERS:
            low, high = values.get(LOW + name), values.get(HIGH + name)
            if low is not None and high is not None and low > high:
                self.add_error(LOW + name, "The smallest value is larger than the largest.")
        is_open = values.get("tools_choice") in (ToolsChoice.NOT_SET, ToolsChoice.ALL)
        if is_open and values.get("tools_allowed"):
            self.add_error("tools_allowed", f"These count under “{ToolsChoice.SOME.label}” alone.")
        return values

    def preset_values(self) -> dict[str, Any]:
        """Columns of the preset, as the services take them."""
        typed = self.cleaned_data
        fields = self._meta.fields
        assert isinstance(fields, list | tuple)  # noqa: S101 - named in Meta
        plain = {name: typed[name] for name in fields if name in typed}
        if not plain.get("slug"):
            plain.pop("slug", None)
        return plain | {
            "parameters": self._parameters(),
            **{name: typed.get(VALUE + name) for name in COLUMNS},
            "bounds": self._bounds(),
            "locked": self._locked(),
            "tools": self._tools(),
        }

    def _parameters(self) -> JSONDict:
        typed = {name: self.cleaned_data.get(VALUE + name) for name in PARAMETERS}
        return {
            name: value
            for name, value in typed.items()
            if name not in COLUMNS and value not in (None, "", [])
        }

    def _locked(self) -> list[str]:
        """In the stored order, so that saving an untouched page changes nothing."""
        names = dict.fromkeys((*self.instance.locked, *LOCKABLE))
        return [name for name in names if self.cleaned_data.get(LOCK + name)]

    def _bounds(self) -> JSONDict:
        bounds: JSONDict = {}
        for name in PARAMETERS:
            sides = {
                side: self.cleaned_data.get(prefix + name)
                for side, prefix in (("min", LOW), ("max", HIGH))
            }
            given = {side: limit for side, limit in sides.items() if limit is not None}
            if given:
                bounds[name] = given
        return bounds

    def _tools(self) -> JSONDict:
        tools: JSONDict = self.instance.tools
        if not {"tools_choice", "tools_allowed"} & set(self.changed_data):
            return tools  # the same in another spelling would be a change in the history
        allowed = self.cleaned_data.get("tools_allowed") or []
        meant: dict[ToolsChoice, JSONDict] = {
            ToolsChoice.NOT_SET: {},
            ToolsChoice.ALL: {"enabled": True},
            ToolsChoice.SOME: {"enabled": True, "allowed_tools": allowed},
            ToolsChoice.NONE: {"enabled": False},
        }
        return meant[ToolsChoice(self.cleaned_data["tools_choice"])]


def _choices_of(field: Any) -> list[Any]:
    return list(field.choices)


def _as_text(value: JSONValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def dialects_label(parameter: Parameter) -> str:
    """Which endpoints know a parameter, for people; empty: all do."""
    names = {Dialect.OPENAI: "OpenAI", Dialect.ANTHROPIC: "Anthropic", Dialect.GOOGLE: "Google"}
    known = [names[dialect] for dialect in Dialect if dialect in parameter.wire]
    return "" if len(known) == len(names) else ", ".join(known)
