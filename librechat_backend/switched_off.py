"""Correct empty answers for what the client may ask for and this release has not built.

A wrong shape crashes the client's page, and a missing one is asked for four times (contract 04
§16, 06 §1.3). A feature that gets built takes its rows out of the table.
"""

from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import URLPattern, path
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from librechat_backend.lib.json import JSONDict, JSONValue
from librechat_backend.lib.rest import json_response


@dataclass(frozen=True, slots=True)
class Answer:
    """The fixed answer to ``GET /api/<pattern>``.

    ``echo`` names the member of the body that repeats the id in the path.
    """

    pattern: str
    body: JSONValue
    echo: str = ""
    status: int = 200
    is_public: bool = False


_UPLOADS_OFF: JSONDict = {
    "endpoints": {
        # Every key: an endpoint without one of its own falls back to ``agents``, which is on.
        name: {"disabled": True}
        for name in ("default", "agents", "custom", "anthropic", "assistants", "azureAssistants")
    }
}

ANSWERS = (
    # Files and speech: 04 §1.3, §1.15, §3, §16
    Answer("files", []),
    Answer("files/config", _UPLOADS_OFF),
    Answer("files/speech/config/get", {"sttExternal": False, "ttsExternal": False}),
    Answer("files/speech/tts/voices", []),
    # Agents and tools: 04 §4.3, §4.6, §6, §16
    Answer(
        "agents",
        {
            "object": "list",
            "data": [],
            "first_id": None,
            "last_id": None,
            "has_more": False,
            "after": None,
        },
    ),
    Answer("agents/categories", []),
    Answer("agents/actions", []),
    Answer("agents/tools", []),
    Answer("agents/tools/calls", []),
    Answer("agents/tools/web_search/auth", {"authenticated": False, "authTypes": []}),
    Answer(
        "agents/chat/queued-turns",  # 04 §10
        {"queuedTurns": [], "capability": {"supported": False}, "revision": 0},
    ),
    # MCP: 04 §8, §16
    Answer("mcp/servers", {}),
    Answer("mcp/tools", {"servers": {}}),
    Answer("mcp/connection/status", {"success": True, "connectionStatus": {}}),
    # Rights to single resources: 04 §12.2, §16
    Answer("permissions/<str:type>/effective/all", {}),
    Answer("permissions/<str:type>/<str:id>/effective", {"permissionBits": 0}),
    # Around conversations: 03 §9.3, §9.4, 04 §10
    Answer("share", {"links": [], "nextCursor": None, "hasNextPage": False}),
    Answer("share/link/<str:id>", {"success": False, "shareId": None}, echo="conversationId"),
    Answer(
        "convos/<str:id>/subagents",
        {"children": [], "childrenTruncated": False},
        echo="parentConversationId",
    ),
    Answer("traces/<str:id>/availability", {"available": False}),
    # Prompts, memories, skills: 03 §12, §13.2, §13.3, 04 §10
    Answer("prompts/all", []),
    Answer(
        "prompts/groups",
        {
            "promptGroups": [],
            "pageNumber": "1",
            "pageSize": "10",
            "pages": "1",
            "has_more": False,
            "after": None,
        },
    ),
    Answer(
        "memories",
        {
            "memories": [],
            "totalTokens": 0,
            "tokenLimit": None,
            "charLimit": 10_000,
            "usagePercentage": None,
        },
    ),
    Answer("skills", {"skills": [], "has_more": False, "after": None}),
    # Keys, balance, banner: 01 §5.7, §5.8, 04 §13.1
    Answer("keys", {"expiresAt": None}),
    Answer("api-keys", {"keys": []}),
    Answer("balance", None, status=204),
    Answer("banner", None, is_public=True),
    # Schedules and code environments: 04 §10, §16
    Answer(
        "schedules",
        {
            "schedules": [],
            "limits": {"maxPerUser": 0, "minIntervalMinutes": 60, "requireProject": False},
        },
    ),
    Answer("code-environments", {"environments": [], "controlPlanes": []}),
)


@api_view(["GET"])
def _signed_in(request: Request, /, answer: Answer, **ids: str) -> HttpResponse:
    return _render(answer, ids)


@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def _public(request: Request, /, answer: Answer, **ids: str) -> HttpResponse:
    return _render(answer, ids)


def _render(answer: Answer, ids: dict[str, str]) -> HttpResponse:
    if answer.status == 204:
        return HttpResponse(status=204)
    echoed = answer.body | {answer.echo: ids["id"]} if answer.echo else answer.body
    return json_response(echoed, answer.status)


def _route(answer: Answer) -> URLPattern:
    view = _public if answer.is_public else _signed_in
    return path(answer.pattern, view, {"answer": answer})


# Relative to ``/api/``; included after the apps' own.
urlpatterns = [_route(answer) for answer in ANSWERS]
