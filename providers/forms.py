"""Forms of the channel admin: lists and mappings as lines of text, keys that are never shown."""

from typing import Any, ClassVar

from django import forms

from librechat_backend.lib import json
from librechat_backend.lib.admin import ModelForm, PasswordInput, Select, Textarea
from providers import services
from providers.guard import problem_with
from providers.models import Channel, ChannelKey, ModelAlias
from providers.registry import SERVICES
from providers.snapshots import current_channels


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, *, rows: int = 8, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "widget": Textarea(attrs={"rows": rows}), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (line.strip() for line in (value or "").splitlines())
        return list(dict.fromkeys(filter(None, lines)))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


class PairsField(forms.CharField):
    """A mapping, one pair a line: ``name = value``, or with another ``separator``."""

    def __init__(self, *, separator: str = "=", **kwargs: Any) -> None:
        self.separator = separator
        super().__init__(**{"required": False, "widget": Textarea(attrs={"rows": 3}), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{name} {self.separator} {text}" for name, text in value.items())

    def to_python(self, value: Any) -> Any:
        return dict(self._pair(line) for line in (value or "").splitlines() if line.strip())

    def _pair(self, line: str) -> tuple[str, str]:
        name, separator, text = (part.strip() for part in line.partition(self.separator))
        if not separator or not name or not text:
            raise forms.ValidationError(f"Write “name {self.separator} value” in each line.")
        return name, text

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except forms.ValidationError:
            return True


class FixedField(PairsField):
    """A mapping to JSON values; what is no JSON is text."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            value = {name: json.dumps(each).decode() for name, each in value.items()}
        return super().prepare_value(value)

    def _pair(self, line: str) -> tuple[str, Any]:
        name, text = super()._pair(line)
        try:
            value = json.loads(text)
        except json.DecodeError:
            return name, text
        if not json.is_storable(text.encode(), value):
            raise forms.ValidationError(f"The value of {name} is too large, or nested too deep.")
        return name, value


class ChannelForm(ModelForm[Channel]):
    kind = forms.ChoiceField(
        label="Service",
        choices=[(row.kind, row.label) for row in SERVICES.values()],
        widget=Select,
        help_text="Who answers. “OpenAI-compatible” is for any other service with such an address.",
    )
    model_names = LinesField(
        label="Models",
        help_text="One model a line, spelt as the service spells it. Empty: a list of usual "
        "models. “Fetch models” fills this in.",
    )
    model_mapping = PairsField(
        label="Other names",
        help_text="One a line: name people see = name sent to the service.",
    )
    headers = PairsField(separator=":", help_text="Extra request headers, one a line: Name: value.")
    options = PairsField(
        help_text="One a line: name = value. Azure takes api_version and deployment, Cloudflare "
        "account_id; drop_params lists fields a service refuses, separated by commas; "
        "responses = yes: it has OpenAI's Responses, too.",
    )
    parameter_overrides = FixedField(
        label="Fixed parameters",
        help_text="Fields of the request as the service spells them, one a line: temperature = 0.2 "
        "is sent whatever was asked for, user = null is never sent.",
    )
    relay_key = forms.CharField(
        label="Key of the relay",
        required=False,
        strip=True,
        widget=PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted, never shown again. Leave it empty to keep the stored key.",
    )

    class Meta:
        model = Channel
        fields = (
            "name", "kind", "is_active", "base_url", "model_names", "endpoint", "menu_label",
            "icon_url", "menu_order", "title_model", "priority",
            "weight", "model_mapping", "headers", "options", "parameter_overrides", "relay_url",
            "is_for_everyone", "groups", "rollout_percent", "requests_per_minute",
            "tokens_per_minute", "parallel_requests", "connect_timeout_seconds",
            "first_event_timeout_seconds", "idle_timeout_seconds",
        )  # fmt: skip
        labels: ClassVar = {"parallel_requests": "Requests at once"}

    def clean_base_url(self) -> str:
        return self._allowed("base_url")

    def clean_relay_url(self) -> str:
        return self._allowed("relay_url")

    def _allowed(self, name: str) -> str:
        url: str = self.cleaned_data[name]
        if name in self.changed_data and url and (problem := problem_with(url)):
            raise forms.ValidationError(problem)
        return url

    def clean_options(self) -> dict[str, str]:
        options: dict[str, str] = self.cleaned_data["options"]
        url = options.get("models_url", "")
        if url and (problem := problem_with(url)):
            raise forms.ValidationError(f"models_url: {problem}")
        return options

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        service = SERVICES.get(values.get("kind", ""))
        if service is None:
            return values
        if not values.get("base_url") and not service.base_url and service.kind != "demo":
            self.add_error("base_url", f"{service.label} needs its address.")
        if not values.get("model_names") and not service.default_models:
            self.add_error("model_names", f"List the models of {service.label}, one a line.")
        if "{account_id}" in service.base_url and not values.get("options", {}).get("account_id"):
            self.add_error("options", "Add a line: account_id = your account's id.")
        return values

    def save(self, commit: bool = True) -> Channel:
        if self.cleaned_data.get("relay_key"):
            services.seal_relay_key(channel=self.instance, secret=self.cleaned_data["relay_key"])
        return super().save(commit)


class ModelAliasForm(ModelForm[ModelAlias]):
    """``target`` and the others name models as a channel lists them."""

    fallbacks = LinesField(
        rows=3,
        label="When it fails",
        help_text="Models asked one after another when no channel of the first answers; one a "
        "line.",
    )
    fallbacks_if_too_long = LinesField(
        rows=3, label="When the conversation is too long", help_text="Models with a larger window."
    )
    fallbacks_if_filtered = LinesField(
        rows=3, label="When a content filter stops it", help_text="Models of another provider."
    )

    class Meta:
        model = ModelAlias
        fields = (
            "name", "target", "hard_target", "fallbacks", "fallbacks_if_too_long",
            "fallbacks_if_filtered", "description", "is_active",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        listed = {model for channel in Channel.objects.all() for model in models_of(channel)}
        listed |= {model for channel in current_channels() for model in channel.models}
        for field in _MODEL_FIELDS:
            named = values.get(field) or ()
            unknown = [n for n in ([named] if isinstance(named, str) else named) if n not in listed]
            if unknown:
                self.add_error(field, f"No channel lists {', '.join(unknown)}.")
        return values


_MODEL_FIELDS = (
    "target", "hard_target", "fallbacks", "fallbacks_if_too_long", "fallbacks_if_filtered",
)  # fmt: skip


def models_of(channel: Channel) -> tuple[str, ...]:
    """What a channel lists, in use or not."""
    service = SERVICES.get(channel.kind)
    return tuple(channel.model_names) or (service.default_models if service else ())


class ChannelKeyForm(ModelForm[ChannelKey]):
    secret = forms.CharField(
        label="Key",
        required=False,
        strip=True,
        widget=PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted, never shown again. Leave it empty to keep the stored key.",
    )

    class Meta:
        model = ChannelKey
        fields = ("label", "is_active")

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if not secret and not self.instance.encrypted:
            raise forms.ValidationError("Enter the key.")
        return secret

    def save(self, commit: bool = True) -> ChannelKey:
        if self.cleaned_data["secret"]:
            services.seal_secret(key=self.instance, secret=self.cleaned_data["secret"])
        return super().save(commit)
