"""The identity settings, typed. Names are LibreChat's wherever it has one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from librechat_backend.lib.env import Env

OAUTH_PROVIDERS = ("google", "facebook", "openid", "github", "discord", "apple")
PROVIDERS = (*OAUTH_PROVIDERS, "saml")
# Answer with a form that the browser posts.
POSTING_PROVIDERS = ("apple", "saml")
TOKEN_KINDS = {"id", "access", "userinfo"}


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """This installation as a client of one provider."""

    provider: str
    client_id: str
    client_secret: str
    callback_url: str


@dataclass(frozen=True, slots=True)
class OpenID:
    app: OAuthApp
    issuer: str
    scope: tuple[str, ...]
    uses_pkce: bool
    audience: str
    clock_tolerance_seconds: int
    email_claim: str
    username_claim: str
    name_claim: str
    trusts_email: bool
    uses_end_session: bool
    post_logout_url: str
    max_logout_url_length: int


@dataclass(frozen=True, slots=True)
class Apple:
    app: OAuthApp
    team_id: str
    key_id: str
    private_key: str


@dataclass(frozen=True, slots=True)
class SAML:
    entry_point: str
    entity_id: str
    certificate: str
    callback_url: str
    idp_issuer: str
    wants_signed_response: bool
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LDAP:
    url: str
    bind_dn: str
    bind_password: str
    search_base: str
    search_filter: str
    ca_certificate_path: str
    verifies_certificate: bool
    starts_tls: bool
    uses_username: bool
    id_attribute: str
    username_attribute: str
    email_attribute: str
    name_attributes: tuple[str, ...]


def _env() -> Env:
    return Env(settings.IDENTITY_ENVIRONMENT)


def callback_url(provider: str) -> str:
    """Where the provider sends the browser back; registered with the provider."""
    own = f"/oauth/{provider}/callback"
    url = _env().text(f"{provider.upper()}_CALLBACK_URL", own)
    if urlsplit(url).path.endswith(own):
        return url if url.startswith(("http://", "https://")) else settings.DOMAIN_SERVER + url
    raise ImproperlyConfigured(
        f"{provider.upper()}_CALLBACK_URL: expected a path that ends with {own}, got {url!r}"
    )


def oauth_app(provider: str) -> OAuthApp | None:
    """None where the provider is not set up."""
    env, prefix = _env(), provider.upper()
    client_id, secret = env.text(f"{prefix}_CLIENT_ID"), env.text(f"{prefix}_CLIENT_SECRET")
    needs_secret = provider not in {"openid", "apple"}
    if not client_id or (needs_secret and not secret):
        return None
    return OAuthApp(provider, client_id, secret, callback_url(provider))


def openid() -> OpenID | None:
    env, app = _env(), oauth_app("openid")
    issuer = env.address("OPENID_ISSUER").removesuffix("/.well-known/openid-configuration")
    if app is None or not issuer:
        return None
    return OpenID(
        app=app,
        issuer=issuer.rstrip("/"),
        scope=tuple(env.text("OPENID_SCOPE", "openid profile email").replace(",", " ").split()),
        uses_pkce=env.boolean("OPENID_USE_PKCE", default=True),
        audience=next(iter(env.items("OPENID_AUDIENCE")), ""),
        clock_tolerance_seconds=env.integer("OPENID_CLOCK_TOLERANCE", 300, maximum=3600),
        email_claim=env.text("OPENID_EMAIL_CLAIM"),
        username_claim=env.text("OPENID_USERNAME_CLAIM"),
        name_claim=env.text("OPENID_NAME_CLAIM"),
        trusts_email=env.boolean("OPENID_TRUST_EMAIL", default=False),
        uses_end_session=env.boolean("OPENID_USE_END_SESSION_ENDPOINT", default=False),
        post_logout_url=env.address(
            "OPENID_POST_LOGOUT_REDIRECT_URI", f"{settings.DOMAIN_CLIENT}/login"
        ),
        max_logout_url_length=env.integer("OPENID_MAX_LOGOUT_URL_LENGTH", 2000, minimum=1),
    )


def apple() -> Apple | None:
    env, app = _env(), oauth_app("apple")
    path = env.text("APPLE_PRIVATE_KEY_PATH")
    if app is None or not path:
        return None
    return Apple(
        app=app,
        team_id=env.text("APPLE_TEAM_ID"),
        key_id=env.text("APPLE_KEY_ID"),
        private_key=_read("APPLE_PRIVATE_KEY_PATH", path),
    )


_SAML_CLAIMS = {
    "email": "email",
    "username": "username",
    "given_name": "given_name",
    "family_name": "family_name",
    "picture": "picture",
    "name": "",
}


def saml() -> SAML | None:
    env = _env()
    entry_point, entity_id = env.address("SAML_ENTRY_POINT"), env.text("SAML_ISSUER")
    certificate = env.text("SAML_CERT")
    if not (entry_point and entity_id and certificate):
        return None
    return SAML(
        entry_point=entry_point,
        entity_id=entity_id,
        certificate=_certificate(certificate),
        callback_url=callback_url("saml"),
        idp_issuer=env.text("SAML_IDP_ISSUER"),
        wants_signed_response=env.boolean("SAML_USE_AUTHN_RESPONSE_SIGNED", default=False),
        claims={
            name: env.text(f"SAML_{name.upper()}_CLAIM", usual)
            for name, usual in _SAML_CLAIMS.items()
        },
    )


def ldap() -> LDAP | None:
    env = _env()
    url, search_base = env.text("LDAP_URL"), env.text("LDAP_USER_SEARCH_BASE")
    if not url or not search_base:
        return None
    if not url.startswith(("ldap://", "ldaps://")):
        raise ImproperlyConfigured("LDAP_URL: expected ldap://HOST:PORT or ldaps://HOST:PORT")
    return LDAP(
        url=url,
        bind_dn=env.text("LDAP_BIND_DN"),
        bind_password=env.text("LDAP_BIND_CREDENTIALS"),
        search_base=search_base,
        search_filter=env.text("LDAP_SEARCH_FILTER", "mail={{username}}"),
        ca_certificate_path=env.text("LDAP_CA_CERT_PATH"),
        verifies_certificate=env.boolean("LDAP_TLS_REJECT_UNAUTHORIZED", default=True),
        starts_tls=env.boolean("LDAP_STARTTLS", default=False),
        uses_username=env.boolean("LDAP_LOGIN_USES_USERNAME", default=False),
        id_attribute=env.text("LDAP_ID"),
        username_attribute=env.text("LDAP_USERNAME"),
        email_attribute=env.text("LDAP_EMAIL"),
        name_attributes=tuple(env.items("LDAP_FULL_NAME")),
    )


def asks_directory() -> bool:
    """Whether passwords are the directory's, not ours."""
    return ldap() is not None


