"""POST /api/messages/branch and /api/messages/artifact/:id (contract 03 §7.7, §7.8)."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Conversation, Message
from librechat_backend.lib.ids import is_uuid, new_uuid
from tests.conversations.factories import make_answer, make_conversation, make_message

PARTS = [
    {"type": "text", "text": "one", "agentId": "a", "groupId": 1},
    {"type": "text", "text": "two", "agentId": "b", "groupId": 1},
    {"type": "think", "think": "three", "agentId": "a", "groupId": 2},
    {"type": "text", "text": "four"},
]
ARTIFACT = ':::artifact{title="t"}\n```\nold\n```\n:::\n'


@pytest.fixture
def chat(alice: User) -> Conversation:
    return make_conversation(alice)


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/messages/{path}", body, content_type="application/json")


def snapshot() -> list[Any]:
    return list(Message.objects.order_by("pk").values())


def test_access_is_refused_when_there_is_no_token(db: None) -> None:
    assert post(Client(), "branch", {}).status_code == 401
    assert post(Client(), "artifact/x", {}).status_code == 401


# -- Branches


def test_branch_is_a_sibling_with_the_parts_of_one_agent(
    client: Client, chat: Conversation
) -> None:
    question = make_message(chat)
    source = make_answer(
        chat,
        parent_message_id=question.message_id,
        content=PARTS,
        endpoint="agents",
        model="agent_1",
        icon_url="https://x.test/i.png",
        attachments=[{"toolCallId": "t"}],
        feedback={"rating": "thumbsUp", "tag": "accurate_reliable"},
    )
    answer = post(client, "branch", {"messageId": source.message_id, "agentId": "a"})
    assert answer.status_code == 201
    body = answer.json()
    assert body == client.get(f"/api/messages/{chat.conversation_id}").json()[-1]
    assert is_uuid(body["messageId"])
    assert body["messageId"] != source.message_id
    assert body.pop("createdAt") == body.pop("updatedAt") > "2025-03-05"
    del body["messageId"]
    assert body == {
        "conversationId": chat.conversation_id,
        "parentMessageId": question.message_id,
        "isCreatedByUser": False,
        "sender": "GPT-4o",
        "text": "",
        "content": [{"type": "text", "text": "one"}, {"type": "think", "think": "three"}],
        "endpoint": "agents",
        "model": "agent_1",
        "iconURL": "https://x.test/i.png",
        "attachments": [{"toolCallId": "t"}],
        "error": False,
        "unfinished": False,
        "isTemporary": False,
        "expiredAt": None,
    }


@pytest.mark.parametrize(
    ("fields", "agent", "error"),
    [
        ({"content": PARTS}, "c", "The answer has no part of this agent"),
        ({"content": PARTS[3:]}, "a", "The answer has no part of this agent"),
        ({"content": None}, "a", "Only an answer made of parts can be branched"),
        (
            {"content": PARTS, "is_created_by_user": True},
            "a",
            "Only an answer made of parts can be branched",
        ),
        ({"content": PARTS}, "", "messageId and agentId are required"),
        ({"content": PARTS}, None, "messageId and agentId are required"),
        ({"content": PARTS}, ["a"], "messageId and agentId are required"),
    ],
)
def test_branch_is_refused_when_there_is_nothing_to_keep(
    client: Client, chat: Conversation, fields: Any, agent: Any, error: str
) -> None:
    source = make_answer(chat, **fields)
    before = snapshot()
    answer = post(client, "branch", {"messageId": source.message_id, "agentId": agent})
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert snapshot() == before


# -- Artifacts


@pytest.mark.parametrize("in_parts", [True, False])
def test_artifact_edit_is_stored_and_answered(
    client: Client, chat: Conversation, in_parts: bool
) -> None:
    part = {"type": "text", "text": ARTIFACT}
    fields = {"content": [part]} if in_parts else {"content": None, "text": ARTIFACT}
    message = make_answer(chat, **fields)
    body = {"index": 0, "original": "old\n", "updated": "new\n"}
    answer = post(client, f"artifact/{message.message_id}", body)
    edited = ARTIFACT.replace("old", "new")
    message.refresh_from_db()
    assert answer.status_code == 200
    if in_parts:
        content = [{"type": "text", "text": edited}]
        assert answer.json() == {
            "conversationId": chat.conversation_id, "content": content, "text": "",
        }  # fmt: skip
        assert (message.content, message.text) == (content, "")
    else:
        assert answer.json() == {"conversationId": chat.conversation_id, "text": edited}
        assert (message.content, message.text) == (None, edited)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"index": -1}, "Invalid request parameters"),
        ({"index": "0"}, "Invalid request parameters"),
        ({"index": True}, "Invalid request parameters"),
        ({"original": None}, "Invalid request parameters"),
        ({"updated": 3}, "Invalid request parameters"),
        ({"index": 1}, "Artifact index out of bounds"),
        ({"original": "other"}, "Original content not found in target artifact"),
    ],
)
def test_artifact_edit_is_refused_when_it_does_not_fit(
    client: Client, chat: Conversation, change: Any, error: str
) -> None:
    message = make_answer(chat, content=[{"type": "text", "text": ARTIFACT}])
    before = snapshot()
    body = {"index": 0, "original": "old", "updated": "new", **change}
    answer = post(client, f"artifact/{message.message_id}", body)
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert snapshot() == before


# -- Whose


def test_message_of_another_is_missing_and_stays_as_it_is(client: Client, bob: User) -> None:
    text = {"type": "text", "text": ARTIFACT, "agentId": "a"}
    foreign = make_answer(make_conversation(bob), content=[text])
    before = snapshot()
    edit = {"index": 0, "original": "old", "updated": "new"}
    for message_id in (foreign.message_id, new_uuid(), "a" * 5000):
        for answer in (
            post(client, "branch", {"messageId": message_id, "agentId": "a"}),
            post(client, f"artifact/{message_id}", edit),
        ):
            assert (answer.status_code, answer.json()) == (404, {"error": "Message not found"})
    assert post(client, "artifact/%00", edit).status_code == 404
    assert snapshot() == before


def test_two_people_can_have_messages_of_the_same_id(
    client: Client, chat: Conversation, bob: User
) -> None:
    part = {"type": "text", "text": ARTIFACT}
    twin = make_answer(make_conversation(bob), content=[part])
    make_answer(chat, message_id=twin.message_id, content=[part])
    edit = {"index": 0, "original": "old", "updated": "new"}
    answer = post(client, f"artifact/{twin.message_id}", edit)
    assert answer.json()["conversationId"] == chat.conversation_id
    twin.refresh_from_db()
    assert twin.content == [part]


@pytest.mark.parametrize("part", ["$$\\\\ce{", ":::artifact\n~~~a\n:::\n"])
def test_hostile_text_is_read_once(client: Client, chat: Conversation, part: str) -> None:
    """Were it read to its end from each of these, this would take hours."""
    text = f"{ARTIFACT}{part * 40_000}"
    message = make_answer(chat, content=[{"type": "text", "text": text}])
    edit = {"index": 0, "original": part * 40_000, "updated": "", "messageId": message.message_id}
    answer = post(client, f"artifact/{message.message_id}", edit)
    assert answer.json() == {"error": "Original content not found in target artifact"}
