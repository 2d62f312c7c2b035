"""The permission matrix of a role (contract 01 §5.3)."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from accounts.permissions import feature_type, may_read_role, parse_bits, read_role
from accounts.serializers import role_wire
from accounts.services.roles import set_permissions
from librechat_backend.lib.errors import Forbidden


@api_view(["GET"])
def role(request: Request, name: str) -> Response:
    if not may_read_role(user_of(request), name):
        raise Forbidden("Unauthorized")
    return Response(role_wire(read_role(name)))


@api_view(["PUT"])
def feature(request: Request, name: str, feature: str) -> Response:
    """Changes of one feature, by an administrator (contract 04 §11.3)."""
    type_ = feature_type(feature)
    set_permissions(
        actor=user_of(request),
        role_name=name,
        type_=type_,
        bits=parse_bits(type_, request.data),
    )
    return Response(role_wire(read_role(name)))
