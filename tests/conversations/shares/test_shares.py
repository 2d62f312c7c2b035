"""/api/share: links made, brought up to date, taken back (contract 03 §9)."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AccessEntry, Role, User
from conversations.models import Conversation, Message, SharedLink
from conversations.services import links as services
from librechat_backend.lib.errors import Conflict
from librechat_backend.lib.times import to_iso
from tests.conftest import ClientFor
from tests.conversations.factories import (
    make_answer,
    make_conversation,
    make_message,
    make_shared_link,
)
from tests.conversations.shares.share_api import listed, refusal, send

FORBIDDEN = {"message": "Forbidden: Insufficient permissions"}
NOT_FOUND = {"message": "Share not found"}
NO_CHAT = {"message": "Conversation not found or access denied"}


@pytest.fixture
def chat(alice: User) -> Conversation:
    """A question and its answer, nothing that is secret."""
    chat = make_conversation(alice)
    question = make_message(chat)
    make_answer(chat, parent_message_id=question.message_id)
    return chat


def entries_of(link: SharedLink) -> list[tuple[str, int]]:
    entries = AccessEntry.objects.filter(resource_type="sharedLink", resource_id=link.pk)
    return sorted(entries.values_list("principal_type", "bits"))


# -- Making --------------------------------------------------------------------------------


def test_new_link_is_its_makers_and_everybodys(client: Client, chat: Conversation) -> None:
    answer = send(client, "post", f"/{chat.conversation_id}")
    assert answer.status_code == 200
    link = SharedLink.objects.get()
    assert answer.json() == {
        "_id": link.pk,
        "shareId": link.share_id,
        "conversationId": chat.conversation_id,
    }
    assert len(link.share_id) == 21
    assert (link.title, link.expired_at) == ("Tide tables", None)
    assert link.message_ids == list(
        chat.messages.order_by("created_at").values_list("pk", flat=True)
    )
    assert entries_of(link) == [("public", 1), ("user", 15)]
    assert client.get(f"/api/share/link/{chat.conversation_id}").json() == {
        **answer.json(),
        "success": True,
        "snapshotFiles": True,
    }


def test_link_is_its_makers_alone_when_the_role_cannot_share_with_everybody(
    client: Client, chat: Conversation
) -> None:
    off = {"SHARED_LINKS": {"SHARE_PUBLIC": False}}
    Role.objects.update_or_create(name="USER", defaults={"permissions": off})
    assert send(client, "post", f"/{chat.conversation_id}").status_code == 200
    assert entries_of(SharedLink.objects.get()) == [("user", 15)]


def test_link_to_a_message_names_it(client: Client, chat: Conversation) -> None:
    target = chat.messages.get(is_created_by_user=True)
    body = {"targetMessageId": target.message_id, "snapshotFiles": False}
    answer = send(client, "post", f"/{chat.conversation_id}", body)
    assert answer.json()["targetMessageId"] == target.message_id
    link = SharedLink.objects.get()
    assert (link.target_message_id, link.snapshot_files) == (target.message_id, False)
    assert len(link.message_ids) == 2


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"targetMessageId": ""}, "targetMessageId must be a non-empty string"),
        ({"targetMessageId": 7}, "targetMessageId must be a non-empty string"),
        ({"targetMessageId": "x"}, "Target message not found"),
        ({"targetMessageId": "x" * 100_000}, "Target message not found"),
        ({"snapshotFiles": "yes"}, "snapshotFiles must be a boolean"),
    ],
)
@pytest.mark.parametrize("method", ["post", "patch"])
def test_link_is_refused_when_its_choices_are_wrong(
    client: Client, alice: User, chat: Conversation, method: str, body: Any, text: str
) -> None:
    path = chat.conversation_id
    if method == "patch":
        path = make_shared_link(chat).share_id
    before = list(SharedLink.objects.values())
    assert refusal(send(client, method, f"/{path}", body)) == (400, {"message": text})
    assert list(SharedLink.objects.values()) == before


def test_link_is_refused_when_the_chat_is_empty_or_over(client: Client, alice: User) -> None:
    empty = make_conversation(alice)
    answer = send(client, "post", f"/{empty.conversation_id}")
    assert refusal(answer) == (400, {"message": "No messages to share"})
    over = make_conversation(alice, expired_at=timezone.now() - timedelta(seconds=1))
    make_message(over)
    assert send(client, "post", f"/{over.conversation_id}").status_code == 404
    assert not SharedLink.objects.exists()


def test_chat_is_shared_once_for_each_target(client: Client, chat: Conversation) -> None:
    first, second = chat.messages.order_by("created_at").values_list("message_id", flat=True)
    path, exists = f"/{chat.conversation_id}", (409, {"message": "Share already exists"})
    assert send(client, "post", path, {"targetMessageId": first}).status_code == 200
    assert refusal(send(client, "post", path)) == exists
    assert refusal(send(client, "post", path, {"targetMessageId": first})) == exists
    assert send(client, "post", path, {"targetMessageId": second}).status_code == 200
    SharedLink.objects.update(expired_at=timezone.now())
    assert send(client, "post", path).status_code == 200


@pytest.mark.parametrize(
    ("chat_fields", "mode", "hours", "expected"),
    [
        ({}, "temporary", 0, None),
        ({"is_temporary": True}, "temporary", 0, 720),
        ({}, "all", 0, 720),
        ({}, "temporary", 48, 48),
        ({"is_temporary": True}, "temporary", 1000, 720),
    ],
)
def test_link_ends_as_the_rules_say(
    client: Client, alice: User, settings: Settings, chat_fields: Any, mode: str, hours: int,
    expected: int | None,
) -> None:  # fmt: skip
    settings.RETENTION_MODE, settings.SHARED_LINK_RETENTION_HOURS = mode, hours
    chat = make_conversation(alice, **chat_fields)
    make_message(chat)
    send(client, "post", f"/{chat.conversation_id}")
    link = SharedLink.objects.get()
    ends = None if expected is None else link.created_at + timedelta(hours=expected)
    assert link.expired_at == ends


def test_link_is_refused_when_the_role_or_the_server_has_none(
    client: Client, chat: Conversation, settings: Settings
) -> None:
    link = make_shared_link(chat)
    settings.ALLOW_SHARED_LINKS = False
    for method, path in (("post", chat.conversation_id), ("patch", link.share_id)):
        assert send(client, method, f"/{path}").status_code == 403
    settings.ALLOW_SHARED_LINKS = True
    Role.objects.update_or_create(
        name="USER", defaults={"permissions": {"SHARED_LINKS": {"CREATE": False}}}
    )
    for method, path in (("post", chat.conversation_id), ("patch", link.share_id)):
        assert refusal(send(client, method, f"/{path}")) == (403, FORBIDDEN)
    assert send(client, "delete", f"/{link.share_id}").status_code == 200  # taking back is free


@pytest.mark.django_db(transaction=True)
def test_one_of_two_who_share_at_once_wins(client: Client, chat: Conversation) -> None:
    """The second waits for the row of the conversation, and then finds the first's link."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def share(_: int) -> int:
        try:
            user = User.objects.get(pk=chat.user_id)
            services.create_link(user=user, conversation_id=chat.conversation_id)
        except Conflict:
            return 409
        finally:
            connections.close_all()
        return 200

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(share, range(4))) == [200, 409, 409, 409]
    assert SharedLink.objects.count() == 1


