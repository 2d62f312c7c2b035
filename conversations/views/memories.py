"""What the models remember about a person (contract 03 §12)."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import Bit, PermissionType, require_permission
from accounts.services import profile
from conversations.models import Memory
from conversations.models.memory import AGENT_ID_MAX_LENGTH
from conversations.querysets import MemoryQuerySet
from conversations.serializers.memory import memories_wire, memory_wire
from conversations.services import memories as services
from conversations.views.requests import body_of, owner_of, without_nul
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue


def owner_with(request: Request, bit: Bit) -> User:
    """The caller, whose role has memories and ``bit``. Raises Forbidden."""
    user = owner_of(request)
    require_permission(user, PermissionType.MEMORIES, Bit.USE, bit)
    return user


class MemoriesView(APIView):
    def get(self, request: Request) -> Response:
        rows = list(Memory.objects.owned_by(owner_with(request, Bit.READ)).rows())
        return Response(
            memories_wire(
                rows,
                token_limit=settings.MEMORY_TOKEN_LIMIT,
                char_limit=settings.MEMORY_CHAR_LIMIT,
            )
        )

    def post(self, request: Request) -> Response:
        user, body = owner_with(request, Bit.CREATE), body_of(request)
        key, value = _text(body, "key"), _text(body, "value")
        agent_id = _agent_id(body.get("agentId"))
        memory_id = services.create_memory(user=user, key=key, value=value, agent_id=agent_id)
        return Response({"created": True, "memory": _document(user, memory_id)}, status=201)


class MemoryPreferencesView(APIView):
    def patch(self, request: Request) -> Response:
        user, is_on = owner_with(request, Bit.OPT_OUT), body_of(request).get("memories")
        if not isinstance(is_on, bool):
            raise InvalidRequest("memories must be a boolean value.", key="error")
        profile.set_memories(user=user, is_on=is_on)
        return Response({"updated": True, "preferences": {"memories": is_on}})


class MemoryView(APIView):
    """One memory, named by its key and, in the query, by its agent."""

    def named(self, request: Request, user: User, name: str) -> MemoryQuerySet:
        agent_id = _agent_id(without_nul(request.query_params.get("agentId", "")))
        return Memory.objects.owned_by(user).in_pool(agent_id).filter(key=name)

    def patch(self, request: Request, name: str) -> Response:
        user, body = owner_with(request, Bit.UPDATE), body_of(request)
        memory_id = services.update_memory(
            user=user,
            memories=self.named(request, user, name),
            value=_text(body, "value"),
            key=_text(body, "key") if body.get("key") else None,
        )
        return Response({"updated": True, "memory": _document(user, memory_id)})

    def delete(self, request: Request, name: str) -> Response:
        user = owner_with(request, Bit.UPDATE)
        services.delete_memory(memories=self.named(request, user, name))
        return Response({"deleted": True})


class MemoryByIdView(MemoryView):
    """For newer clients (contract 03 §18); the id says whose and which agent's it is."""

    def named(self, request: Request, user: User, name: str) -> MemoryQuerySet:
        return Memory.objects.owned_by(user).filter(pk=name)


def _text(body: JSONDict, name: str) -> str:
    text = body.get(name)
    if not isinstance(text, str) or not text.strip():
        title = name.capitalize()
        raise InvalidRequest(f"{title} is required and must be a non-empty string.", key="error")
    return text.strip()


def _agent_id(value: JSONValue) -> str:
    """Empty for the pool of all chats."""
    if not isinstance(value, str):
        return ""
    if len(value) > AGENT_ID_MAX_LENGTH:
        text = f"agentId must be at most {AGENT_ID_MAX_LENGTH} characters."
        raise InvalidRequest(text, key="error")
    return value.strip()


def _document(user: User, memory_id: str) -> JSONDict:
    row = Memory.objects.owned_by(user).filter(pk=memory_id).rows().first()
    if row is None:
        raise services.memory_not_found()
    return memory_wire(row)
