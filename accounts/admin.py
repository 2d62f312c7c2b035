"""The admin pages of people, their roles and their devices."""

from collections.abc import Iterator
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Field, QuerySet
from django.http import HttpRequest

from accounts.forms import InvitationForm, RoleForm, UserCreationForm
from accounts.models import Ban, Invitation, RefreshSession, Role, User, Violation
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from accounts.services import bans, invitations, passwords, registration, sessions, two_factor
from librechat_backend.lib.admin import (
    AdminPasswordChangeForm,
    ModelAdmin,
    Select,
    UserChangeForm,
)

BUILTIN_ROLES = (ROLE_USER, ROLE_ADMIN)
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "name", "role", "standing", "is_staff", "last_login")
    list_filter = ("is_active", "awaits_approval", "role", "is_staff")
    search_fields = ("email", "name", "username")
    ordering = ("email",)
    readonly_fields = ("two_factor_enabled", "last_login", "created_at", "terms_accepted_at")
    fieldsets = (
        ("Person", {"fields": ("email", "name", "username", "password")}),
        ("Chatting", {"fields": ("role", "is_active", "two_factor_enabled")}),
        ("This admin", {"fields": RIGHTS}),
        ("Dates", {"fields": ("last_login", "created_at", "terms_accepted_at")}),
    )
    add_fieldsets = (
        ("Person", {"fields": ("email", "name", "role")}),
        ("Password", {"fields": ("usable_password", "password1", "password2")}),
    )
    actions = ("approve", "make_password_link", "remove_second_factor", "sign_out")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Nobody raises their own rights, and nobody locks themselves out."""
        fields = [*self.readonly_fields]
        if not request.user.is_superuser:
            fields += ["role", *RIGHTS]
        if obj == request.user:
            fields += ["is_active", "is_staff", "is_superuser"]
        return fields

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_within_rights = obj is None or request.user.is_superuser or not obj.is_superuser
        return is_within_rights and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_within_rights = obj is None or request.user.is_superuser or not obj.is_superuser
        is_somebody_else = obj != request.user
        return is_within_rights and is_somebody_else and super().has_delete_permission(request, obj)

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "role":
            return forms.ChoiceField(
                choices=_role_choices, initial=ROLE_USER, widget=Select, help_text="See Roles."
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(ordering="is_active")
    def standing(self, user: User) -> str:
        if user.awaits_approval:
            return "awaits approval"
        return "active" if user.is_active else "deactivated"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.email_verified = True  # whoever types it in answers for it
        if obj.is_active:
            obj.awaits_approval = False
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            sessions.end_all_sessions(user=obj)

    @admin.action(description="Approve", permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in self._within_rights(request, queryset.filter(awaits_approval=True)):
            registration.approve_account(user=user)
            self.log_change(request, user, "Approved.")
        messages.success(request, "Approved. They can sign in now.")

    @admin.action(description="Make a link to set a password", permissions=["change"])
    def make_password_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Mailed where there is a mail server, and shown here, once."""
        if not settings.ALLOW_PASSWORD_RESET:
            messages.error(request, "ALLOW_PASSWORD_RESET is off: such a link would not work.")
            return
        for user in self._within_rights(request, queryset.filter(is_active=True)):
            link = passwords.mail_reset_link(user=user)
            self.log_change(request, user, "Made a link to set a password.")
            messages.warning(request, f"{user}: {link} (works once, for 15 minutes)")

    @admin.action(description="Remove the second factor", permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in self._within_rights(request, queryset.filter(two_factor_enabled=True)):
            two_factor.remove_second_factor(user=user)
            self.log_change(request, user, "Removed the second factor.")
        messages.success(request, "Removed. The password alone lets them in now.")

    def _within_rights(self, request: HttpRequest, queryset: QuerySet[User]) -> Iterator[User]:
        return (user for user in queryset if self.has_change_permission(request, user))

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            sessions.end_all_sessions(user=user)
        messages.success(request, "Signed out. Pages still open work for a few minutes more.")


def _role_choices() -> list[tuple[str, str]]:
    """All roles, those included that only a user still names."""
    rows = Role.objects.values_list("name", flat=True)
    named = User.objects.order_by().values_list("role", flat=True).distinct()
    return [(name, name) for name in sorted({*BUILTIN_ROLES, *rows, *named})]


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
    fields = ("email",)

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        link = invitations.invite(email=obj.email, invited_by=cast(User, request.user))
        obj.pk = Invitation.objects.get(email=obj.email).pk
        messages.warning(request, f"{obj}: {link} (works once, for seven days)")


@admin.register(RefreshSession)
class RefreshSessionAdmin(ModelAdmin[RefreshSession]):
    """Devices that are signed in: to look at, and to sign out."""

    list_display = ("user", "ip_address", "user_agent", "created_at", "rotated_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip_address")
    fields = list_display
    actions = ("sign_out",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: RefreshSession | None = None
    ) -> bool:
        return False

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
    """Deleting a ban lifts it."""

    list_display = ("user", "ip_address", "reason", "created_at", "expires_at")
    list_display_links = None
    list_select_related = ("user",)
    search_fields = ("user__email", "ip_address")
    autocomplete_fields = ("user",)
    fields = ("user", "ip_address", "reason", "expires_at")

    def has_change_permission(self, request: HttpRequest, obj: Ban | None = None) -> bool:
        return False

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
