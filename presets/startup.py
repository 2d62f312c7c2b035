"""What the client learns when it starts: the server's settings, the endpoints and their models."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from accounts.models import User
from accounts.services.deletion import may_delete_account
from providers.catalog import EndpointInfo, context_window, list_endpoints

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


@dataclass(frozen=True, slots=True)
class Workspace:
    """What only a person who is signed in is told. Empty strings: there is none."""

    help_url: str
    custom_footer: str
    admin_url: str
    allows_account_deletion: bool


def sign_in_options() -> SignInOptions:
    return SignInOptions(
        app_title=settings.APP_TITLE,
        server_domain=settings.DOMAIN_SERVER,
        allows_email_login=settings.ALLOW_EMAIL_LOGIN,
        allows_registration=settings.ALLOW_REGISTRATION,
        allows_password_reset=settings.ALLOW_PASSWORD_RESET,
        sends_mail=settings.EMAIL_ENABLED,
        min_password_length=settings.MIN_PASSWORD_LENGTH,
    )


def workspace_for(user: User) -> Workspace:
    return Workspace(
        help_url=settings.HELP_AND_FAQ_URL,
        custom_footer=settings.CUSTOM_FOOTER,
        admin_url=f"{settings.DOMAIN_SERVER}/admin/" if user.is_staff else "",
        allows_account_deletion=may_delete_account(user),
    )


def offered_endpoints() -> list[EndpointInfo]:
    """In menu order; the first is the one a new person starts with."""
    return [endpoint for endpoint in list_endpoints() if endpoint.name not in RESERVED_NAMES]


def context_windows(endpoints: Sequence[EndpointInfo]) -> dict[str, dict[str, int]]:
    """Endpoint name → model → context window in tokens."""
    return {
        endpoint.name: {model: context_window(model) for model in endpoint.models}
        for endpoint in endpoints
    }
