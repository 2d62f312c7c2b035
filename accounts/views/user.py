"""The signed-in person (contract 01 §4.9, §4.10)."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import cookies, throttles
from accounts.authentication import user_of
from accounts.export import export_account
from accounts.favorites import parse_favorites, parse_pinned_order
from accounts.serializers import device_wire, user_wire
from accounts.services import deletion, profile, sessions
from accounts.validation import parse_code_environment, parse_proof
from librechat_backend.lib.times import to_iso


@api_view(["GET"])
def current_user(request: Request) -> Response:
    return Response(user_wire(user_of(request)))


@api_view(["DELETE"])
def delete_account(request: Request) -> Response:
    user = user_of(request)
    throttles.check_two_factor_of(user.pk)
    deletion.delete_own_account(user=user, proof=parse_proof(request.data))
    response = Response({"message": "User deleted"})
    cookies.clear_session_cookies(response)
    return response


@api_view(["PATCH"])
def preferences(request: Request) -> Response:
    """Newer clients only (contract 01 §8)."""
    chosen = parse_code_environment(request.data)
    profile.set_code_environment(user=user_of(request), code_environment=chosen)
    return Response({"updated": True, "preferences": {"statefulCodeEnvironment": chosen}})


@api_view(["GET"])
def terms(request: Request) -> Response:
    accepted_at = user_of(request).terms_accepted_at
    return Response(
        {"termsAccepted": accepted_at is not None, "termsAcceptedAt": to_iso(accepted_at)}
    )


@api_view(["POST"])
def accept_terms(request: Request) -> Response:
    accepted_at = profile.accept_terms(user=user_of(request))
    return Response(
        {"message": "Terms accepted successfully", "termsAcceptedAt": to_iso(accepted_at)}
    )


EXPORT_HEADERS = {
    "Content-Disposition": 'attachment; filename="account.json"',
    "Cache-Control": "no-store",
}


class Favorites(APIView):
    def get(self, request: Request) -> Response:
        return Response(user_of(request).favorites)

    def post(self, request: Request) -> Response:
        favorites = parse_favorites(request.data)
        profile.set_favorites(user=user_of(request), favorites=favorites)
        return Response(favorites)


class PinnedOrder(APIView):
    def get(self, request: Request) -> Response:
        return Response(user_of(request).pinned_order)

    def post(self, request: Request) -> Response:
        pinned_order = parse_pinned_order(request.data)
        profile.set_pinned_order(user=user_of(request), pinned_order=pinned_order)
        return Response(pinned_order)


class Devices(APIView):
    """The devices that are signed in. LibreChat's own client does not ask."""

    def get(self, request: Request) -> Response:
        current = sessions.session_id_of(request.COOKIES.get(cookies.REFRESH_TOKEN, ""))
        live = sessions.live_sessions(user_of(request))
        return Response([device_wire(each, is_current=each.pk == current) for each in live])

    def delete(self, request: Request) -> Response:
        sessions.end_all_sessions(user=user_of(request))
        return Response({"message": "Signed out everywhere"})


@api_view(["DELETE"])
def device(request: Request, session_id: str) -> Response:
    sessions.end_session_by_id(user=user_of(request), session_id=session_id)
    return Response({"message": "Signed out"})


@api_view(["GET"])
def export(request: Request) -> Response:
    """The account as a file. LibreChat's own client does not ask."""
    return Response(export_account(user_of(request)), headers=EXPORT_HEADERS)
