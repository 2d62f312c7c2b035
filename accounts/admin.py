"""The admin pages of roles, invitations, devices and bans; people have a module of their own."""

import re
from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator

from accounts.forms import InvitationForm, RoleForm
from accounts.identity_admin import IdentityRuleAdmin
from accounts.models import Ban, Invitation, RefreshSession, Role, User, Violation
from accounts.services import bans, invitations
from accounts.user_admin import BUILTIN_ROLES, UserAdmin
from librechat_backend.lib.admin import ModelAdmin

__all__ = ["IdentityRuleAdmin", "UserAdmin"]

_COMMON_WORDS = re.compile(
    r"Mozilla/\S+|AppleWebKit/\S+|\(KHTML, like Gecko\)|Gecko/\S+|Safari/\S+(?= )"
)


@admin.register(Role)
class RoleAdmin(ModelAdmin[Role]):
    form = RoleForm
    list_display = ("name", "description")
    fields = ("name", "description", "allowed")

    def get_readonly_fields(self, request: HttpRequest, obj: Role | None = None) -> Any:
        """Users refer to a role by its name."""
        return ("name",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Role | None = None) -> bool:
        is_free = obj is None or (
            obj.name not in BUILTIN_ROLES and not User.objects.filter(role=obj.name).exists()
        )
        return is_free and super().has_delete_permission(request, obj)


@admin.register(Invitation)
class InvitationAdmin(ModelAdmin[Invitation]):
    form = InvitationForm
    list_display = ("email", "invited_by", "created_at", "expires_at")
    list_display_links = None
    list_select_related = ("invited_by",)
    search_fields = ("email",)
    fields = ("addresses",)

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        for address in form.cleaned_data["addresses"]:
            link = invitations.invite(email=address, invited_by=cast(User, request.user))
            messages.warning(request, f"{address}: {link} (works once, for seven days)")
        obj.pk = Invitation.objects.get(email=obj.email).pk


@admin.register(RefreshSession)
class RefreshSessionAdmin(ModelAdmin[RefreshSession]):
    """Devices that are signed in: to look at, and to sign out."""

    list_display = ("user", "device", "address", "created_at", "last_used", "expires_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip_address")
    fields = ("user", "user_agent", "address", "created_at", "last_used", "expires_at")
    readonly_fields = fields
    actions = ("sign_out",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: RefreshSession | None = None
    ) -> bool:
        return False

    @admin.display(ordering="user_agent", empty_value="-")
    def device(self, session: RefreshSession) -> str:
        """What tells devices apart, without what all browsers say of themselves."""
        return Truncator(" ".join(_COMMON_WORDS.sub("", session.user_agent).split())).chars(60)

    @admin.display(description="IP address", ordering="ip_address")
    def address(self, session: RefreshSession) -> str | None:
        return session.ip_address

    @admin.display(ordering="rotated_at")
    def last_used(self, session: RefreshSession) -> datetime:
        return session.rotated_at

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.action(description="Sign out", permissions=["delete"])
    def sign_out(self, request: HttpRequest, queryset: QuerySet[RefreshSession]) -> None:
        queryset.delete()
        messages.success(request, "Signed out. Pages still open work for a few minutes more.")


@admin.register(Ban)
class BanAdmin(ModelAdmin[Ban]):
    """Deleting a ban lifts it. Superusers are banned by each other alone."""

    list_display = ("user", "ip_address", "reason", "created_at", "expires_at")
    list_display_links = None
    list_select_related = ("user",)
    search_fields = ("user__email", "ip_address")
    autocomplete_fields = ("user",)
    fields = ("user", "ip_address", "reason", "expires_at")

    def has_change_permission(self, request: HttpRequest, obj: Ban | None = None) -> bool:
        return False

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "user" and not request.user.is_superuser:
            kwargs["queryset"] = User.objects.filter(is_superuser=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Ban, form: Any, change: bool) -> None:
        saved = bans.ban(
            user=obj.user, ip_address=obj.ip_address, reason=obj.reason, until=obj.expires_at
        )
        obj.pk = saved.pk


@admin.register(Violation)
class ViolationAdmin(ModelAdmin[Violation]):
    """Deleting a row sets the score back."""

    list_display = ("user", "kind", "score", "updated_at")
    list_display_links = None
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("user__email",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Violation | None = None) -> bool:
        return False
