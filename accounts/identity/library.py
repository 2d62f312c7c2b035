"""django-allauth's providers, bent to our routes and checks. Its only import site besides admin.

The library knows where each provider is and what its answers mean. State, nonce and the reading
of ID tokens are ours (``attempts``, ``id_tokens``), and so are accounts and cookies.
"""

from typing import Any, cast

import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.apple.provider import AppleProvider
from allauth.socialaccount.providers.apple.views import AppleOAuth2Adapter
from allauth.socialaccount.providers.discord.provider import DiscordProvider
from allauth.socialaccount.providers.discord.views import DiscordOAuth2Adapter
from allauth.socialaccount.providers.facebook.provider import FacebookProvider
from allauth.socialaccount.providers.facebook.views import FacebookOAuth2Adapter
from allauth.socialaccount.providers.github.provider import GitHubProvider
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter
from allauth.socialaccount.providers.google.provider import GoogleProvider
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings

from accounts.identity import configuration, id_tokens
from accounts.identity.configuration import OAuthApp
from accounts.identity.openid_metadata import Metadata, read_metadata
from accounts.identity.proven import Refusal, SignInRefused
from librechat_backend.lib.json import JSONDict

# What talking to a provider raises, besides STRANGE_ANSWERS.
PROVIDER_ERRORS: tuple[type[Exception], ...] = (OAuth2Error, requests.RequestException)

# What answers of another shape than the library expects lead to: moments beyond the calendar and
# JSON without an end among them.
STRANGE_ANSWERS = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip

CLOCK_TOLERANCE_SECONDS = 300


class LibraryAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The library's look-ups lead to our settings, never to its tables."""

    def list_apps(
        self, request: Any, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        return [client(provider).app] if provider else []


def fetch_json(url: str) -> JSONDict:
    """With the library's timeouts. Raises the errors of requests."""
    with get_adapter().get_requests_session() as session:
        answer = session.get(url)
        answer.raise_for_status()
        return cast(JSONDict, answer.json())


class _Client(OAuth2Adapter):  # type: ignore[misc]
    """What all have in common. One object serves one request.

    ``nonce`` is what an ID token must repeat.
    """

    provider_class: type[OAuth2Provider]
    scope: tuple[str, ...]
    uses_pkce = True
    repeats_nonce = False  # True: what it signs holds our nonce
    extra_parameters: dict[str, str] = {}

    def __init__(self, app: OAuthApp, *, nonce: str = "") -> None:
        OAuth2Adapter.__init__(self, None)
        self.nonce = nonce
        self.callback_url = app.callback_url
        self.app = SocialApp(
            provider=self.provider_class.id,
            name=app.provider,
            client_id=app.client_id,
            secret=app.client_secret,
        )

    def get_provider(self) -> OAuth2Provider:
        return self.provider_class(None, app=self.app)

    def get_callback_url(self, request: Any, app: SocialApp) -> str:
        return self.callback_url

    def redirect_url(self, *, state: str, parameters: dict[str, str]) -> str:
        client = self.get_client(None, self.app)
        client.state = state
        parameters = {**self.extra_parameters, **parameters}
        return cast(str, client.get_redirect_url(self.authorize_url, self.scope, parameters))

    def exchange(self, *, code: str, code_verifier: str) -> JSONDict:
        """The answer of the token endpoint."""
        client = self.get_client(None, self.app)
        return cast(JSONDict, client.get_access_token(code, code_verifier or None))

    def who(self, tokens: JSONDict) -> SocialLogin:
        token: SocialToken = self.parse_token(tokens)
        return self.complete_login(None, self.app, token, response=tokens)


class GoogleClient(_Client, GoogleOAuth2Adapter):  # type: ignore[misc]
    provider_class = GoogleProvider
    repeats_nonce = True
    scope = ("openid", "profile", "email")
    keys_url = "https://www.googleapis.com/oauth2/v3/certs"

    def _decode_id_token(self, app: SocialApp, id_token: str) -> JSONDict:
        return id_tokens.verify_id_token(
            id_token,
            keys_url=self.keys_url,
            fetch=fetch_json,
            issuer=self.id_token_issuer,
            client_id=app.client_id,
            nonce=self.nonce,
            clock_tolerance_seconds=CLOCK_TOLERANCE_SECONDS,
        )


class GitHubClient(_Client, GitHubOAuth2Adapter):  # type: ignore[misc]
    provider_class = GitHubProvider
    scope = ("user:email", "read:user")

    def __init__(self, app: OAuthApp, *, nonce: str = "") -> None:
        super().__init__(app, nonce=nonce)
        if own := settings.IDENTITY_ENVIRONMENT["GITHUB_ENTERPRISE_BASE_URL"].rstrip("/"):
            self.access_token_url = f"{own}/login/oauth/access_token"
            self.authorize_url = f"{own}/login/oauth/authorize"
            self.profile_url = f"{own}/api/v3/user"
            self.emails_url = f"{own}/api/v3/user/emails"


class DiscordClient(_Client, DiscordOAuth2Adapter):  # type: ignore[misc]
    provider_class = DiscordProvider
    scope = ("identify", "email")


class FacebookClient(_Client, FacebookOAuth2Adapter):  # type: ignore[misc]
    provider_class = FacebookProvider
    scope = ("email", "public_profile")
    uses_pkce = False
    access_token_method = "POST"  # noqa: S105 — keeps the secret out of addresses


class AppleClient(_Client, AppleOAuth2Adapter):  # type: ignore[misc]
    provider_class = AppleProvider
    repeats_nonce = True
    scope = ("name", "email")
    uses_pkce = False
    id_token_issuer = "https://appleid.apple.com"  # noqa: S105 — a name

    def __init__(self, app: OAuthApp, *, nonce: str = "") -> None:
        super().__init__(app, nonce=nonce)
        apple = configuration.apple()
        if apple is None:
            raise SignInRefused(Refusal.NOT_CONFIGURED)
        self.app.key, self.app.secret = apple.team_id, apple.key_id
        self.app.settings = {"certificate_key": apple.private_key}

    def parse_token(self, data: JSONDict) -> SocialToken:
        token = OAuth2Adapter.parse_token(self, data)
        claims = id_tokens.verify_id_token(
            data["id_token"],
            keys_url=self.public_key_url,
            fetch=fetch_json,
            issuer=self.id_token_issuer,
            client_id=self.app.client_id,
            nonce=self.nonce,
            clock_tolerance_seconds=CLOCK_TOLERANCE_SECONDS,
        )
        token.user_data = claims
        return token

    def complete_login(
        self, request: Any, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        return self.get_provider().sociallogin_from_response(request, token.user_data)


class OpenIDClient(_Client, OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    provider_class = OpenIDConnectProvider
    repeats_nonce = True

    def __init__(self, app: OAuthApp, *, nonce: str = "") -> None:
        openid = configuration.openid()
        if openid is None:
            raise SignInRefused(Refusal.NOT_CONFIGURED)
        self.openid, self.scope = openid, openid.scope
        _Client.__init__(self, app, nonce=nonce)
        self.metadata: Metadata = read_metadata(openid)
        self.app.provider_id = self.provider_id = app.provider
        self.app.settings = {
            "server_url": openid.issuer,
            "fetch_userinfo": bool(self.metadata.text("userinfo_endpoint")),
        }
        self.uses_pkce = openid.uses_pkce or self.metadata.names(
            "code_challenge_methods_supported", "S256"
        )
        self.extra_parameters = {"audience": openid.audience} if openid.audience else {}

    @property
    def openid_config(self) -> JSONDict:
        return self.metadata.raw

    def _decode_id_token(self, app: SocialApp, id_token: str) -> JSONDict:
        return id_tokens.verify_id_token(
            id_token,
            keys_url=self.metadata.text("jwks_uri"),
            fetch=fetch_json,
            issuer=self.metadata.issuer,
            client_id=app.client_id,
            nonce=self.nonce,
            clock_tolerance_seconds=self.openid.clock_tolerance_seconds,
        )


_CLIENTS: dict[str, type[_Client]] = {
    "google": GoogleClient,
    "github": GitHubClient,
    "discord": DiscordClient,
    "facebook": FacebookClient,
    "apple": AppleClient,
    "openid": OpenIDClient,
}


def client(provider: str, *, nonce: str = "") -> _Client:
    """Raises SignInRefused, ImproperlyConfigured."""
    app = configuration.oauth_app(provider)
    if app is None:
        raise SignInRefused(Refusal.NOT_CONFIGURED)
    return _CLIENTS[provider](app, nonce=nonce)
