"""The signed-in person (contract 01 §4.9, §4.10)."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import user_of
from accounts.favorites import parse_favorites, parse_pinned_order
from accounts.serializers import user_wire
from accounts.services import profile
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


@api_view(["GET"])
def favorite_tools(request: Request) -> Response:
    """There are no tools to choose from."""
    return Response([])


@api_view(["GET"])
def active_skills(request: Request) -> Response:
    """There are no skills to switch on."""
    return Response({})
