"""Signing in and out, registering (contract 01 §4.2–4.5)."""

from django.http import HttpResponse
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies, throttles
from accounts.authentication import user_of
from accounts.serializers import logout_wire, session_wire
from accounts.services import bans, registration, sessions
from accounts.services import login as login_service
from accounts.services.directory import sign_in_with_password
from accounts.services.provider_logout import provider_logout_url
from accounts.validation import parse_credentials, parse_invite_token, parse_registration
from librechat_backend.lib.throttling import client_ip

CHECK_EMAIL = "Please check your email to verify your email address."


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def login(request: Request) -> Response:
    throttles.check_login(request)
    credentials = parse_credentials(request.data)
    signed_in = sign_in_with_password(
        email=credentials.email,
        password=credentials.password,
        ip_address=client_ip(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    if isinstance(signed_in, login_service.SecondFactorNeeded):
        return Response({"twoFAPending": True, "tempToken": signed_in.temporary_token})
    response = Response(session_wire(signed_in.user))
    cookies.set_session_cookies(response, signed_in.refresh_token)
    return response


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def register(request: Request) -> Response:
    throttles.check_registration(request)
    bans.require_not_banned(ip_address=client_ip(request))
    form, invite_token = parse_registration(request.data), parse_invite_token(request.data)
    registration.register_user(form, invite_token=invite_token)
    return Response({"message": CHECK_EMAIL})


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def refresh(request: Request) -> HttpResponse:
    token = request.COOKIES.get(cookies.REFRESH_TOKEN)
    if not token:
        return _text(200, "Refresh token not provided")
    try:
        refreshed = sessions.rotate_session(token=token)
    except sessions.InvalidRefreshToken:
        return _text(403, "Invalid refresh token")
    except sessions.SessionNotFound:
        if "retry" in request.query_params:
            return _text(403, "No session found")
        return _text(401, "Refresh token expired or not found for this user")
    response = Response(session_wire(refreshed.user))
    cookies.set_session_cookies(response, refreshed.token)
    return response


@api_view(["POST"])
def logout(request: Request) -> Response:
    user = user_of(request)
    ended = sessions.end_session(user=user, token=request.COOKIES.get(cookies.REFRESH_TOKEN, ""))
    response = Response(logout_wire(provider_logout_url(user=user, session=ended)))
    cookies.clear_session_cookies(response)
    return response


def _text(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
