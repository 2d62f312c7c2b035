"""One way in for all kinds of providers."""

from accounts.identity import configuration, oauth, saml
from accounts.identity.proven import ProvenIdentity, Refusal, SignInRefused


def begin(*, provider: str, browser: str) -> str:
    """The address to send the browser to. Raises SignInRefused, ImproperlyConfigured."""
    _require_available(provider)
    if provider == "saml":
        return saml.begin(browser=browser)
    return oauth.begin(provider=provider, browser=browser)


def finish(*, provider: str, answer: dict[str, str], browser: str) -> ProvenIdentity:
    """Who came back. Raises SignInRefused, ImproperlyConfigured."""
    _require_available(provider)
    if provider == "saml":
        return saml.finish(answer=answer, browser=browser)
    return oauth.finish(provider=provider, answer=answer, browser=browser)


def _require_available(provider: str) -> None:
    if not configuration.is_available(provider):
        raise SignInRefused(Refusal.NOT_CONFIGURED)
