"""What the client asks for when it starts."""

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import OptionalBearerAuthentication
from accounts.models import User
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.rest import json_response
from presets import banners, personal, serializers, startup
from presets.resolver import offer_for
from providers.catalog import EndpointInfo
from usage.ledger.pools import Payer, billing_under
from usage.ledger.standing import standings
from usage.serializers import standings_to_wire


@api_view(["GET"])
@authentication_classes([OptionalBearerAuthentication])
@permission_classes([AllowAny])
def config(request: Request) -> Response:
    options = startup.sign_in_options()
    if not isinstance(request.user, User):
        return Response(serializers.config_to_wire(options))
    workspace, offer = startup.workspace_for(request.user), offer_for(request.user)
    return Response(serializers.config_to_wire(options, workspace, offer))


@api_view(["GET"])
@authentication_classes([OptionalBearerAuthentication])
@permission_classes([AllowAny])
def banner(request: Request) -> HttpResponse:
    is_signed_in = isinstance(request.user, User)
    found = banners.current_banner(timezone.now(), is_signed_in=is_signed_in)
    return json_response(serializers.banner_to_wire(found) if found else None)


@api_view(["GET"])
def endpoints(request: Request) -> Response:
    return Response(serializers.endpoints_to_wire(_offered(request)))


@api_view(["GET"])
def models(request: Request) -> Response:
    return Response(serializers.models_to_wire(_offered(request)))


@api_view(["GET"])
def token_config(request: Request) -> Response:
    offer = offer_for(_person(request))
    windows, prices = startup.context_windows(offer.endpoints), startup.shown_prices(offer)
    return Response(serializers.token_config_to_wire(windows, prices))


def _offered(request: Request) -> tuple[EndpointInfo, ...]:
    return offer_for(_person(request)).endpoints


@api_view(["GET"])
def usage_limits(request: Request) -> Response:
    """What a chat of this person would be paid from, of each preset as well."""
    person = _person(request)
    offer, now = offer_for(person), timezone.now()
    billing = billing_under(offer.access_stamp, exists=offer.has_billing)
    payer = Payer(user_id=person.id, groups=offer.resolution.groups)
    slugs = [preset.slug for preset in offer.presets]
    pools = billing.pools_of(payer, now) + billing.preset_pools(slugs, now)
    return Response(standings_to_wire(standings(person, pools)))


@api_view(["GET"])
def categories(request: Request) -> Response:
    return Response(serializers.categories_to_wire())


class PersonalPresets(APIView):
    def get(self, request: Request) -> Response:
        presets = personal.personal_presets(_person(request))
        return Response([serializers.personal_preset_to_wire(preset) for preset in presets])

    def post(self, request: Request) -> Response:
        preset = personal.save_personal_preset(user=_person(request), body=_body(request))
        return Response(serializers.personal_preset_to_wire(preset), status=201)


@api_view(["POST"])
def delete_personal_presets(request: Request) -> Response:
    preset_id = personal.preset_to_delete(_body(request))
    count = personal.delete_personal_presets(user=_person(request), preset_id=preset_id)
    return Response({"acknowledged": True, "deletedCount": count}, status=201)


def _person(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the permission class lets nobody else in
    return request.user


def _body(request: Request) -> JSONDict:
    if not isinstance(request.data, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    return request.data
