"""Correct empty answers for what the client may ask for and this release has not built.

A wrong shape crashes the client's page, and a missing one is asked for four times (contract 04
§16, 06 §1.3). A feature that gets built takes its rows out of the table.
"""

from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import URLPattern, path
from rest_framework.decorators import api_view
from rest_framework.request import Request

from librechat_backend.lib.json import JSONValue
from librechat_backend.lib.rest import json_response


@dataclass(frozen=True, slots=True)
class Answer:
    """The fixed answer to ``GET /api/<pattern>``.

    ``echo`` names the member of the body that repeats the id in the path.
    """

    pattern: str
    body: JSONValue
    echo: str = ""


ANSWERS = (
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
    # Around conversations: 04 §10
    Answer(
        "convos/<str:id>/subagents",
        {"children": [], "childrenTruncated": False},
        echo="parentConversationId",
    ),
    Answer("traces/<str:id>/availability", {"available": False}),
    # Skills: 04 §10
    Answer("skills", {"skills": [], "has_more": False, "after": None}),
    # Keys: 01 §5.8
    Answer("keys", {"expiresAt": None}),
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


def _render(answer: Answer, ids: dict[str, str]) -> HttpResponse:
    echoed = answer.body | {answer.echo: ids["id"]} if answer.echo else answer.body
    return json_response(echoed)


def _route(answer: Answer) -> URLPattern:
    return path(answer.pattern, _signed_in, {"answer": answer})


# Relative to ``/api/``; included after the apps' own.
urlpatterns = [_route(answer) for answer in ANSWERS]
