"""What the client learns when it starts: the server's settings, the endpoints and their models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from accounts.identity.configuration import SignInButtons, sign_in_buttons
from accounts.models import User
from accounts.services.deletion import may_delete_account
from providers.catalog import EndpointInfo, list_endpoints
from providers.route_table import Principal, RouteQuery
from providers.serving import price_of
from providers.snapshots import current_table
from usage.prices import current_prices
from usage.pricing import PriceData

if TYPE_CHECKING:
    from presets.resolver import Offer

# The client gives these names a meaning of their own (contract 01 §5.4–5.5).
RESERVED_NAMES = frozenset({"agents", "assistants", "azureAssistants", "custom", "initial"})


@dataclass(frozen=True, slots=True)
class SignInOptions:
    """What the pages before the sign-in show."""

    app_title: str
    server_domain: str
    allows_email_login: bool
    allows_registration: bool
    allows_password_reset: bool
    sends_mail: bool
    min_password_length: int
    privacy_policy_url: str
    terms_url: str
    buttons: SignInButtons


@dataclass(frozen=True, slots=True)
class Terms:
    """What people have to accept before they chat; an empty text: nothing. Markdown."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """What only a person who is signed in is told. Empty strings: there is none."""

    help_url: str
    custom_footer: str
    custom_welcome: str
    admin_url: str
    allows_account_deletion: bool
    retention_mode: str
    retention_hours: int
    import_bytes_max: int
    allows_shared_links: bool
    allows_public_links: bool
    shares_files: bool
    streams_uploads: bool
    terms: Terms


def sign_in_options() -> SignInOptions:
    buttons = sign_in_buttons()
    return SignInOptions(
        app_title=settings.APP_TITLE,
        server_domain=settings.DOMAIN_SERVER,
        allows_email_login=settings.ALLOW_EMAIL_LOGIN,
        allows_registration=settings.ALLOW_REGISTRATION and not buttons.asks_directory,
        allows_password_reset=settings.ALLOW_PASSWORD_RESET,
        sends_mail=settings.EMAIL_ENABLED,
        min_password_length=settings.MIN_PASSWORD_LENGTH,
        privacy_policy_url=settings.PRIVACY_POLICY_URL,
        terms_url=settings.TERMS_OF_SERVICE_URL,
        buttons=buttons,
    )


def workspace_for(user: User) -> Workspace:
    return Workspace(
        help_url=settings.HELP_AND_FAQ_URL,
        custom_footer=settings.CUSTOM_FOOTER,
        custom_welcome=settings.CUSTOM_WELCOME,
        admin_url=f"{settings.DOMAIN_SERVER}/admin/" if user.is_staff else "",
        allows_account_deletion=may_delete_account(user),
        retention_mode=settings.RETENTION_MODE,
        retention_hours=settings.TEMPORARY_CHAT_RETENTION_HOURS,
        import_bytes_max=settings.CONVERSATION_IMPORT_MAX_FILE_SIZE,
        allows_shared_links=settings.ALLOW_SHARED_LINKS,
        allows_public_links=settings.ALLOW_SHARED_LINKS_PUBLIC,
        shares_files=settings.SHARED_LINKS_SNAPSHOT_FILES,
        streams_uploads=settings.FILE_UPLOAD_SSE,
        terms=Terms(settings.TERMS_OF_SERVICE_TITLE, settings.TERMS_OF_SERVICE_TEXT),
    )


def offered_endpoints(
    principal: Principal | None = None, channel_stamp: str | None = None
) -> list[EndpointInfo]:
    """In menu order; the first is the one a new person starts with. ``principal`` None: all."""
    endpoints = list_endpoints(principal, channel_stamp)
    return [endpoint for endpoint in endpoints if endpoint.name not in RESERVED_NAMES]


def context_windows(endpoints: Sequence[EndpointInfo]) -> dict[str, dict[str, int]]:
    """Endpoint name → model → context window in tokens."""
    return {
        endpoint.name: {model: endpoint.context_window(model) for model in endpoint.models}
        for endpoint in endpoints
    }


def shown_prices(offer: Offer) -> dict[tuple[str, str], PriceData]:
    """(Endpoint, model) → what it costs now; nothing where costs are not shown."""
    if not offer.shown.shows_cost:
        return {}
    table, prices, now = (
        current_table(offer.channel_stamp),
        current_prices(offer.access_stamp),
        timezone.now(),
    )
    found = {
        (endpoint.name, model): price_of(
            table, prices, RouteQuery(model, offer.principal, endpoint.name), now
        )
        for endpoint in offer.endpoints
        for model in endpoint.models
    }
    return {where: price for where, price in found.items() if price is not None}
