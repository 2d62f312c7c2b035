"""Signing in and out, registering (contract 01 §4.2–4.7)."""

from django.http import HttpResponse
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies, throttles
from accounts.authentication import user_of
from accounts.serializers import session_wire
from accounts.services import login as login_service
from accounts.services import registration, sessions
from accounts.validation import parse_credentials, parse_registration
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.throttling import client_ip

CHECK_EMAIL = "Please check your email to verify your email address."


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def login(request: Request) -> Response:
    throttles.check_login(request)
    credentials = parse_credentials(request.data)
    signed_in = login_service.sign_in(
        email=credentials.email,
        password=credentials.password,
        ip_address=client_ip(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    response = Response(session_wire(signed_in.user))
    cookies.set_session_cookies(response, signed_in.refresh_token)
    return response


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def register(request: Request) -> Response:
    throttles.check_registration(request)
    registration.register_user(parse_registration(request.data))
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
    if refreshed.token:
        cookies.set_session_cookies(response, refreshed.token)
    return response


@api_view(["POST"])
def logout(request: Request) -> Response:
    sessions.end_session(
        user=user_of(request), token=request.COOKIES.get(cookies.REFRESH_TOKEN, "")
    )
    response = Response({"message": "Logout successful"})
    cookies.clear_session_cookies(response)
    return response


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def reset_password(request: Request) -> HttpResponse:
    """Asking for a link and using it: this server sends no mail, so both are switched off."""
    return _text(403, "Password reset is not allowed.")


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def verify_email(request: Request) -> Response:
    """No mail with a token was ever sent: none can be right."""
    raise InvalidRequest("Invalid or expired email verification token")


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def resend_verification(request: Request) -> Response:
    """The answer for every address, known or not."""
    return Response({"message": CHECK_EMAIL})


def _text(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
