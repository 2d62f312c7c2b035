"""The second factor: setting it up, and signing in with it (contract 01 §4.8)."""

from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies, throttles
from accounts.authentication import user_of
from accounts.serializers import backup_codes_wire, session_wire
from accounts.services import bans, two_factor
from accounts.services import login as login_service
from accounts.validation import parse_proof, parse_temporary_token
from librechat_backend.lib.throttling import client_ip


@api_view(["POST"])
def enable(request: Request) -> Response:
    user = user_of(request)
    throttles.check_two_factor_of(user.pk)
    setup = two_factor.begin_setup(user=user, proof=parse_proof(request.data))
    return Response({"otpauthUrl": setup.url, "backupCodes": setup.backup_codes})


@api_view(["POST"])
def verify(request: Request) -> Response:
    user = user_of(request)
    throttles.check_two_factor_of(user.pk)
    two_factor.check_setup(user=user, proof=parse_proof(request.data))
    return Response()


@api_view(["POST"])
def confirm(request: Request) -> Response:
    two_factor.confirm_setup(user=user_of(request), proof=parse_proof(request.data))
    return Response()


@api_view(["POST"])
def disable(request: Request) -> Response:
    user = user_of(request)
    throttles.check_two_factor_of(user.pk)
    two_factor.disable(user=user, proof=parse_proof(request.data))
    return Response()


@api_view(["POST"])
def regenerate(request: Request) -> Response:
    user = user_of(request)
    throttles.check_two_factor_of(user.pk)
    codes = two_factor.regenerate_backup_codes(user=user, proof=parse_proof(request.data))
    return Response(backup_codes_wire(user, codes))


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def verify_temporary(request: Request) -> Response:
    throttles.check_two_factor(request)
    bans.require_not_banned(ip_address=client_ip(request))
    user = login_service.user_who_waits(parse_temporary_token(request.data))
    throttles.check_second_step(request, user)
    signed_in = login_service.sign_in_with_second_factor(
        user=user,
        proof=parse_proof(request.data),
        ip_address=client_ip(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    response = Response(session_wire(signed_in.user))
    cookies.set_session_cookies(response, signed_in.refresh_token)
    return response
