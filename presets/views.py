"""What the client asks for when it starts."""

from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import OptionalBearerAuthentication
from accounts.models import User
from presets import serializers, startup
from presets.resolver import offer_for
from providers.catalog import EndpointInfo


@api_view(["GET"])
@authentication_classes([OptionalBearerAuthentication])
@permission_classes([AllowAny])
def config(request: Request) -> Response:
    options = startup.sign_in_options()
    if not isinstance(request.user, User):
        return Response(serializers.config_to_wire(options, None, None))
    workspace, offer = startup.workspace_for(request.user), offer_for(request.user)
    return Response(serializers.config_to_wire(options, workspace, offer))


@api_view(["GET"])
def endpoints(request: Request) -> Response:
    return Response(serializers.endpoints_to_wire(_offered(request)))


@api_view(["GET"])
def models(request: Request) -> Response:
    return Response(serializers.models_to_wire(_offered(request)))


@api_view(["GET"])
def token_config(request: Request) -> Response:
    windows = startup.context_windows(_offered(request))
    return Response(serializers.context_windows_to_wire(windows))


def _offered(request: Request) -> tuple[EndpointInfo, ...]:
    assert isinstance(request.user, User)  # noqa: S101 - the permission class lets nobody else in
    return offer_for(request.user).endpoints


@api_view(["GET"])
def categories(request: Request) -> Response:
    return Response(serializers.categories_to_wire())
