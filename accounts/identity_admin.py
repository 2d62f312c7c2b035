"""The admin pages of rules for claims, and the identities on a person's page."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from accounts.identity.rules import Rule, environment_rules
from accounts.models import IdentityRule, Role
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from accounts.services.external import unlink_identity
from librechat_backend.lib.admin import ModelAdmin, ModelForm, Select, TabularInline
from librechat_backend.lib.formsets import BoundedFormSet

# The library's own pages: its settings and tokens are not used here.
for model in (EmailAddress, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class UnlinkingFormSet(BoundedFormSet):
    def delete_existing(self, obj: SocialAccount, commit: bool = True) -> None:
        if commit:
            unlink_identity(account=obj)


class IdentityInline(TabularInline[SocialAccount, Any]):
    """What opens this account besides its password; removing one ends the person's devices."""

    model = SocialAccount
    formset = UnlinkingFormSet
    verbose_name = "external identity"
    verbose_name_plural = "External identities"
    fields = readonly_fields = ("provider_name", "subject", "address", "linked", "last_used")
    extra = 0
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="provider")
    def provider_name(self, account: SocialAccount) -> str:
        provider, _, issuer = account.provider.partition(":")
        name = dict(IdentityRule.Provider.choices).get(provider, provider)
        return f"{name}, {issuer}" if issuer else str(name)

    @admin.display(description="subject there")
    def subject(self, account: SocialAccount) -> str:
        return str(account.uid)

    @admin.display(description="linked")
    def linked(self, account: SocialAccount) -> Any:
        return account.date_joined

    @admin.display(description="last used")
    def last_used(self, account: SocialAccount) -> Any:
        return account.last_login

    @admin.display(description="address there")
    def address(self, account: SocialAccount) -> str:
        return str(account.extra_data.get("email", ""))


def _role_choices() -> list[tuple[str, str]]:
    rows = Role.objects.values_list("name", flat=True)
    return [("", "—"), *((name, name) for name in sorted({ROLE_USER, ROLE_ADMIN, *rows}))]


class IdentityRuleForm(ModelForm[IdentityRule]):
    role = forms.ChoiceField(
        choices=_role_choices, required=False, widget=Select, help_text="For “has the role”."
    )

    class Meta:
        model = IdentityRule
        fields = ("provider", "claim", "value", "effect", "group", "role", "position", "is_active")


@admin.register(IdentityRule)
class IdentityRuleAdmin(ModelAdmin[IdentityRule]):
    form = IdentityRuleForm
    list_display = ("claim", "value", "provider_name", "consequence", "is_active")
    list_filter = ("effect", "provider", "is_active")
    list_select_related = ("group",)
    search_fields = ("claim", "value")
    list_before_template = "admin/identity_rules.html"
    fieldsets = (
        ("Whoever …", {"fields": ("provider", "claim", "value")}),
        ("… then", {"fields": ("effect", "group", "role", "position", "is_active")}),
    )

    @admin.display(description="signs in through", ordering="provider")
    def provider_name(self, rule: IdentityRule) -> str:
        return rule.get_provider_display()

    @admin.display(description="consequence", ordering="effect")
    def consequence(self, rule: IdentityRule) -> str:
        return consequence_of(rule.effect, str(rule.group or ""), rule.role)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            own = [_described(rule) for rule in environment_rules()]
        except ImproperlyConfigured as error:
            own = []
            messages.error(request, str(error))
        return super().changelist_view(request, {**(extra_context or {}), "environment_rules": own})


def consequence_of(effect: str, group: str, role: str) -> str:
    return {
        "require": "may sign in; others may not",
        "group": f"is in “{group}”",
        "groups": f"is in the groups named, below “{group}”" if group else "is in the groups named",
        "role": f"has the role {role}",
    }[effect]


def _described(rule: Rule) -> dict[str, str]:
    return {
        "claim": rule.claim,
        "values": " or ".join(rule.values),
        "consequence": consequence_of(rule.effect, "", rule.role),
    }
