"""The signed-in person (contract 01 §4.9, §4.10)."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import cookies
from accounts.authentication import user_of
from accounts.favorites import parse_favorites, parse_pinned_order
from accounts.serializers import device_wire, user_wire
from accounts.services import profile, sessions
from librechat_backend.lib.times import to_iso


@api_view(["GET"])
def current_user(request: Request) -> Response:
    return Response(user_wire(user_of(request)))


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
def favorite_tools(request: Request) -> Response:
    """There are no tools to choose from."""
    return Response([])


@api_view(["GET"])
def active_skills(request: Request) -> Response:
    """There are no skills to switch on."""
    return Response({})
