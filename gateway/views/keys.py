"""A person's own API keys, in the settings of the chat's client (contract 04 §13.1)."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import user_of
from accounts.permissions import Bit, PermissionType, require_permission
from gateway import serializers, services
from gateway.models import ApiToken
from gateway.validation import parse_new_key
from librechat_backend.lib.errors import NotFound


class KeyView(APIView):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_permission(user_of(request), PermissionType.REMOTE_AGENTS, Bit.USE)


class Keys(KeyView):
    def get(self, request: Request) -> Response:
        tokens = ApiToken.objects.owned_by(user_of(request).id)
        return Response({"keys": [serializers.key_wire(token) for token in tokens]})

    def post(self, request: Request) -> Response:
        new = services.create_token(user=user_of(request), **parse_new_key(request.data))
        return Response(serializers.new_key_wire(new), status=201)


class Key(KeyView):
    def get(self, request: Request, token_id: str) -> Response:
        token = ApiToken.objects.owned_by(user_of(request).id).filter(pk=token_id).first()
        if token is None:
            raise NotFound("API key not found", key="error")
        return Response(serializers.key_wire(token))

    def delete(self, request: Request, token_id: str) -> Response:
        services.delete_token(user_id=user_of(request).id, token_id=token_id)
        return Response(status=204)
