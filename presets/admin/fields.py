"""Fields of forms that name people and groups."""

from typing import Any

from django import forms

from accounts.models import Group, User
from accounts.models.user import normalize_email
from librechat_backend.lib.admin import Select, TextInput
from presets.admin.tree import choices


class PersonField(forms.CharField):
    """A person, by the e-mail address they sign in with."""

    def __init__(self, **kwargs: Any) -> None:
        widget = TextInput(
            attrs={"list": "people", "placeholder": "name@example.com", "autocomplete": "off"}
        )
        super().__init__(**{"widget": widget, "label": "Person", **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return value.email if isinstance(value, User) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, User):  # a disabled field is given what it shows
            return value
        email = normalize_email(value or "")
        if not email:
            return None
        person = User.objects.filter(email=email).first()
        if person is None:
            raise forms.ValidationError(f"Nobody here has the address “{email}”.")
        return person

    def validate(self, value: Any) -> None:
        if self.required and value is None:
            raise forms.ValidationError("Enter the person's e-mail address.", code="required")

    def run_validators(self, value: Any) -> None:
        """What is left of a text after to_python is a person."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return normalize_email(str(self.prepare_value(initial) or "")) != normalize_email(
            str(data or "")
        )


class GroupField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A group, shown in its place in the tree."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"queryset": Group.objects.all(), "widget": Select, "required": False, **kwargs}
        )

    def show_tree(self, *, empty: str) -> None:
        """Reads the groups; ``empty`` is the text of no group at all."""
        assert self.queryset is not None  # noqa: S101 - given to __init__
        self.choices = [("", empty), *choices(self.queryset)]
