"""The admin site: names and order a person who does not program understands, and some figures."""

from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.group_permissions import is_group_manager
from accounts.models import User
from accounts.proof import Proof
from accounts.services.two_factor import use_proof
from accounts.throttles import check_login, check_two_factor_of
from conversations.models import Generation, Message
from librechat_backend.lib import admin
from librechat_backend.lib.errors import TooManyRequests
from providers.snapshots import current_channels

# Apps in their order; what is not named here comes after them.
SECTIONS = (
    "accounts", "providers", "presets", "conversations", "gateway", "usage", "billing", "files",
    "moving", "librechat_backend", "auth",
)  # fmt: skip
ICONS = {
    "accounts.User": "person",
    "accounts.Group": "groups",
    "accounts.Role": "badge",
    "accounts.RuleChange": "difference",
    "accounts.Invitation": "mail",
    "accounts.IdentityRule": "rule",
    "accounts.RefreshSession": "devices",
    "accounts.Ban": "block",
    "accounts.Violation": "report",
    "providers.Channel": "hub",
    "providers.ModelAlias": "label",
    "providers.NameRule": "alt_route",
    "presets.Preset": "tune",
    "presets.Experiment": "science",
    "presets.Assignment": "assignment_ind",
    "presets.Banner": "campaign",
    "moving.KeptDocument": "inventory_2",
    "conversations.Conversation": "chat",
    "conversations.Person": "storage",
    "conversations.ChatOpening": "visibility",
    "conversations.Generation": "edit_note",
    "conversations.Memory": "neurology",
    "conversations.SharedLink": "link",
    "conversations.PromptGroup": "menu_book",
    "files.File": "attach_file",
    "files.FileRules": "upload_file",
    "gateway.ApiToken": "vpn_key",
    "usage.UsageDaily": "monitoring",
    "usage.Budget": "savings",
    "usage.Balance": "account_balance_wallet",
    "usage.LedgerEntry": "list_alt",
    "usage.RequestLog": "receipt_long",
    "usage.Price": "request_quote",
    "usage.BillingRules": "account_balance",
    "usage.RateLimit": "speed",
    "billing.Plan": "sell",
    "billing.Voucher": "redeem",
    "billing.Payment": "payments",
    "billing.Subscription": "autorenew",
    "billing.StripeEvent": "webhook",
    "librechat_backend.BackgroundTask": "pending_actions",
    "auth.Group": "key",
}
# Django's own app; its groups are bundles of rights in this admin, not groups of people.
AUTH_APP, AUTH_TITLE, AUTH_GROUPS_TITLE = "auth", "This administration", "Rights of staff"
DEFAULT_ICON = "table_rows"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number on the first page, and the list it counts."""

    label: str
    value: int
    url: str


class LoginForm(admin.AuthenticationForm):
    """Attempts count against the same limits as those of the chat's own sign-in."""

    code = forms.CharField(
        label="Code of your authenticator app",
        help_text="Only if you set one up. A backup code will do, too.",
        required=False,
        max_length=20,
        widget=admin.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def clean(self) -> dict[str, Any]:
        try:
            check_login(cast(HttpRequest, self.request))
            cleaned: dict[str, Any] = super().clean()
            self._check_second_factor(self.get_user(), cleaned.get("code", ""))
        except TooManyRequests as refusal:
            raise ValidationError(str(refusal), code="too_many") from refusal
        return cleaned

    def confirm_login_allowed(self, user: User) -> None:
        """Managers of groups come in, too; what they see there is their groups'."""
        if not (user.is_active and is_group_manager(user)):
            super().confirm_login_allowed(user)

    def _check_second_factor(self, user: User | None, code: str) -> None:
        if user is None or not user.two_factor_enabled:
            return
        check_two_factor_of(user.pk)
        if not use_proof(user=user, proof=Proof(code=code, backup_code=code)):
            raise ValidationError("Enter a new code of your authenticator app.", code="code")


class AdminSite(admin.AdminSite):
    index_title = "Overview"
    index_template = "admin/overview.html"
    login_form = LoginForm
    login_template = "admin/sign_in.html"

    def has_permission(self, request: HttpRequest) -> bool:
        person = request.user
        return super().has_permission(request) or (
            isinstance(person, User) and is_group_manager(person)
        )

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[dict[str, Any]]:
        apps: list[dict[str, Any]] = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=partial(_model_rank, app))
            if app["app_label"] == AUTH_APP:
                app["name"] = AUTH_TITLE
                app["models"][0]["name"] = AUTH_GROUPS_TITLE
        return sorted(apps, key=lambda app: _rank(app["app_label"], SECTIONS))

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The navigation of the theme: sections with their lists."""
        overview = {
            "title": self.index_title,
            "icon": "dashboard",
            "link": reverse("admin:index"),
            "has_permission": True,
            "active": request.path == reverse("admin:index"),
        }
        sections = [
            {"title": app["name"], "items": [_item(request, app, each) for each in app["models"]]}
            for app in self.get_app_list(request)
        ]
        return [{"title": "", "items": [overview]}, *sections]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        figures = [figure for figure in _figures() if self._may_open(request, figure)]
        return super().index(request, {**(extra_context or {}), "figures": figures})

    def _may_open(self, request: HttpRequest, figure: Figure) -> bool:
        lists = (model for app in self.get_app_list(request) for model in app["models"])
        return any(figure.url.startswith(str(model["admin_url"])) for model in lists)


def _label(app: dict[str, Any], model: dict[str, Any]) -> str:
    return f"{app['app_label']}.{model['object_name']}"


def _rank(name: str, order: tuple[str, ...]) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def _model_rank(app: dict[str, Any], model: dict[str, Any]) -> tuple[int, str]:
    return _rank(_label(app, model), tuple(ICONS))


def _item(request: HttpRequest, app: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": model["name"],
        "icon": ICONS.get(_label(app, model), DEFAULT_ICON),
        "link": model["admin_url"],
        "has_permission": True,
        "active": request.path.startswith(str(model["admin_url"])),
    }


def _figures() -> list[Figure]:
    """Constant cost: the rows of today are found by their ids, which begin with the time."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    today = Message.objects.filter(
        pk__gte=f"{int(midnight.timestamp()):08x}", created_at__gte=midnight
    )
    return [
        Figure(
            "people",
            User.objects.filter(is_active=True).count(),
            reverse("admin:accounts_user_changelist") + "?is_active__exact=1",
        ),
        Figure(
            "answers being written",
            Generation.objects.running().count(),
            reverse("admin:conversations_generation_changelist"),
        ),
        Figure(
            "active channels",
            len(current_channels()),
            reverse("admin:providers_channel_changelist") + "?is_active__exact=1",
        ),
        Figure(
            "messages today",
            today.count(),
            reverse("admin:conversations_conversation_changelist"),
        ),
    ]
