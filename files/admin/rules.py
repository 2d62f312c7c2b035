"""Upload rules, for everyone and for groups."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Group
from files.config import EndpointLimits, FileConfig
from files.media_types import FAMILIES, FAMILY_LABELS, pattern_problem
from files.models import EndpointRules, FileRules
from files.serializers import in_megabytes
from librechat_backend.lib.admin import (
    CheckboxSelectMultiple,
    ModelAdmin,
    ModelForm,
    Select,
    TabularInline,
    Textarea,
)

INHERITED = "inherited"
_CHOICES = [("", INHERITED), ("true", "yes"), ("false", "no")]
_DEFAULT, _LIMITS = FileConfig(), EndpointLimits()


class _YesNoField(forms.TypedChoiceField):
    """Yes, no, or nothing: as inherited."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=_CHOICES,
            coerce=lambda value: value == "true",
            empty_value=None,
            required=False,
            widget=Select,
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return {True: "true", False: "false", None: ""}.get(value, value)


class _FamiliesField(forms.MultipleChoiceField):
    """None ticked: as inherited. Switching uploads off is another field."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=[(name, FAMILY_LABELS[name]) for name in FAMILIES],
            required=False,
            widget=CheckboxSelectMultiple,
            **kwargs,
        )

    def clean(self, value: Any) -> Any:
        return super().clean(value) or None


class _PatternsField(forms.CharField):
    """Regular expressions, one a line; none: as the kinds above say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=Textarea(attrs={"rows": 3}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()] or None

    def validate(self, value: Any) -> None:
        problems = filter(None, map(pattern_problem, value or ()))
        if problem := next(problems, ""):
            raise forms.ValidationError(problem)


class _LimitsForm(ModelForm[Any]):
    is_enabled = _YesNoField(label="Uploads")
    families = _FamiliesField(
        label="Kinds of files", help_text="Tick those that may be uploaded. None: as inherited."
    )
    patterns = _PatternsField(
        label="Types",
        help_text="For those who know: regular expressions of media types, one a line, such as "
        "^image/.* – they hold instead of the kinds.",
    )


class FileRulesForm(_LimitsForm):
    shrinks_pictures = _YesNoField(
        label="Browsers shrink pictures before the upload",
        help_text="Inherited and nowhere said: each person decides.",
    )

    class Meta:
        model = FileRules
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        group = self.fields.get("group")
        if isinstance(group, forms.ModelChoiceField):
            group.empty_label = "everyone"
            is_new = self.instance._state.adding
            group.disabled = not is_new
            if is_new:
                group.queryset = Group.objects.filter(file_rules=None)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        is_everyone = self.instance._state.adding and values.get("group") is None
        if is_everyone and FileRules.objects.filter(group=None).exists():
            self.add_error("group", "Everyone has rules already; change those, or choose a group.")
        return values


class EndpointRulesForm(_LimitsForm):
    class Meta:
        model = EndpointRules
        fields = (
            "endpoint", "is_enabled", "file_limit", "file_megabytes", "total_megabytes", "families",
            "patterns",
        )  # fmt: skip
        help_texts = {"endpoint": "The endpoint's name in the model menu, e.g. anthropic."}


class EndpointRulesInline(TabularInline[EndpointRules, FileRules]):
    model = EndpointRules
    form = EndpointRulesForm
    extra = 0


@admin.register(FileRules)
class FileRulesAdmin(ModelAdmin[FileRules]):
    form = FileRulesForm
    inlines = (EndpointRulesInline,)
    list_display = (
        "whom", "is_enabled", "file_limit", "file_megabytes", "quota_megabytes", "retention_days",
    )  # fmt: skip
    list_select_related = ("group",)
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("group", "is_enabled")}),
        (
            "A message",
            {
                "description": (
                    f"Empty fields are inherited. Where nobody says otherwise: "
                    f"{_LIMITS.file_limit} files of {in_megabytes(_LIMITS.file_bytes)} MB, "
                    f"{_DEFAULT.text_token_limit:,} tokens of text."
                ),
                "fields": (
                    "file_limit", "file_megabytes", "total_megabytes", "families", "patterns",
                    "text_token_limit", "image_format",
                ),
            },
        ),
        (
            "Pictures",
            {
                "fields": (
                    "shrinks_pictures", "picture_width", "picture_height", "picture_quality",
                )
            },
        ),
        (
            "A person",
            {"fields": ("quota_megabytes", "retention_days", "avatar_megabytes")},
        ),
    )  # fmt: skip

    @admin.display(description="for")
    def whom(self, rules: FileRules) -> str:
        return str(rules.group or "everyone")

    def get_fieldsets(self, request: HttpRequest, obj: FileRules | None = None) -> Any:
        return self.fieldsets
