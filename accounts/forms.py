"""Forms of the admin."""

from typing import Any

from django import forms

from accounts.models import Invitation, Role, User
from accounts.models.user import normalize_email
from accounts.permissions import BUILT, effective_permissions, with_granted
from librechat_backend.lib.admin import CheckboxSelectMultiple, ModelForm
from librechat_backend.lib.admin import UserCreationForm as BaseUserCreationForm


class UserCreationForm(BaseUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email", "name", "role")


class InvitationForm(ModelForm[Invitation]):
    """Inviting somebody again replaces the link, so the address may be there already."""

    class Meta:
        model = Invitation
        fields = ("email",)

    def clean_email(self) -> str:
        email = normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError("There is already a user with this address.")
        return email

    def validate_unique(self) -> None:
        pass


def _permission_choices() -> list[tuple[str, str]]:
    """Only what the release has: the rest would be switches without a lamp."""
    return [
        (
            f"{type_}.{bit}",
            f"{type_.replace('_', ' ').capitalize()}: {bit.replace('_', ' ').lower()}",
        )
        for type_, bit in sorted(BUILT)
    ]


class RoleForm(ModelForm[Role]):
    """The permission matrix as checkboxes."""

    allowed = forms.MultipleChoiceField(
        choices=_permission_choices,
        required=False,
        widget=CheckboxSelectMultiple,
        help_text="Features that people with this role see.",
    )

    class Meta:
        model = Role
        fields = ("name", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        matrix = effective_permissions(self.instance.name, self.instance.permissions)
        self.fields["allowed"].initial = [
            f"{type_}.{bit}" for type_, bit in BUILT if matrix[type_][bit]
        ]

    def save(self, commit: bool = True) -> Role:
        granted = {
            (type_, bit) for type_, bit in BUILT if f"{type_}.{bit}" in self.cleaned_data["allowed"]
        }
        self.instance.permissions = with_granted(self.instance.permissions, granted)
        return super().save(commit)
