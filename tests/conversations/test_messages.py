"""/api/messages (contract 03 §7)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Conversation, Message
from librechat_backend.lib.ids import new_uuid
from providers.tokens import estimate_tokens
from tests.conversations.factories import MOMENT, make_answer, make_conversation, make_message

NOT_FOUND = {"error": "Conversation not found"}
NO_MESSAGE = {"error": "Message not found"}
LIKED = {"rating": "thumbsUp", "tag": "accurate_reliable"}


@pytest.fixture
def chat(alice: User) -> Conversation:
    return make_conversation(alice)


@pytest.fixture
def foreign(bob: User) -> Message:
    return make_answer(make_conversation(bob))


def path_of(message: Message) -> str:
    return f"/api/messages/{message.conversation.conversation_id}/{message.message_id}"


def put(client: Client, path: str, body: Any) -> Any:
    return client.put(path, body, content_type="application/json")


def snapshot() -> list[Any]:
    return list(Message.objects.order_by("pk").values())


# -- Reading


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""), ("get", "/x"), ("get", "/x/y"), ("put", "/x/y"), ("delete", "/x/y"),
        ("put", "/x/y/feedback"), ("post", "/x"),
    ],
)  # fmt: skip
def test_access_is_refused_when_there_is_no_token(method: str, path: str, db: None) -> None:
    assert getattr(Client(), method)(f"/api/messages{path}").status_code == 401


def test_messages_are_a_bare_list_oldest_first(client: Client, chat: Conversation) -> None:
    answer = make_answer(chat)
    question = make_message(chat)
    make_message(make_conversation(chat.user), text="elsewhere")
    listed = client.get(f"/api/messages/{chat.conversation_id}")
    assert listed.status_code == 200
    assert [row["messageId"] for row in listed.json()] == [question.message_id, answer.message_id]
    assert listed.json()[0] == {
        "messageId": question.message_id,
        "conversationId": chat.conversation_id,
        "parentMessageId": "00000000-0000-0000-0000-000000000000",
        "isCreatedByUser": True,
        "sender": "User",
        "text": "When is high tide?",
        "model": None,
        "error": False,
        "unfinished": False,
        "isTemporary": False,
        "expiredAt": None,
        "createdAt": "2025-03-04T05:06:07.890Z",
        "updatedAt": "2025-03-04T05:06:07.890Z",
    }


def test_messages_are_an_empty_list_when_there_are_none_yet(
    client: Client, chat: Conversation
) -> None:
    assert client.get("/api/messages/new").json() == []
    assert client.get(f"/api/messages/{chat.conversation_id}").json() == []


@pytest.mark.parametrize("size", [1, 50])
def test_messages_take_two_queries_however_many_they_are(
    client: Client, chat: Conversation, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for i in range(size):
        make_message(chat, created_at=MOMENT + timedelta(seconds=i))
    with django_assert_num_queries(2):  # the caller, the messages
        listed = client.get(f"/api/messages/{chat.conversation_id}")
    assert len(listed.json()) == size


def test_messages_are_missing_when_the_chat_is_of_another(client: Client, foreign: Message) -> None:
    for conversation_id in (foreign.conversation.conversation_id, new_uuid(), "%F0%9F", "a" * 5000):
        listed = client.get(f"/api/messages/{conversation_id}")
        assert (listed.status_code, listed.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("path", ["%00", "a%00b", "a/%00", "a/b%00/feedback"])
def test_messages_are_missing_when_an_id_holds_nul(client: Client, path: str) -> None:
    assert client.get(f"/api/messages/{path}").status_code == 404
    assert put(client, f"/api/messages/{path}", {}).status_code == 404


def test_one_message_is_a_list_of_one(client: Client, chat: Conversation) -> None:
    message = make_message(chat)
    make_message(chat)
    assert [row["messageId"] for row in client.get(path_of(message)).json()] == [message.message_id]
    assert client.get(f"/api/messages/{chat.conversation_id}/{new_uuid()}").json() == []


# -- Whose


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("get", "", None),
        ("put", "", {"text": "mine"}),
        ("put", "", {"text": "mine", "index": 0}),
        ("delete", "", {}),
        ("put", "/feedback", {"feedback": LIKED}),
    ],
)
def test_message_of_another_is_missing_and_stays_as_it_is(
    client: Client, chat: Conversation, foreign: Message, method: str, suffix: str, body: Any
) -> None:
    before = snapshot()
    arguments = {} if method == "get" else {"data": body, "content_type": "application/json"}
    call = getattr(client, method)
    answer = call(path_of(foreign) + suffix, **arguments)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    in_own_chat = f"/api/messages/{chat.conversation_id}/{foreign.message_id}{suffix}"
    assert call(in_own_chat, **arguments).status_code in {200, 204, 404}
    assert snapshot() == before


@pytest.mark.parametrize("suffix", ["", "/feedback"])
def test_change_is_refused_when_path_and_body_name_different_chats(
    client: Client, chat: Conversation, suffix: str
) -> None:
    message = make_message(chat)
    before = snapshot()
    body = {"conversationId": new_uuid(), "text": "x", "feedback": LIKED}
    answer = put(client, path_of(message) + suffix, body)
    assert (answer.status_code, answer.json()) == (400, {"error": "Conversation ID mismatch"})
    assert snapshot() == before


# -- Edits


def test_edit_replaces_the_text_and_counts_it_with_its_quotes(
    client: Client, chat: Conversation
) -> None:
    message = make_message(chat, quotes=["The moon"], token_count=7, endpoint="openAI")
    before = Message.objects.values().get()
    answer = put(client, path_of(message), {"text": "When is low tide?", "model": "gpt-4o"})
    after = Message.objects.values().get()
    tokens = estimate_tokens("The moon\nWhen is low tide?")
    assert answer.status_code == 200
    assert answer.json() == {
        "messageId": message.message_id,
        "conversationId": chat.conversation_id,
        "parentMessageId": message.parent_message_id,
        "sender": "User",
        "text": "When is low tide?",
        "isCreatedByUser": True,
        "tokenCount": tokens,
        "endpoint": "openAI",
    }
    stored = {"text": "When is low tide?", "token_count": tokens, "updated_at": after["updated_at"]}
    assert after == {**before, **stored}
    assert timezone.now() - after["updated_at"] < timedelta(minutes=1)


PARTS = [
    {"type": "think", "think": "Hm."},
    {"type": "text", "text": {"value": "At noon.", "annotations": [1]}, "agentId": "a"},
    {"type": "tool_call", "tool_call": {"id": "t"}},
    {"type": "text", "text": "Bye."},
]


@pytest.mark.parametrize(
    ("index", "part"),
    [
        (0, {"type": "think", "think": "At midnight, I think."}),
        (
            1,
            {
                "type": "text",
                "text": {"value": "At midnight, I think.", "annotations": [1]},
                "agentId": "a",
            },
        ),
        (3, {"type": "text", "text": "At midnight, I think."}),
    ],
)
def test_edit_replaces_one_part_and_adjusts_the_count(
    client: Client, chat: Conversation, index: int, part: Any
) -> None:
    message = make_answer(chat, content=PARTS, token_count=100)
    answer = put(client, path_of(message), {"text": "At midnight, I think.", "index": index})
    message.refresh_from_db()
    old = ["Hm.", "At noon.", "", "Bye."][index]
    change = estimate_tokens("At midnight, I think.") - estimate_tokens(old)
    assert answer.status_code == 200
    assert answer.json()["tokenCount"] == message.token_count == 100 + change
    assert message.content == [*PARTS[:index], part, *PARTS[index + 1 :]]
    assert message.text == ""


@pytest.mark.parametrize(("count", "expected"), [(None, None), (1, 0)])
def test_count_stays_sensible_when_a_part_shrinks(
    client: Client, chat: Conversation, count: int | None, expected: int | None
) -> None:
    message = make_answer(chat, content=[{"type": "text", "text": "long " * 50}], token_count=count)
    put(client, path_of(message), {"text": "", "index": 0})
    message.refresh_from_db()
    assert (message.token_count, message.content) == (expected, [{"type": "text", "text": ""}])


@pytest.mark.parametrize(
    ("index", "error"),
    [
        (-1, "Invalid index"),
        ("0", "Invalid index"),
        (True, "Invalid index"),
        (1.0, "Invalid index"),
        ([], "Invalid index"),
        (4, "Content part not found"),
        (2**53 - 1, "Content part not found"),
        (2, "Cannot update non-text content"),
    ],
)
def test_edit_is_refused_when_the_index_names_no_text(
    client: Client, chat: Conversation, index: Any, error: str
) -> None:
    message = make_answer(chat, content=PARTS)
    before = snapshot()
    answer = put(client, path_of(message), {"text": "x", "index": index})
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert snapshot() == before


def test_edit_counts_no_further_than_its_column(client: Client, chat: Conversation) -> None:
    message = make_answer(chat, content=PARTS, token_count=2**31 - 1)
    answer = put(client, path_of(message), {"text": "x" * 1000, "index": 1})
    assert (answer.status_code, answer.json()["tokenCount"]) == (200, 2**31 - 1)


def test_edit_is_refused_when_the_message_has_no_parts(client: Client, chat: Conversation) -> None:
    answer = put(client, path_of(make_message(chat)), {"text": "x", "index": 0})
    assert (answer.status_code, answer.json()) == (400, {"error": "Content part not found"})


@pytest.mark.parametrize("body", [{}, {"text": None}, {"text": 3}, {"text": ["x"]}, []])
def test_edit_is_refused_when_there_is_no_text(
    client: Client, chat: Conversation, body: Any
) -> None:
    message = make_message(chat)
    before = snapshot()
    answer = put(client, path_of(message), body)
    assert (answer.status_code, answer.json()) == (400, {"error": "text must be a string"})
    assert snapshot() == before


@pytest.mark.parametrize("body", [{"text": "x"}, {"text": "x", "index": 0}])
def test_edit_finds_no_message_when_the_id_is_unknown(
    client: Client, chat: Conversation, body: Any
) -> None:
    for message_id in (new_uuid(), "%F0%9F", "a" * 5000):
        answer = put(client, f"/api/messages/{chat.conversation_id}/{message_id}", body)
        assert (answer.status_code, answer.json()) == (404, NO_MESSAGE)


# -- Deletion


def test_deletion_removes_one_message_and_leaves_its_children(
    client: Client, chat: Conversation
) -> None:
    root = make_message(chat)
    child = make_answer(chat, parent_message_id=root.message_id)
    for _ in range(2):
        answer = client.delete(path_of(root))
        assert (answer.status_code, answer.content) == (204, b"")
    assert list(Message.objects.all()) == [child]


# -- Feedback


@pytest.mark.parametrize(
    "feedback",
    [
        LIKED,
        {"rating": "thumbsDown", "tag": "other", "text": "é" * 1024},
        {"rating": "thumbsDown", "tag": "not_helpful", "text": ""},
    ],
)
def test_feedback_is_stored_and_cleared(client: Client, chat: Conversation, feedback: Any) -> None:
    message = make_answer(chat)
    path = path_of(message) + "/feedback"
    names = {"messageId": message.message_id, "conversationId": chat.conversation_id}
    answer = put(client, path, {"feedback": feedback})
    assert (answer.status_code, answer.json()) == (200, {**names, "feedback": feedback})
    assert client.get(path_of(message)).json()[0]["feedback"] == feedback
    bodies: list[Any] = [{"feedback": None}, {"feedback": {}}, {}]
    for nothing in bodies:
        put(client, path, {"feedback": feedback})
        answer = put(client, path, nothing)
        assert (answer.status_code, answer.json()) == (200, {**names, "feedback": None})
        assert Message.objects.filter(feedback__isnull=True).count() == 1


@pytest.mark.parametrize(
    "feedback",
    [
        "thumbsUp",
        [1],
        {"rating": "thumbsUp"},
        {"tag": "other"},
        {"rating": "thumbsUp", "tag": "other"},
        {"rating": "thumbsDown", "tag": "accurate_reliable"},
        {"rating": "meh", "tag": "other"},
        {"rating": ["thumbsUp"], "tag": "other"},
        {"rating": "thumbsDown", "tag": {"key": "other"}},
        {"rating": "thumbsDown", "tag": "other", "text": "x" * 1025},
        {"rating": "thumbsDown", "tag": "other", "text": 3},
        {"rating": "thumbsDown", "tag": "other", "more": "x"},
    ],
)
def test_feedback_is_refused_when_its_members_do_not_fit(
    client: Client, chat: Conversation, feedback: Any
) -> None:
    message = make_answer(chat, feedback=LIKED)
    before = snapshot()
    answer = put(client, path_of(message) + "/feedback", {"feedback": feedback})
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid feedback"})
    assert snapshot() == before


def test_feedback_finds_no_message_when_the_id_is_unknown(
    client: Client, chat: Conversation
) -> None:
    path = f"/api/messages/{chat.conversation_id}/{new_uuid()}/feedback"
    answer = put(client, path, {"feedback": LIKED})
    assert (answer.status_code, answer.json()) == (404, NO_MESSAGE)
