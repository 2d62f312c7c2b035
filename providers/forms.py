"""Forms of the channel admin: lists and mappings as lines of text, keys that are never shown."""

from typing import Any

from django import forms

from librechat_backend.lib.admin import ModelForm, PasswordInput, Select, Textarea
from providers import services
from providers.models import Channel, ChannelKey
from providers.registry import SERVICES


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "widget": Textarea(attrs={"rows": 8}), **kwargs})

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
        "account_id; drop_params lists fields a service refuses, separated by commas.",
    )

    class Meta:
        model = Channel
        fields = (
            "name", "kind", "is_active", "base_url", "model_names", "endpoint", "priority",
            "weight", "model_mapping", "headers", "options", "first_event_timeout_seconds",
            "idle_timeout_seconds",
        )  # fmt: skip

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
