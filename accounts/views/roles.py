"""The permission matrix of a role (contract 01 §5.3)."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from accounts.permissions import may_read_role, read_role
from accounts.serializers import role_wire
from librechat_backend.lib.errors import Forbidden


@api_view(["GET"])
def role(request: Request, name: str) -> Response:
    if not may_read_role(user_of(request), name):
        raise Forbidden("Unauthorized")
    return Response(role_wire(read_role(name)))
