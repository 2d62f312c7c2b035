"""What the client asks for when it starts."""

from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import OptionalBearerAuthentication
from accounts.models import User
from presets import serializers, startup


@api_view(["GET"])
@authentication_classes([OptionalBearerAuthentication])
@permission_classes([AllowAny])
def config(request: Request) -> Response:
    workspace = startup.workspace_for(request.user) if isinstance(request.user, User) else None
    return Response(serializers.config_to_wire(startup.sign_in_options(), workspace))


@api_view(["GET"])
def endpoints(request: Request) -> Response:
    return Response(serializers.endpoints_to_wire(startup.offered_endpoints()))


@api_view(["GET"])
def models(request: Request) -> Response:
    return Response(serializers.models_to_wire(startup.offered_endpoints()))


@api_view(["GET"])
def token_config(request: Request) -> Response:
    windows = startup.context_windows(startup.offered_endpoints())
    return Response(serializers.context_windows_to_wire(windows))


@api_view(["GET"])
def categories(request: Request) -> Response:
    return Response(serializers.categories_to_wire())
