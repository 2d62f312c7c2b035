"""Signing out at the OpenID provider, too (contract 01 §4.4)."""

from urllib.parse import urlencode

import structlog

from accounts.identity import configuration
from accounts.identity.configuration import OpenID
from accounts.identity.openid_metadata import read_metadata
from accounts.identity.proven import SignInRefused
from accounts.models import RefreshSession, User
from librechat_backend.lib import crypto

log = structlog.get_logger(__name__)


def provider_logout_url(*, user: User, session: RefreshSession | None) -> str:
    """Where to send the browser after ``session`` ended; empty: nowhere.

    A provider that cannot be asked keeps nobody from signing out here.
    """
    openid = configuration.openid()
    through = (session.provider if session else "") or user.provider
    if openid is None or not openid.uses_end_session or through != "openid":
        return ""
    try:
        endpoint = read_metadata(openid).text("end_session_endpoint")
    except SignInRefused as error:
        log.warning("provider_logout_failed", reason=error.reason, detail=error.detail)
        return ""
    if not endpoint.startswith(("https://", "http://")):
        return ""
    return _url(openid, endpoint, user, _id_token(session))


def _url(openid: OpenID, endpoint: str, user: User, id_token: str) -> str:
    """With the ID token if the address does not get too long by it."""

    def with_parameters(**more: str) -> str:
        given = {"post_logout_redirect_uri": openid.post_logout_url, **more}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(given)}"

    client = {"client_id": openid.app.client_id}
    if not id_token:
        return with_parameters(**client)
    url = with_parameters(id_token_hint=id_token)
    is_short = len(url) <= openid.max_logout_url_length
    return url if is_short else with_parameters(logout_hint=user.email, **client)


def _id_token(session: RefreshSession | None) -> str:
    if session is None or not session.id_token:
        return ""
    try:
        return crypto.decrypt(session.id_token)
    except crypto.UndecryptableSecret:  # CREDS_KEY was changed; the provider asks the person then
        return ""