# -- Bringing up to date -------------------------------------------------------------------


def test_update_shows_what_came_since_and_keeps_id_and_title(
    client: Client, chat: Conversation
) -> None:
    link = make_shared_link(chat, message_ids=[])
    Conversation.objects.update(title="Renamed")
    answer = send(client, "patch", f"/{link.share_id}", {"snapshotFiles": False})
    assert refusal(answer) == (
        200,
        {"_id": link.pk, "shareId": link.share_id, "conversationId": chat.conversation_id},
    )
    link.refresh_from_db()
    assert (len(link.message_ids), link.title, link.snapshot_files) == (2, "Tide tables", False)
    assert send(client, "patch", f"/{link.share_id}").status_code == 200
    link.refresh_from_db()
    assert link.snapshot_files is False


def test_two_updates_within_a_millisecond_are_two_revisions(
    client: Client, chat: Conversation
) -> None:
    future = timezone.now() + timedelta(hours=1)
    link = make_shared_link(chat, updated_at=future)
    send(client, "patch", f"/{link.share_id}")
    link.refresh_from_db()
    assert to_iso(link.updated_at) > to_iso(future)  # type: ignore[operator]


def test_update_moves_a_target_on_to_the_end_of_its_branch(
    client: Client, chat: Conversation
) -> None:
    question, answer = chat.messages.order_by("created_at")
    link = make_shared_link(chat, target_message_id=question.message_id)
    body = send(client, "patch", f"/{link.share_id}").json()
    assert body["targetMessageId"] == answer.message_id
    chosen = {"targetMessageId": question.message_id}
    assert send(client, "patch", f"/{link.share_id}", chosen).json()["targetMessageId"] == (
        question.message_id
    )


