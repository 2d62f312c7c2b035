"""Going on with what a shared link shows (contract 03 §9.10)."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from conversations.models import Conversation, Message, SharedLink
from librechat_backend.lib.ids import NO_PARENT
from librechat_backend.lib.times import to_iso
from tests.conftest import ClientFor
from tests.conversations.factories import MOMENT
from tests.conversations.shares.share_api import PRIVATE, delete_messages, go_on


def test_reader_gets_a_copy_of_what_is_shown(
    bob: User, client_for: ClientFor, chat: Conversation, public: SharedLink
) -> None:
    answer = go_on(client_for(bob), public)
    assert answer.status_code == 201
    body = answer.json()
    copy = Conversation.objects.get(user=bob)
    assert body["conversation"]["conversationId"] == copy.conversation_id
    assert (copy.title, copy.endpoint, copy.tags) == ("Tide tables", "Demo", [])
    assert copy.model
    assert [m["_id"] for m in body["messages"]] == body["conversation"]["messages"]
    question, first, second = Message.objects.filter(user=bob).order_by("created_at")
    assert question.parent_message_id == NO_PARENT
    assert {first.parent_message_id, second.parent_message_id} == {question.message_id}
    assert question.files == [{"filename": "tides.png", "width": 40}]
    rows = [
        *Conversation.objects.filter(user=bob).values(),
        *Message.objects.filter(user=bob).values(),
    ]
    assert PRIVATE not in json.dumps(rows, default=str)
    originals = {message.message_id for message in chat.messages.all()}
    assert not originals & {question.message_id, first.message_id}
    found = client_for(bob).get("/api/messages?search=tide").json()["messages"]
    assert [m["messageId"] for m in found] == [question.message_id]


def test_copy_is_of_the_way_to_one_message_when_the_revision_is_known(
    bob: User, client_for: ClientFor, public: SharedLink
) -> None:
    revision = to_iso(public.updated_at)
    answer = go_on(client_for(bob), public, {"targetMessageIndex": 1, "shareRevision": revision})
    assert [m["text"] or m["content"][0]["text"] for m in answer.json()["messages"]] == [
        "When is high tide?",
        "At noon.",
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"targetMessageIndex": 1},
        {"targetMessageIndex": 99, "shareRevision": to_iso(MOMENT)},
        {"targetMessageIndex": -1, "shareRevision": to_iso(MOMENT)},
        {"targetMessageIndex": 10**30, "shareRevision": to_iso(MOMENT)},
        {"targetMessageIndex": True, "shareRevision": to_iso(MOMENT)},
        {"targetMessageIndex": "1", "shareRevision": to_iso(MOMENT)},
        {"shareRevision": None},
    ],
)
def test_copy_is_of_everything_when_the_place_means_nothing(
    bob: User, client_for: ClientFor, public: SharedLink, body: Any
) -> None:
    answer = go_on(client_for(bob), public, body)
    if answer.status_code == 400:  # the number is too large for the door
        assert body["targetMessageIndex"] == 10**30
        return
    assert len(answer.json()["messages"]) == 3


@pytest.mark.parametrize("revision", ["2025-01-01T00:00:00.000Z", "", 7, [], {"x": 1}])
def test_copy_is_refused_when_the_link_was_updated(
    bob: User, client_for: ClientFor, public: SharedLink, revision: Any
) -> None:
    answer = go_on(client_for(bob), public, {"shareRevision": revision})
    assert (answer.status_code, answer.json()) == (409, {"message": "Shared link was updated"})
    assert not Conversation.objects.filter(user=bob).exists()


def test_nothing_is_copied_when_nothing_is_shown(
    bob: User, client_for: ClientFor, public: SharedLink
) -> None:
    delete_messages(*Message.objects.all())
    answer = go_on(client_for(bob), public)
    assert (answer.status_code, answer.json()) == (
        404,
        {"message": "Shared conversation not found"},
    )
    assert not Conversation.objects.filter(user=bob).exists()


def test_copies_are_limited_apart_from_forks(
    bob: User, client_for: ClientFor, public: SharedLink, settings: Settings
) -> None:
    settings.FORK_USER_MAX = 1
    client = client_for(bob)
    assert go_on(client, public).status_code == 201
    answer = go_on(client, public)
    assert (answer.status_code, answer.json()) == (
        429,
        {"message": "Too many requests. Try again later"},
    )
    own = Conversation.objects.get(user=bob).conversation_id
    answer = client.post(
        "/api/convos/duplicate", {"conversationId": own}, content_type="application/json"
    )
    assert answer.status_code == 201
