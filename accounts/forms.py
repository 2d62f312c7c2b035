"""Forms of the admin."""

import re
from typing import Any

from django import forms

from accounts.models import Invitation, Role, User
from accounts.models.user import normalize_email
from accounts.permissions import BUILT, effective_permissions, with_granted
from accounts.validation import email_problem
from librechat_backend.lib.admin import CheckboxSelectMultiple, ModelForm, Textarea
from librechat_backend.lib.admin import UserCreationForm as BaseUserCreationForm

INVITATIONS_AT_ONCE = 200


class UserCreationForm(BaseUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email", "name", "role")


class InvitationForm(ModelForm[Invitation]):
    """Inviting somebody again replaces the link, so the address may be there already."""

    addresses = forms.CharField(
        label="E-mail addresses",
        widget=Textarea(attrs={"rows": 6}),
        help_text="One or many: a line each, or separated by commas. Each gets a link of its own.",
    )

    class Meta:
        model = Invitation
        fields: tuple[str, ...] = ()

    def clean_addresses(self) -> list[str]:
        typed = re.split(r"[\s,;]+", self.cleaned_data["addresses"])
        addresses = list(dict.fromkeys(normalize_email(text) for text in typed if text))
        if len(addresses) > INVITATIONS_AT_ONCE:
            raise forms.ValidationError(f"At most {INVITATIONS_AT_ONCE} addresses at once.")
        for address in addresses:
            if email_problem(address):
                raise forms.ValidationError(f"{address} is no e-mail address.")
        users = User.objects.filter(email__in=addresses).values_list("email", flat=True)
        if known := ", ".join(users):
            raise forms.ValidationError(f"There is already a user with the address {known}.")
        return addresses

    def save(self, commit: bool = True) -> Invitation:
        self.instance.email = self.cleaned_data["addresses"][0]
        return super().save(commit)


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