# -- Taking back ---------------------------------------------------------------------------


def test_link_that_is_taken_back_is_gone(client: Client, chat: Conversation) -> None:
    send(client, "post", f"/{chat.conversation_id}")
    link = SharedLink.objects.get()
    assert client.get(f"/api/share/{link.share_id}").status_code == 200
    assert refusal(send(client, "delete", f"/{link.share_id}")) == (
        200,
        {
            "_id": link.pk,
            "success": True,
            "shareId": link.share_id,
            "message": "Share deleted successfully",
        },
    )
    assert not AccessEntry.objects.exists()
    assert client.get(f"/api/share/{link.share_id}").status_code == 404
    assert refusal(send(client, "delete", f"/{link.share_id}")) == (404, NOT_FOUND)


@pytest.mark.parametrize("how", ["one", "all", "purge"])
def test_link_goes_with_its_chat(client: Client, chat: Conversation, how: str) -> None:
    send(client, "post", f"/{chat.conversation_id}")
    if how == "one":
        body = {"arg": {"conversationId": chat.conversation_id, "source": "button"}}
        client.delete("/api/convos", body, content_type="application/json")
    elif how == "all":
        client.delete("/api/convos/all")
    else:
        Conversation.objects.update(expired_at=timezone.now())
        call_command("apply_retention", stdout=None)
    assert (SharedLink.objects.count(), AccessEntry.objects.count()) == (0, 0)


def test_link_whose_time_is_over_is_removed(chat: Conversation) -> None:
    kept = make_shared_link(chat)
    make_shared_link(chat, expired_at=timezone.now())
    call_command("apply_retention", stdout=None)
    assert list(SharedLink.objects.all()) == [kept]


# -- Others --------------------------------------------------------------------------------


def test_nothing_of_another_is_seen_or_changed(
    chat: Conversation, bob: User, client_for: ClientFor
) -> None:
    link = make_shared_link(chat)
    of_bob = client_for(bob)
    before = list(SharedLink.objects.values()), list(AccessEntry.objects.values())
    assert listed(of_bob) == []
    assert refusal(send(of_bob, "post", f"/{chat.conversation_id}")) == (404, NO_CHAT)
    for method in ("patch", "delete"):
        assert refusal(send(of_bob, method, f"/{link.share_id}")) == (404, NOT_FOUND)
    assert (list(SharedLink.objects.values()), list(AccessEntry.objects.values())) == before
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""), ("get", "/link/x"), ("post", "/x"), ("patch", "/x"), ("delete", "/x"),
        ("post", "/x/fork"),
    ],
)  # fmt: skip
def test_links_are_closed_to_strangers(stranger: Client, db: None, method: str, path: str) -> None:
    assert send(stranger, method, path).status_code == 401
