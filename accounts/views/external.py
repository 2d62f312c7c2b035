"""Browsers on their way to a provider and back (contract 01 §4.11).

No address to go on to is taken from a request: every way ends at DOMAIN_CLIENT.
"""

from typing import cast
from urllib.parse import urlencode, urlsplit

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    parser_classes,
    permission_classes,
)
from rest_framework.parsers import FormParser
from rest_framework.request import Request

from accounts import cookies, throttles
from accounts.identity import attempts, flows
from accounts.identity.configuration import POSTING_PROVIDERS, PROVIDERS
from accounts.identity.proven import Refusal, SignInRefused
from accounts.services import bans
from accounts.services.external import sign_in_with_identity
from accounts.services.login import SecondFactorNeeded
from librechat_backend.lib.errors import NotFound
from librechat_backend.lib.throttling import client_ip

log = structlog.get_logger(__name__)


@api_view(["GET"])
@authentication_classes([])
@permission_classes([])
def begin(request: Request, provider: str) -> HttpResponse:
    _admit(request, provider)
    browser = cookies.browser_secret(request)
    try:
        response = _redirect(flows.begin(provider=provider, browser=browser))
    except (SignInRefused, ImproperlyConfigured) as refusal:
        return _refused(request, provider, refusal)
    cookies.set_browser_secret(response, browser)
    return response


@api_view(["GET", "POST"])
@authentication_classes([])
@permission_classes([])
@parser_classes([FormParser])
def callback(request: Request, provider: str) -> HttpResponse:
    _admit(request, provider)
    try:
        if request.method == "POST":
            return _come_again(request, provider)
        return _finish(request, provider)
    except (SignInRefused, ImproperlyConfigured) as refusal:
        return _refused(request, provider, refusal)


@api_view(["GET"])
@authentication_classes([])
@permission_classes([])
def error(request: Request) -> HttpResponse:
    """Where LibreChat's server sends people whose sign-in failed."""
    return _to_login()


def _admit(request: Request, provider: str) -> None:
    """Raises NotFound, TooManyRequests, Banned."""
    if provider not in PROVIDERS:
        raise NotFound("Endpoint not found")
    throttles.check_login(request)
    bans.require_not_banned(ip_address=client_ip(request))


def _come_again(request: Request, provider: str) -> HttpResponse:
    """A page elsewhere posted the form, so the browser left our cookie out; a GET has it."""
    if provider not in POSTING_PROVIDERS:
        raise NotFound("Endpoint not found")
    form = cast(QueryDict, request.data)
    key = attempts.keep_answer({name: str(form[name]) for name in form})
    response = _redirect(f"{urlsplit(settings.DOMAIN_SERVER).path}{request.path}?answer={key}")
    response.status_code = 303
    return response


def _finish(request: Request, provider: str) -> HttpResponse:
    answer = request.query_params.dict()
    if provider in POSTING_PROVIDERS:
        answer = attempts.take_answer(answer.get("answer", ""))
    signed_in = sign_in_with_identity(
        identity=flows.finish(
            provider=provider, answer=answer, browser=cookies.browser_secret(request)
        ),
        ip_address=client_ip(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    if isinstance(signed_in, SecondFactorNeeded):
        query = urlencode({"tempToken": signed_in.temporary_token})
        return _redirect(f"{settings.DOMAIN_CLIENT}/login/2fa?{query}")
    response = _redirect(settings.DOMAIN_CLIENT)
    cookies.set_session_cookies(response, signed_in.refresh_token)
    return response


def _refused(
    request: Request, provider: str, refusal: SignInRefused | ImproperlyConfigured
) -> HttpResponse:
    if isinstance(refusal, ImproperlyConfigured):
        log.error("identity_provider_misconfigured", provider=provider, error=str(refusal))
        return _to_login(Refusal.NOT_CONFIGURED)
    log.info(
        "sign_in_refused",
        provider=provider,
        ip=client_ip(request),
        reason=refusal.reason,
        detail=refusal.detail,
    )
    return _to_login(refusal.reason)


def _to_login(reason: Refusal | None = None) -> HttpResponse:
    """The sign-in page shows a message for ``auth_failed`` and stays where it is."""
    query = {"redirect": "false", "error": "auth_failed"} | ({"reason": reason} if reason else {})
    return _redirect(f"{settings.DOMAIN_CLIENT}/login?{urlencode(query)}")


def _redirect(url: str) -> HttpResponseRedirect:
    response = HttpResponseRedirect(url)
    response["Cache-Control"] = "no-store"
    # Addresses on this way hold codes and states.
    response["Referrer-Policy"] = "no-referrer"
    return response
