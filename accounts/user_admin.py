"""The admin page of people: who they are, whether they may come in, and help with signing in.

Whoever may change people may do all of it. The permission ``support_user`` is for those who help:
they see people, and may do what lets somebody sign in, but nothing that lets themselves in as
somebody else. So they are not shown links to set passwords, and change no address.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Exists, Field, ManyToManyField, Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince

from accounts.export import export_account
from accounts.forms import UserCreationForm
from accounts.identity_admin import IdentityInline
from accounts.models import Role, User
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from accounts.services import (
    bans,
    deletion,
    passwords,
    registration,
    sessions,
    standing,
    two_factor,
)
from accounts.services.bans import bans_of_each_person
from librechat_backend.lib import json
from librechat_backend.lib.admin import (
    AdminPasswordChangeForm,
    ModelAdmin,
    Select,
    SelectMultiple,
    UserChangeForm,
)

BUILTIN_ROLES = (ROLE_USER, ROLE_ADMIN)
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")
FACTS = ("last_active", "devices", "second_factor", "member_of", "banned", "violations")


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "name", "role", "standing", "has_second_factor", "last_active")
    list_filter = ("is_active", "awaits_approval", "two_factor_enabled", "role", "is_staff")
    search_fields = ("email", "name", "username")
    ordering = ("email",)
    readonly_fields = (*FACTS, "last_login", "created_at", "terms_accepted_at")
    fieldsets = (
        ("Person", {"fields": ("email", "name", "username", "password")}),
        ("Chatting", {"fields": ("role", "is_active", *FACTS)}),
        ("This admin", {"fields": RIGHTS}),
        ("Dates", {"fields": ("last_login", "created_at", "terms_accepted_at")}),
    )
    add_fieldsets = (
        ("Person", {"fields": ("email", "name", "role")}),
        ("Password", {"fields": ("usable_password", "password1", "password2")}),
    )
    filter_horizontal = ()  # two lists side by side are wider than the page
    inlines = (IdentityInline,)
    actions = (
        "approve", "activate", "deactivate", "send_password_link", "remove_second_factor",
        "sign_out", "lift_bans", "export",
    )  # fmt: skip

    # -- who may do what -----------------------------------------------------------------------

    def has_support_permission(self, request: HttpRequest) -> bool:
        """Asked for by the actions."""
        return self.has_change_permission(request) or request.user.has_perm("accounts.support_user")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_within_rights(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_somebody_else = obj != request.user
        is_allowed = super().has_delete_permission(request, obj)
        return _is_within_rights(request, obj) and is_somebody_else and is_allowed

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Nobody raises their own rights, and nobody locks themselves out."""
        fields = [*self.readonly_fields]
        if not request.user.is_superuser:
            fields += ["role", *RIGHTS]
        if obj == request.user:
            fields += ["is_active", "is_staff", "is_superuser"]
        return fields

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Who only looks is not shown where a password is changed, nor anything of it."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, {"fields": [name for name in part["fields"] if name != "password"]})
            for title, part in fieldsets
        ]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else ()

    # -- what is shown -------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(
            is_banned=Exists(bans_of_each_person()),
            refreshed_at=Max("refresh_sessions__rotated_at"),
        )

    @admin.display(ordering="is_active")
    def standing(self, user: Any) -> str:
        if user.awaits_approval:
            return "awaits approval"
        if user.is_banned:
            return "banned"
        return "active" if user.is_active else "deactivated"

    @admin.display(description="second factor", ordering="two_factor_enabled", boolean=True)
    def has_second_factor(self, user: User) -> bool:
        return user.two_factor_enabled

    @admin.display(description="last active", ordering="refreshed_at", empty_value="never")
    def last_active(self, user: Any) -> str | None:
        """Open pages refresh their session every few minutes; the next best is the sign-in."""
        moments = [moment for moment in (user.refreshed_at, user.last_login) if moment]
        if not moments:
            return None
        is_now = timezone.now() - max(moments) < timedelta(minutes=1)
        return "just now" if is_now else f"{timesince(max(moments), depth=1)} ago"

    @admin.display(description="devices")
    def devices(self, user: User) -> str:
        count = len(sessions.live_sessions(user))
        return _counted(count, "refreshsession", f"user__id__exact={user.pk}")

    @admin.display(description="second factor")
    def second_factor(self, user: User) -> str:
        if not user.two_factor_enabled:
            return "off"
        left = user.backup_codes.filter(is_pending=False, used_at__isnull=True).count()
        return f"on, {left} backup codes left"

    @admin.display(description="member of")
    def member_of(self, user: User) -> str:
        rows = user.memberships.select_related("group").order_by("group__name")
        links = [
            (reverse("admin:accounts_group_change", args=[row.group_id]), row.group, row.role)
            for row in rows
        ]
        return format_html_join(", ", '<a href="{}">{}</a> ({})', links) or "none"

    @admin.display(description="bans")
    def banned(self, user: User) -> str:
        rows = user.bans.filter(expires_at__gt=timezone.now())
        if not rows:
            return "none"
        told = format_html_join(
            ", ", "until {}: {}", [(f"{row.expires_at:%Y-%m-%d %H:%M}", row.reason) for row in rows]
        )
        link = reverse("admin:accounts_ban_changelist") + f"?q={user.email}"
        return format_html('{} <a href="{}">(see it)</a>', told, link)

    @admin.display(description="violations")
    def violations(self, user: User) -> str:
        rows = user.violations.all()
        return ", ".join(f"{row.get_kind_display()}: {row.score}" for row in rows) or "none"

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "role":
            return forms.ChoiceField(
                choices=_role_choices, initial=ROLE_USER, widget=Select, help_text="See Roles."
            )
        if db_field.name == "groups":
            kwargs |= {"label": "Rights of staff", "help_text": "Such as Support. See there."}
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        """One that is searched; the theme makes a plain list of each."""
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        field.widget = SelectMultiple(choices=field.choices)
        field.help_text = field.help_text.partition(" Hold down")[0]
        return field

    # -- changes -------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.email_verified = True  # whoever types it in answers for it
        if obj.is_active:
            obj.awaits_approval = False
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            sessions.end_all_sessions(user=obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        deletion.delete_account(user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in list(queryset):
            deletion.delete_account(user=user)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Counts without the list of everything; what belongs to a person goes with them."""
        _, counts, _, protected = super().get_deleted_objects(objs, request)
        refused = {str(user) for user in objs if not self.has_delete_permission(request, user)}
        return [str(user) for user in objs], counts, refused, protected

    # -- actions -------------------------------------------------------------------------------

    @admin.action(description="Approve", permissions=["support"])
    def approve(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        waiting = queryset.filter(awaits_approval=True)
        self._each(request, waiting, registration.approve_account, "Approved")

    @admin.action(description="Activate", permissions=["support"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        inactive = queryset.filter(is_active=False)
        self._each(request, inactive, standing.activate_account, "Activated")

    @admin.action(description="Deactivate and sign out", permissions=["support"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        others = queryset.filter(is_active=True).exclude(pk=request.user.pk)
        self._each(request, others, standing.deactivate_account, "Deactivated")

    @admin.action(description="Send a link to set a password", permissions=["support"])
    def send_password_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Mailed where there is a mail server. Shown to whoever may change people, once."""
        if not settings.ALLOW_PASSWORD_RESET:
            messages.error(request, "ALLOW_PASSWORD_RESET is off: such a link would not work.")
            return
        may_see = self.has_change_permission(request)
        if not (may_see or settings.EMAIL_ENABLED):
            messages.error(request, "There is no mail server. An administrator can make the link.")
            return
        for user in self._helped(request, queryset.filter(is_active=True)):
            link = passwords.mail_reset_link(user=user)
            self.log_change(request, user, "Made a link to set a password.")
            told = f"{link} (works once, for 15 minutes)" if may_see else "The link is on its way."
            messages.warning(request, f"{user}: {told}")

    @admin.action(description="Remove the second factor", permissions=["support"])
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with_one = queryset.filter(two_factor_enabled=True)
        done = "Removed the second factor"
        self._each(request, with_one, two_factor.remove_second_factor, done)

    @admin.action(description="Sign out everywhere", permissions=["support"])
    def sign_out(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Pages still open work until their access token ends, a few minutes more."""
        self._each(request, queryset, sessions.end_all_sessions, "Signed out")

    @admin.action(description="Lift bans", permissions=["support"])
    def lift_bans(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        now = timezone.now()
        banned = queryset.filter(bans__expires_at__gt=now).distinct()
        self._each(request, banned, bans.lift_bans, "Lifted the ban")

    @admin.action(description="Download what accounts keep about them", permissions=["change"])
    def export(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        people = list(self._helped(request, queryset))
        if len(people) != 1:
            messages.error(request, "Choose one person.")
            return None
        self.log_change(request, people[0], "Downloaded what is kept about them.")
        return HttpResponse(
            json.dumps_indented(export_account(people[0])),
            content_type="application/json",
            headers={
                "Content-Disposition": f'attachment; filename="account-{people[0].pk}.json"',
                "Cache-Control": "no-store",
            },
        )

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[User],
        change: Callable[..., object],
        done: str,
    ) -> None:
        """``done`` is what the log and the message say."""
        people = list(self._helped(request, queryset))
        for user in people:
            change(user=user)
            self.log_change(request, user, f"{done}.")
        names = ", ".join(map(str, people))
        messages.success(request, f"{done}: {names}." if people else "Nobody to do this for.")

    def _helped(self, request: HttpRequest, queryset: QuerySet[User]) -> Iterator[User]:
        return (user for user in queryset if _is_within_rights(request, user))


def _is_within_rights(request: HttpRequest, user: User | None) -> bool:
    """Nobody gets at an account that may do more than their own: a new password would open it."""
    actor = cast(User, request.user)
    if user is None or actor.is_superuser:
        return True
    if user.is_superuser or (user.role == ROLE_ADMIN and actor.role != ROLE_ADMIN):
        return False
    return not user.is_staff or user.get_all_permissions() <= actor.get_all_permissions()


def _counted(count: int, model: str, query: str) -> str:
    if not count:
        return "none"
    link = reverse(f"admin:accounts_{model}_changelist")
    return format_html('{} <a href="{}?{}">(see them)</a>', count, link, query)


def _role_choices() -> list[tuple[str, str]]:
    """All roles, those included that only a user still names."""
    rows = Role.objects.values_list("name", flat=True)
    named = User.objects.order_by().values_list("role", flat=True).distinct()
    return [(name, name) for name in sorted({*BUILTIN_ROLES, *rows, *named})]
