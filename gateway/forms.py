"""The form of an API key in the admin: lists as lines, and whether there is a list at all."""

from typing import Any

from django import forms

from gateway.models import ApiToken
from gateway.validation import parse_networks
from librechat_backend.lib.admin import ModelForm, Textarea


class LimitedField(forms.CharField):
    """A list, one name a line; nothing at all stands for "no limit"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "widget": Textarea(attrs={"rows": 4}), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in (value or "").splitlines()]
        return list(dict.fromkeys(filter(None, lines))) or None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or None))


class ApiTokenForm(ModelForm[ApiToken]):
    model_names = LimitedField(
        label="Models",
        help_text="One a line. Empty: all the person may use.",
    )
    preset_slugs = LimitedField(
        label="Presets", help_text="Short names, one a line. Empty: all the person has."
    )
    networks = LimitedField(
        label="Addresses",
        help_text="Where requests may come from, such as 203.0.113.7 or 10.0.0.0/8, one a line. "
        "Empty: from anywhere.",
    )
    gives_no_models = forms.BooleanField(
        label="No models", required=False, help_text="Presets only, whatever stands above."
    )
    gives_no_presets = forms.BooleanField(
        label="No presets", required=False, help_text="Models only, whatever stands above."
    )

    class Meta:
        model = ApiToken
        fields = (
            "user", "name", "is_active", "expires_at", "model_names", "preset_slugs", "networks",
            "requests_per_minute", "tokens_per_minute", "parallel_requests", "quota_tokens",
            "quota_window", "cache_seconds", "keeps_content",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["gives_no_models"].initial = self.instance.model_names == []
        self.fields["gives_no_presets"].initial = self.instance.preset_slugs == []

    def clean_networks(self) -> list[str] | None:
        lines: list[str] | None = self.cleaned_data["networks"]
        if lines is None:
            return None
        try:
            return parse_networks(lines)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("gives_no_models"):
            values["model_names"] = []
        if values.get("gives_no_presets"):
            values["preset_slugs"] = []
        return values