def is_available(provider: str) -> bool:
    """Whether people can sign in through it; SAML steps back where there is OpenID."""
    if not settings.ALLOW_SOCIAL_LOGIN or provider not in PROVIDERS:
        return False
    env = _env()
    if provider == "apple":
        return oauth_app("apple") is not None and bool(env.text("APPLE_PRIVATE_KEY_PATH"))
    if provider == "openid":
        return openid() is not None
    if provider == "saml":
        is_complete = all(map(env.text, ("SAML_ENTRY_POINT", "SAML_ISSUER", "SAML_CERT")))
        return is_complete and openid() is None
    return oauth_app(provider) is not None


def read_everything() -> None:
    """Raises ImproperlyConfigured for the first setting that cannot be right."""
    sign_in_buttons()
    for provider in PROVIDERS:
        callback_url(provider)
    openid()
    apple()
    saml()


@dataclass(frozen=True, slots=True)
class SignInButtons:
    """What the sign-in page shows (contract 01 §5.1). Empty texts: the client's own."""

    is_shown: bool
    order: tuple[str, ...]
    available: frozenset[str]
    openid_label: str
    openid_image_url: str
    openid_redirects_at_once: bool
    saml_label: str
    saml_image_url: str
    asks_directory: bool
    directory_uses_username: bool


def sign_in_buttons() -> SignInButtons:
    env, directory = _env(), ldap()
    order = env.items("SOCIAL_LOGINS", "google,facebook,openid,github,discord,apple,saml")
    if unknown := sorted({*order} - {*PROVIDERS}):
        raise ImproperlyConfigured(f"SOCIAL_LOGINS: {unknown[0]!r} is none of {list(PROVIDERS)}")
    return SignInButtons(
        is_shown=settings.ALLOW_SOCIAL_LOGIN,
        order=tuple(order),
        available=frozenset(name for name in PROVIDERS if is_available(name)),
        openid_label=env.text("OPENID_BUTTON_LABEL", "Continue with OpenID"),
        openid_image_url=env.text("OPENID_IMAGE_URL"),
        openid_redirects_at_once=env.boolean("OPENID_AUTO_REDIRECT", default=False),
        saml_label=env.text("SAML_BUTTON_LABEL"),
        saml_image_url=env.text("SAML_IMAGE_URL"),
        asks_directory=directory is not None,
        directory_uses_username=directory is not None and directory.uses_username,
    )


def _certificate(value: str) -> str:
    """PEM text, its base64 alone, or the path of a file with either."""
    if "-----BEGIN" in value or len(value) > 400:
        return value
    return _read("SAML_CERT", value)


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ImproperlyConfigured(f"{name}: cannot read {path}: {error}") from error
