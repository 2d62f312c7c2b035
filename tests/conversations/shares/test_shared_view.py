"""Opening shared links (contract 03 §9.2, §9.7): who may, and what is shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.access_roles import PUBLIC, Principal, PrincipalType
from accounts.models import Group, Membership, User
from conversations.models import Conversation, Message, SharedLink
from librechat_backend.lib.ids import NO_PARENT
from librechat_backend.lib.times import to_iso
from tests.conftest import ClientFor
from tests.conversations.factories import MOMENT, make_conversation, make_message, make_shared_link
from tests.conversations.shares.share_api import PRIVATE, allow, delete_messages, go_on, opened

NOT_FOUND = {"message": "Shared link not found"}
SIGN_IN = {"message": "Authentication required"}


def texts(client: Client, link: SharedLink) -> list[str]:
    status, body = opened(client, link)
    assert status == 200
    return [m["text"] or m["content"][0]["text"] for m in body["messages"]]


# -- Who may -------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["", "/config"])
def test_link_for_everybody_opens_without_signing_in_where_the_server_allows(
    stranger: Client, bob: User, client_for: ClientFor, public: SharedLink, settings: Settings,
    rest: str,
) -> None:  # fmt: skip
    assert opened(stranger, public, rest)[0] == 200
    settings.ALLOW_SHARED_LINKS_PUBLIC = False
    assert opened(stranger, public, rest) == (401, SIGN_IN)
    assert opened(client_for(bob), public, rest)[0] == 200
    stale = Client(headers={"authorization": "Bearer stale"})
    assert opened(stale, public, rest) == (401, SIGN_IN)


@pytest.mark.parametrize("rest", ["", "/config"])
def test_link_opens_for_those_it_is_shared_with_alone(
    stranger: Client, alice: User, bob: User, charlie: User, client_for: ClientFor,
    link: SharedLink, settings: Settings, rest: str,
) -> None:  # fmt: skip
    settings.ALLOW_SHARED_LINKS_PUBLIC = True
    group = Group.objects.create(name="Sailors", slug="sailors")
    Membership.objects.create(user=bob, group=group)
    assert opened(stranger, link, rest) == (401, SIGN_IN)
    assert opened(client_for(bob), link, rest)[0] == 403
    allow(link, Principal(PrincipalType.GROUP, group.object_id))
    assert opened(client_for(alice), link, rest)[0] == 200
    assert opened(client_for(bob), link, rest)[0] == 200
    assert opened(client_for(charlie), link, rest)[0] == 403


@pytest.mark.parametrize("rest", ["", "/config", "/fork"])
@pytest.mark.parametrize("why", ["unknown", "over", "chat over", "owner gone", "switched off"])
def test_link_is_not_found_when_there_is_nothing_to_open(
    alice: User, bob: User, client_for: ClientFor, public: SharedLink, settings: Settings,
    rest: str, why: str,
) -> None:  # fmt: skip
    past, expected = timezone.now() - timedelta(seconds=1), NOT_FOUND
    match why:
        case "unknown":
            public.share_id = "x" * 21
        case "over":
            SharedLink.objects.update(expired_at=past)
        case "chat over":
            Conversation.objects.update(expired_at=past)
        case "owner gone":
            User.objects.filter(pk=alice.pk).update(is_active=False)
        case _:
            settings.ALLOW_SHARED_LINKS = False
            expected = {"message": "Endpoint not found"}
    client = client_for(bob)
    answer = (
        go_on(client, public)
        if rest == "/fork"
        else client.get(f"/api/share/{public.share_id}{rest}")
    )
    assert (answer.status_code, answer.json()) == (404, expected)
    assert Conversation.objects.count() == 1


# -- What is shown -------------------------------------------------------------------------


def test_view_shows_what_it_may_and_nothing_else(stranger: Client, public: SharedLink) -> None:
    response = stranger.get(f"/api/share/{public.share_id}")
    assert response["cache-control"] == "private, no-store"
    body = response.json()
    question, answer, other = body["messages"]
    agent_id = answer["content"][0]["agentId"]
    assert body == {
        "shareId": public.share_id,
        "title": "Tide tables",
        "conversationId": body["conversationId"],
        "createdAt": to_iso(MOMENT),
        "updatedAt": to_iso(MOMENT),
        "messages": [question, answer, other],
    }
    assert question == {
        "messageId": question["messageId"],
        "parentMessageId": NO_PARENT,
        "conversationId": body["conversationId"],
        "sender": "User",
        "text": "When is high tide?",
        "isCreatedByUser": True,
        "createdAt": to_iso(MOMENT),
        "updatedAt": to_iso(MOMENT),
        "unfinished": False,
        "error": False,
        "quotes": ["Ebb"],
        "files": [{"file_id": "file-1", "filename": "tides.png", "width": 40}],
    }
    assert answer == {
        "messageId": answer["messageId"],
        "parentMessageId": question["messageId"],
        "conversationId": body["conversationId"],
        "sender": "GPT-4o",
        "text": "",
        "content": [
            {"type": "text", "text": "At noon.", "agentId": answer["content"][0]["agentId"]}
        ],
        "tokenCount": 100,
        "isCreatedByUser": False,
        "createdAt": to_iso(MOMENT + timedelta(seconds=1)),
        "updatedAt": to_iso(MOMENT),
        "unfinished": False,
        "error": False,
        "attachments": [
            {
                "type": "web_search",
                "web_search": {"turn": 0},
                "messageId": question["messageId"],
                "conversationId": body["conversationId"],
                "toolCallId": "call_1",
            }
        ],
    }
    assert agent_id.endswith("___Guide")


def test_view_tells_no_secret_and_no_id_of_the_originals(
    stranger: Client, chat: Conversation, public: SharedLink, alice: User
) -> None:
    raw = stranger.get(f"/api/share/{public.share_id}").content.decode()
    originals = [*chat.messages.values_list("message_id", flat=True), chat.conversation_id]
    originals += [*chat.messages.values_list("pk", flat=True), chat.pk, public.pk, alice.pk]
    assert [text for text in [PRIVATE, alice.email, alice.name, *originals] if text in raw] == []
    assert "metadata" not in raw


def test_ids_are_the_same_each_time_and_others_in_another_link(
    stranger: Client, chat: Conversation, public: SharedLink
) -> None:
    first = opened(stranger, public)[1]
    assert opened(stranger, public)[1] == first
    other = make_shared_link(chat)
    allow(other, PUBLIC)
    second = opened(stranger, other)[1]
    ids = {m["messageId"] for m in first["messages"]} | {first["conversationId"]}
    assert not ids & ({m["messageId"] for m in second["messages"]} | {second["conversationId"]})


def test_edits_are_shown_later_messages_are_not_and_deleted_ones_vanish(
    stranger: Client, chat: Conversation, public: SharedLink
) -> None:
    question, answer, _ = chat.messages.order_by("created_at")
    make_message(chat, text="Later", created_at=MOMENT + timedelta(hours=1))
    Message.objects.filter(pk=question.pk).update(text="Edited")
    delete_messages(answer)
    assert texts(stranger, public) == ["Edited", "At one."]
    delete_messages(*chat.messages.all())
    assert texts(stranger, public) == []


def test_target_shows_its_level_and_what_is_above(
    stranger: Client, chat: Conversation, public: SharedLink
) -> None:
    question, answer, _ = chat.messages.order_by("created_at")
    deeper = make_message(
        chat, text="Sure?", parent_message_id=answer.message_id, created_at=MOMENT + timedelta(1)
    )
    ids = list(chat.messages.order_by("created_at").values_list("pk", flat=True))
    for target, count in ((question, 1), (answer, 3), (deeper, 4)):
        SharedLink.objects.update(target_message_id=target.message_id, message_ids=ids)
        assert len(texts(stranger, public)) == count


def test_nothing_is_shown_when_the_target_is_gone_or_cut_off(
    stranger: Client, chat: Conversation, public: SharedLink
) -> None:
    answer = chat.messages.order_by("created_at")[1]
    SharedLink.objects.update(target_message_id=answer.message_id)
    Message.objects.filter(pk=answer.pk).update(parent_message_id="gone")
    assert texts(stranger, public) == []
    SharedLink.objects.update(target_message_id="x")
    assert texts(stranger, public) == []


def test_files_are_shown_as_the_link_says(
    stranger: Client, chat: Conversation, public: SharedLink
) -> None:
    SharedLink.objects.update(snapshot_files=False)
    assert all(
        name not in message
        for message in opened(stranger, public)[1]["messages"]
        for name in ("files", "attachments")
    )
    SharedLink.objects.update(snapshot_files=True, file_snapshots=[{"file_id": "file-1"}])
    file = opened(stranger, public)[1]["messages"][0]["files"][0]
    address = f"/api/share/{public.share_id}/files/file-1"
    assert (file["filepath"], file["preview"]) == (address, address)


@pytest.mark.parametrize("size", [1, 50])
def test_view_takes_three_queries_however_long_the_chat_is(
    stranger: Client, alice: User, size: int, settings: Settings,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    settings.ALLOW_SHARED_LINKS_PUBLIC = True
    chat = make_conversation(alice)
    for _ in range(size):
        make_message(chat)
    link = make_shared_link(chat)
    allow(link, PUBLIC)
    with django_assert_num_queries(3):  # the link, who may open it, the messages
        assert len(texts(stranger, link)) == size


def test_page_of_a_link_is_told_name_and_footer(
    stranger: Client, public: SharedLink, settings: Settings
) -> None:
    settings.APP_TITLE, settings.CUSTOM_FOOTER = "Harbour", ""
    assert opened(stranger, public, "/config") == (200, {"appTitle": "Harbour"})
    settings.CUSTOM_FOOTER = "Acme"
    assert opened(stranger, public, "/config")[1]["customFooter"] == "Acme"


@pytest.mark.parametrize("value", [None, "x", 7, {"a": 1}, ["x", None, 7]])
def test_view_survives_content_of_any_shape(
    stranger: Client, chat: Conversation, public: SharedLink, value: Any
) -> None:
    content = value if isinstance(value, list) else [value]
    Message.objects.update(content=content, files=value or [], attachments=content)
    assert opened(stranger, public)[0] == 200
