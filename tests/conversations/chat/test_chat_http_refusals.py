"""The chat's endpoints: who may, what is refused and how."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from conversations.chat.log.redis import RedisLog
from conversations.chat.runtime import get_jobs
from conversations.services import turns
from conversations.views import chat
from librechat_backend.asgi import lean
from librechat_backend.lib.aio import in_database
from tests.conversations.chat.scripted import Answer, ChatClient, ScriptedAdapter, payload
from tests.conversations.chat.turns import START, UNKNOWN, rows, whole_turn
from tests.conversations.factories import make_conversation

pytestmark = pytest.mark.django_db(transaction=True)

ROUTES = [
    ("POST", START),
    ("POST", "/api/agents/chat"),
    ("GET", f"/api/agents/chat/stream/{UNKNOWN}"),
    ("GET", f"/api/agents/chat/status/{UNKNOWN}"),
    ("GET", "/api/agents/chat/active"),
    ("POST", "/api/agents/chat/abort"),
    ("POST", "/api/agents/chat/steer"),
    ("POST", "/api/agents/chat/steer/cancel"),
    ("POST", "/api/agents/chat/steer/arm"),
    ("POST", "/api/agents/chat/resume"),
    ("GET", "/api/agents/chat/queued-turns"),
    ("GET", f"/api/convos/gen_title/{UNKNOWN}"),
]


async def _refused(client: ChatClient, **fields: Any) -> Answer:
    """A start that is refused and leaves nothing behind."""
    before = await in_database(rows)
    answer = await client.post(START, payload(**fields))
    assert answer.status >= 400
    assert await in_database(rows) == before
    return answer


# -- Strangers -----------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_stranger_is_refused(model: ScriptedAdapter, method: str, path: str) -> None:
    answer = await ChatClient(None).open(method, path, b"{}").answer()
    assert answer.status == 401
    assert answer.json() == {"message": "No auth token"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_expired_token_is_refused(
    alice: User, model: ScriptedAdapter, method: str, path: str
) -> None:
    token = AccessToken()
    token["id"] = alice.pk
    token.set_exp(lifetime=-timedelta(seconds=1))
    answer = await ChatClient(None, str(token)).open(method, path, b"{}").answer()
    assert (answer.status, answer.json()) == (401, {"message": "jwt expired"})


async def test_running_turn_is_nobody_elses(
    client: ChatClient, charlie: User, model: ScriptedAdapter
) -> None:
    started = await client.start()
    conversation_id, other = started["conversationId"], ChatClient(charlie)
    forbidden = (403, {"error": "Unauthorized"})
    for path in ("stream", "status"):
        answer = await other.get(f"/api/agents/chat/{path}/{conversation_id}")
        assert (answer.status, answer.json()) == forbidden
    for path in ("abort", "steer"):
        body = {"conversationId": conversation_id, "text": "x"}
        answer = await other.post(f"/api/agents/chat/{path}", body)
        assert (answer.status, answer.json()) == forbidden
    assert (await other.get("/api/agents/chat/active")).json() == {"activeJobIds": []}
    assert (await other.post("/api/agents/chat/abort", {"conversationId": "new"})).status == 404
    assert (await other.get(f"/api/convos/gen_title/{conversation_id}")).status == 404
    assert (await client.get("/api/agents/chat/active")).json() == {
        "activeJobIds": [conversation_id]
    }


async def test_conversation_of_somebody_else_cannot_be_continued(
    client: ChatClient, charlie: User, model: ScriptedAdapter
) -> None:
    foreign = await in_database(make_conversation, charlie)
    answer = await _refused(client, conversationId=foreign.conversation_id)
    assert (answer.status, answer.json()) == (404, {"error": "Conversation not found"})
    assert model.requests == []


async def test_message_of_somebody_else_is_no_parent(
    client: ChatClient, charlie: User, model: ScriptedAdapter
) -> None:
    foreign = (await whole_turn(ChatClient(charlie), model))["responseMessage"]["messageId"]
    mine = (await whole_turn(client, model))["conversation"]["conversationId"]
    answer = await _refused(client, conversationId=mine, parentMessageId=foreign)
    assert answer.status == 404
    again = {"isRegenerate": True, "overrideParentMessageId": foreign}
    assert (await _refused(client, conversationId=mine, **again)).status == 404


# -- Refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [START, "/api/agents/chat/abort", "/api/agents/chat/steer"])
@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"text": "\\ud800"}', b"{'a': 1}"])
async def test_malformed_json_is_refused(
    client: ChatClient, model: ScriptedAdapter, path: str, body: bytes
) -> None:
    answer = await client.post(path, body)
    assert (answer.status, answer.json()) == (
        400,
        {
            "error": "Invalid JSON format",
            "message": "The request body contains malformed JSON",
        },
    )


async def test_body_of_four_megabytes_is_refused(
    client: ChatClient, model: ScriptedAdapter
) -> None:
    answer = await _refused(client, text="x" * 4 * 1024 * 1024)
    assert (answer.status, answer.json()) == (413, {"message": "request entity too large"})


async def test_wrong_member_is_refused_in_the_form_of_the_chat(
    client: ChatClient, model: ScriptedAdapter
) -> None:
    answer = await _refused(client, temperature="warm")
    assert (answer.status, answer.json()) == (400, {"error": "Invalid value for temperature"})


@pytest.mark.parametrize(
    ("fields", "info"),
    [
        ({"endpoint": "nowhere"}, "nowhere|gpt-4.1"),
        ({"model": "gpt-9"}, "openAI|gpt-9"),
        ({"endpoint": "openAI|x", "model": "a|b"}, "openAI|x|a|b"),
    ],
)
async def test_model_that_is_not_offered_is_refused(
    client: ChatClient, model: ScriptedAdapter, fields: dict[str, str], info: str
) -> None:
    answer = await _refused(client, **fields)
    assert answer.json() == {"type": "illegal_model_request", "info": info}


async def test_unknown_conversation_is_refused(client: ChatClient, model: ScriptedAdapter) -> None:
    answer = await _refused(client, conversationId=UNKNOWN)
    assert (answer.status, answer.json()) == (404, {"error": "Conversation not found"})


async def test_unknown_parent_is_refused(client: ChatClient, model: ScriptedAdapter) -> None:
    mine = (await whole_turn(client, model))["conversation"]["conversationId"]
    answer = await _refused(client, conversationId=mine, parentMessageId=UNKNOWN)
    assert answer.status == 404
    assert set(answer.json()) == {"error"}
    answer = await _refused(client, conversationId=mine, parentMessageId=f"{UNKNOWN}_")
    assert answer.status == 409
    assert "still being saved" in answer.json()["error"]


async def test_parent_of_a_new_chat_must_be_the_root(
    client: ChatClient, model: ScriptedAdapter
) -> None:
    assert (await _refused(client, parentMessageId=UNKNOWN)).status == 404


@pytest.mark.parametrize("epoch", ["", "x", "-1", "1.5", "1" * 17, "²", "9" * 16 + "9"])
async def test_malformed_epoch_is_refused(
    client: ChatClient, model: ScriptedAdapter, epoch: str
) -> None:
    answer = await client.get(f"/api/agents/chat/stream/{UNKNOWN}?generationCreatedAt={epoch}")
    assert (answer.status, answer.json()) == (400, {"error": "Invalid generation identity"})


async def test_unknown_stream_is_not_found(client: ChatClient, model: ScriptedAdapter) -> None:
    answer = await client.get(f"/api/agents/chat/stream/{UNKNOWN}?generationCreatedAt=1")
    assert answer.status == 404
    assert answer.json()["error"] == "Stream not found"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALID_ABORT_TARGET"),
        ({"conversationId": 7}, "INVALID_ABORT_TARGET"),
        ({"conversationId": UNKNOWN, "generationCreatedAt": "1"}, "INVALID_GENERATION_IDENTITY"),
        ({"conversationId": UNKNOWN, "generationCreatedAt": True}, "INVALID_GENERATION_IDENTITY"),
    ],
)
async def test_malformed_abort_is_refused(
    client: ChatClient, model: ScriptedAdapter, body: dict[str, Any], code: str
) -> None:
    answer = await client.post("/api/agents/chat/abort", body)
    assert (answer.status, answer.json()) == (400, {"code": code})


async def test_abort_without_a_turn_is_not_found(
    client: ChatClient, model: ScriptedAdapter
) -> None:
    answer = await client.post("/api/agents/chat/abort", {"conversationId": UNKNOWN})
    assert (answer.status, answer.json()) == (
        404,
        {"error": "Job not found", "streamId": UNKNOWN},
    )


async def test_abort_of_a_replaced_turn_is_refused(
    client: ChatClient, model: ScriptedAdapter
) -> None:
    started = await client.start()
    body = {"conversationId": started["conversationId"], "generationCreatedAt": 1}
    answer = await client.post("/api/agents/chat/abort", body)
    assert (answer.status, answer.json()) == (409, {"code": "RUN_REPLACED"})


async def test_steer_is_queued_by_the_client(client: ChatClient, model: ScriptedAdapter) -> None:
    body = {"conversationId": UNKNOWN, "text": "also tomorrow"}
    answer = await client.post("/api/agents/chat/steer", body)
    assert (answer.status, answer.json()) == (404, {"code": "NO_ACTIVE_RUN"})
    started = await client.start()
    body["conversationId"] = started["conversationId"]
    answer = await client.post("/api/agents/chat/steer", body)
    assert (answer.status, answer.json()) == (501, {"code": "STEER_UNSUPPORTED"})


@pytest.mark.parametrize("path", ["stream/x", "status/x", "active", "queued-turns"])
async def test_wrong_method_is_an_unknown_path(
    client: ChatClient, model: ScriptedAdapter, path: str
) -> None:
    answer = await client.post(f"/api/agents/chat/{path}", {})
    assert (answer.status, answer.json()) == (404, {"message": "Endpoint not found"})


@pytest.mark.parametrize("path", ["stream/\0", "status/a\0b"])
async def test_id_with_nul_is_no_id(client: ChatClient, path: str) -> None:
    """PostgreSQL cannot even compare it."""
    answer = await client.get(f"/api/agents/chat/{path}")
    assert (answer.status, answer.json()) == (404, {"message": "Endpoint not found"})


def test_id_with_nul_has_no_title() -> None:
    assert lean.handles(f"/api/convos/gen_title/{UNKNOWN}")
    assert not lean.handles("/api/convos/gen_title/\0")


async def test_title_is_only_read(client: ChatClient) -> None:
    answer = await client.post(f"/api/convos/gen_title/{UNKNOWN}", {})
    assert (answer.status, answer.json()) == (404, {"message": "Endpoint not found"})


@pytest.mark.parametrize("path", ["status", "stream"])
async def test_redis_that_is_away_is_named_to_who_follows(
    client: ChatClient, model: ScriptedAdapter, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    nobody = RedisLog("redis://127.0.0.1:9")
    started = await client.start()
    with monkeypatch.context() as patch:
        patch.setattr((await get_jobs()).log, "snapshot", nobody.snapshot)
        answer = await client.get(f"/api/agents/chat/{path}/{started['streamId']}")
    await nobody.close()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "cannot reach Redis" in answer.json()["message"]
    assert (await client.get(f"/api/agents/chat/status/{started['streamId']}")).json()["active"]


@pytest.mark.parametrize("step", [(chat, "user_for_token"), (turns, "look_up")])
@pytest.mark.parametrize("error", [OperationalError, RedisConnectionError])
async def test_start_is_repeated_by_the_client_while_what_it_needs_is_away(
    client: ChatClient,
    model: ScriptedAdapter,
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[object, str],
    error: type[Exception],
) -> None:
    def away(*asked: Any, **named: Any) -> Any:
        raise error("the connection is closed")

    with monkeypatch.context() as patch:
        patch.setattr(step[0], step[1], away)
        answer = await _refused(client, clientRequestId="r1")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "SERVER_NOT_READY"
    assert (await client.start(clientRequestId="r1"))["status"] == "started"
