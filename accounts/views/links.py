"""Links people are mailed: asking for them and using them (contract 01 §4.6, §4.7)."""

from django.http import HttpResponse
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import throttles
from accounts.services import bans, passwords, verification
from accounts.validation import parse_address, parse_new_password, parse_verification
from accounts.views.auth import CHECK_EMAIL
from librechat_backend.lib.throttling import client_ip

LINK_SENT = "If an account with that email exists, a password reset link has been sent to it."


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def request_password_reset(request: Request) -> HttpResponse:
    email = parse_address(request.data)
    throttles.check_reset_request(request, email)
    bans.require_not_banned(ip_address=client_ip(request))
    try:
        passwords.request_password_reset(email=email)
    except passwords.PasswordResetOff as refusal:
        return _refused(refusal)
    return Response({"message": LINK_SENT})


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def reset_password(request: Request) -> HttpResponse:
    throttles.check_reset_submission(request)
    bans.require_not_banned(ip_address=client_ip(request))
    try:
        passwords.require_reset_allowed()
        new = parse_new_password(request.data)
        passwords.reset_password(user_id=new.user_id, token=new.token, password=new.password)
    except passwords.PasswordResetOff as refusal:
        return _refused(refusal)
    return Response({"message": "Password reset was successful"})


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def verify_email(request: Request) -> Response:
    throttles.check_verification(request)
    parsed = parse_verification(request.data)
    verification.verify_email(email=parsed.email, token=parsed.token)
    return Response({"message": "Email verification was successful", "status": "success"})


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def resend_verification(request: Request) -> Response:
    email = parse_address(request.data)
    throttles.check_verification_request(request, email)
    verification.resend_verification(email=email)
    return Response({"message": CHECK_EMAIL})


def _refused(refusal: passwords.PasswordResetOff) -> HttpResponse:
    """Plain text, as the contract has it."""
    return HttpResponse(str(refusal), status=403, content_type="text/plain; charset=utf-8")
