"""/api/convos/fork and /duplicate (contract 03 §3)."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.services import batches
from conversations.services.copies import duplicate_conversation, fork_conversation, fork_option
from conversations.services.retention import Purge, purge_expired
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from tests.conftest import ClientFor
from tests.conversations.factories import MOMENT, make_conversation, make_message

NOT_FOUND = {"error": "Conversation not found"}

# a ─ b ─ d ─ f      The oldest first; two roots.
#   └ c ─ e
# r ─ s
TREE = {"a": "", "r": "", "b": "a", "c": "a", "s": "r", "d": "b", "e": "c", "f": "d"}


@pytest.fixture
def chat(alice: User) -> Conversation:
    return grown(alice, TREE)


def grown(user: User, tree: Mapping[str, str], **fields: Any) -> Conversation:
    """A conversation with a message of each name, under the parent it names."""
    chat = make_conversation(user, **fields)
    for second, (name, parent) in enumerate(tree.items()):
        make_message(
            chat,
            message_id=id_of(chat, name),
            parent_message_id=id_of(chat, parent) if parent else NO_PARENT,
            text=name,
            created_at=MOMENT + timedelta(seconds=second),
        )
    return chat


def id_of(chat: Conversation, name: str) -> str:
    return f"{chat.pk}-{name}"


def shape(messages: list[dict[str, Any]]) -> dict[str, str]:
    """The text of each message → that of its parent."""
    texts = {message["messageId"]: message["text"] for message in messages}
    return {m["text"]: texts.get(m["parentMessageId"], "") for m in messages}


def fork(client: Client, chat: Conversation, target: str, **body: Any) -> Any:
    ids = {"conversationId": chat.conversation_id, "messageId": id_of(chat, target)}
    return client.post("/api/convos/fork", {**ids, **body}, content_type="application/json")


def duplicate(client: Client, conversation_id: str, **body: Any) -> Any:
    body = {"conversationId": conversation_id, **body}
    return client.post("/api/convos/duplicate", body, content_type="application/json")


@pytest.mark.parametrize(
    ("option", "target", "taken"),
    [
        ("directPath", "d", "abd"),
        ("directPath", "r", "r"),
        ("includeBranches", "d", "abcd"),
        ("includeBranches", "f", "abcdf"),
        ("includeBranches", "a", "a"),
        ("targetLevel", "b", "abcrs"),
        ("targetLevel", "a", "ar"),
        ("targetLevel", "d", "abcders"),
        ("default", "b", "abcrs"),
        ("", "b", "abcrs"),
        (None, "b", "abcrs"),
        (["directPath"], "b", "abcrs"),
    ],
)
def test_fork_takes_the_messages_of_its_option(
    client: Client, chat: Conversation, option: Any, target: str, taken: str
) -> None:
    answer = fork(client, chat, target, option=option)
    assert answer.status_code == 200
    expected = {name: parent for name, parent in TREE.items() if name in taken}
    assert shape(answer.json()["messages"]) == expected


@pytest.mark.parametrize(
    ("option", "target", "latest", "taken"),
    [
        ("directPath", "b", "f", {"b": "", "d": "b", "f": "d"}),
        ("directPath", "d", "e", {"e": ""}),
        ("includeBranches", "b", "d", {"b": "", "d": "b"}),
        ("targetLevel", "b", "d", {"b": "", "c": "", "s": "", "d": "b", "e": "c"}),
    ],
)
def test_fork_begins_at_its_target_when_it_is_split_there(
    client: Client,
    chat: Conversation,
    option: str,
    target: str,
    latest: str,
    taken: dict[str, str],
) -> None:
    latest_id = id_of(chat, latest)
    answer = fork(
        client, chat, target, option=option, splitAtTarget=True, latestMessageId=latest_id
    )
    assert shape(answer.json()["messages"]) == taken


def test_copy_has_everything_of_its_source_but_ids_and_times(client: Client, alice: User) -> None:
    chat = make_conversation(
        alice, tags=["sea"], settings={"temperature": 0.4}, is_pinned=True, is_archived=True
    )
    make_message(chat, unfinished=True, error=True, quotes=["q"], feedback={"rating": "thumbsUp"})
    answer = duplicate(client, chat.conversation_id)
    assert answer.status_code == 201
    copy, messages = answer.json()["conversation"], answer.json()["messages"]
    original = client.get(f"/api/convos/{chat.conversation_id}").json()
    changed = {"_id", "conversationId", "createdAt", "updatedAt", "messages"}
    assert {name for name, value in copy.items() if value != original[name]} == changed
    assert copy["createdAt"] == copy["updatedAt"]
    assert copy["messages"] == [message["_id"] for message in messages]
    stored = client.get(f"/api/messages/{chat.conversation_id}").json()[0]
    assert messages[0] == {
        **stored,
        "_id": copy["messages"][0],
        "user": alice.pk,
        "messageId": messages[0]["messageId"],
        "conversationId": copy["conversationId"],
        "unfinished": False,
        "error": False,
    }
    assert messages[0]["messageId"] != stored["messageId"]


@pytest.mark.parametrize(
    ("title", "expected"), [("", "Tide tables"), (" Ebb ", "Ebb"), (7, "Tide tables")]
)
def test_duplicate_has_the_title_asked_for_or_that_of_its_source(
    client: Client, chat: Conversation, title: Any, expected: str
) -> None:
    copy = duplicate(client, chat.conversation_id, title=title).json()
    assert copy["conversation"]["title"] == expected
    assert shape(copy["messages"]) == TREE


def test_copied_answer_is_younger_than_its_question(client: Client, alice: User) -> None:
    chat = make_conversation(alice)
    question = make_message(chat, text="q")
    make_message(chat, text="a", parent_message_id=question.message_id)
    messages = duplicate(client, chat.conversation_id).json()["messages"]
    assert [(m["text"], m["createdAt"]) for m in messages] == [
        ("q", "2025-03-04T05:06:07.890Z"),
        ("a", "2025-03-04T05:06:07.891Z"),
    ]


@examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parents=st.lists(st.integers(0, 20), min_size=1, max_size=20), data=st.data())
def test_duplicate_keeps_every_branch_of_any_tree(
    alice: User, parents: list[int], data: st.DataObject
) -> None:
    """The parent of a message is one of those before it, or none."""
    tree = {str(i): str(parent) if parent < i else "" for i, parent in enumerate(parents)}
    chat = grown(alice, tree)
    copy = duplicate_conversation(user=alice, conversation_id=chat.conversation_id)
    rows = list(Message.objects.of_conversation(alice, copy).rows())
    texts = {row["message_id"]: row["text"] for row in rows}
    assert {row["text"]: texts.get(row["parent_message_id"], "") for row in rows} == tree
    created = {row["message_id"]: row["created_at"] for row in rows}
    for row in rows:
        if row["parent_message_id"] in created:
            assert created[row["parent_message_id"]] < row["created_at"]


@examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parents=st.lists(st.integers(0, 12), min_size=1, max_size=12),
    target=st.integers(0, 11),
    option=st.sampled_from(["directPath", "includeBranches", "targetLevel", "", "default"]),
)
def test_fork_takes_of_any_tree_what_its_option_means(
    alice: User, parents: list[int], target: int, option: str
) -> None:
    tree = {str(i): str(parent) if parent < i else "" for i, parent in enumerate(parents)}
    name = str(target % len(tree))
    chat = grown(alice, tree)
    copy = fork_conversation(
        user=alice,
        conversation_id=chat.conversation_id,
        message_id=id_of(chat, name),
        option=fork_option(option),
    )
    rows = list(Message.objects.of_conversation(alice, copy).rows())
    texts = {row["message_id"]: row["text"] for row in rows}
    found = {row["text"]: texts.get(row["parent_message_id"], "") for row in rows}
    assert found == {each: tree[each] for each in tree if each in meant(tree, name, option)}


def meant(tree: Mapping[str, str], target: str, option: str) -> set[str]:
    """Slowly, in the words of the contract."""
    path = {target, *ancestors(tree, target)}
    if option == "directPath":
        return path
    if option == "includeBranches":
        above = path - {target}
        return path | {name for name, parent in tree.items() if parent in above}
    depth = len(ancestors(tree, target))
    return {name for name in tree if len(ancestors(tree, name)) <= depth}


def ancestors(tree: Mapping[str, str], name: str) -> list[str]:
    return [tree[name], *ancestors(tree, tree[name])] if tree[name] else []


def test_duplicate_keeps_every_message_when_parents_go_in_a_circle(
    client: Client, alice: User
) -> None:
    chat = grown(alice, {"a": "b", "b": "a", "c": "c", "d": "nowhere"})
    messages = duplicate(client, chat.conversation_id).json()["messages"]
    assert shape(messages) == {"a": "", "b": "a", "c": "", "d": ""}


def test_duplicate_copies_a_chain_of_ten_thousand(client: Client, alice: User) -> None:
    chat = make_conversation(alice)
    ids = [new_uuid() for _ in range(10_000)]
    Message.objects.bulk_create(
        Message(
            conversation=chat, user=alice, message_id=id_, parent_message_id=parent, text="x",
            created_at=MOMENT, updated_at=MOMENT,
        )
        for id_, parent in zip(ids, [NO_PARENT, *ids], strict=False)
    )  # fmt: skip
    assert len(duplicate(client, chat.conversation_id).json()["messages"]) == 10_000


@pytest.mark.parametrize("size", [1, 30])
def test_duplicate_takes_the_same_queries_however_long_the_chat_is(
    client: Client, alice: User, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    chat = grown(alice, {str(i): "" for i in range(size)})
    # The caller; source, messages, two inserts; the index's three; the answer's three; a savepoint.
    with django_assert_num_queries(13):
        assert duplicate(client, chat.conversation_id).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_others_write_between_the_batches_of_a_long_copy(
    client: Client, alice: User, bob: User, chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen from another connection, where nothing of an open transaction would be."""
    seen: list[tuple[int, int]] = []

    def write_as_another(_seconds: float) -> None:
        with ThreadPoolExecutor(1) as others:
            seen.append(others.submit(written).result())

    def written() -> tuple[int, int]:
        try:
            make_message(make_conversation(bob))
            of_alice = Conversation.objects.owned_by(alice)
            return of_alice.listed().count(), Message.objects.owned_by(alice).count()
        finally:
            connection.close()

    monkeypatch.setattr(batches, "BATCH", 3)
    monkeypatch.setattr(batches, "give_way", write_as_another)
    assert shape(duplicate(client, chat.conversation_id).json()["messages"]) == TREE
    assert seen == [(1, len(TREE) + 3), (1, len(TREE) + 6), (2, 2 * len(TREE))]


def test_half_a_copy_is_seen_by_nobody_and_purged(
    client: Client, alice: User, chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batches, "BATCH", 3)
    monkeypatch.setattr(batches, "give_way", die)
    with pytest.raises(KeyboardInterrupt):
        duplicate_conversation(user=alice, conversation_id=chat.conversation_id)
    assert Message.objects.count() == len(TREE) + 3
    listed = client.get("/api/convos").json()["conversations"]
    assert [each["conversationId"] for each in listed] == [chat.conversation_id]

    Conversation.objects.update(expired_at=F("expired_at") - batches.UNFINISHED_KEPT)
    assert purge_expired() == Purge(conversation_count=1, message_count=3)
    assert Conversation.objects.get() == chat


@pytest.mark.django_db(transaction=True)
def test_long_copy_is_refused_when_it_is_deleted_before_it_is_whole(
    client: Client, alice: User, chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(_seconds: float) -> None:
        Conversation.objects.filter(is_temporary=True).delete()

    monkeypatch.setattr(batches, "BATCH", len(TREE) - 1)
    monkeypatch.setattr(batches, "give_way", delete)
    answer = duplicate(client, chat.conversation_id)
    assert answer.status_code == 409
    assert answer.json() == {"error": "The conversation was changed meanwhile. Try again."}
    assert Message.objects.count() == len(TREE)


@pytest.mark.parametrize("is_temporary", [False, True])
def test_long_copy_lasts_as_long_as_its_source(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch, is_temporary: bool
) -> None:
    monkeypatch.setattr(batches, "BATCH", 3)
    end = timezone.now() + timedelta(hours=5)
    chat = grown(alice, TREE, is_temporary=is_temporary, expired_at=end)
    copy = duplicate(client, chat.conversation_id).json()["conversation"]["conversationId"]
    stored = Conversation.objects.get(conversation_id=copy)
    assert (stored.is_temporary, stored.expired_at) == (is_temporary, end)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"conversationId": ""}, 400, "conversationId is required"),
        ({"conversationId": ["x"]}, 400, "conversationId is required"),
        ({"messageId": None}, 400, "messageId is required"),
        ({"messageId": "unknown"}, 404, "Message not found"),
        ({"conversationId": "unknown"}, 404, "Conversation not found"),
        ({"splitAtTarget": True}, 400, "latestMessageId is required"),
        ({"splitAtTarget": True, "latestMessageId": "unknown"}, 404, "Message not found"),
    ],
)
def test_fork_is_refused_when_it_names_nothing_to_copy(
    client: Client, chat: Conversation, body: Any, status: int, error: str
) -> None:
    answer = fork(client, chat, "a", **body)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert Conversation.objects.count() == 1
    assert Message.objects.count() == len(TREE)


def test_nothing_is_copied_when_the_chat_is_of_another(
    chat: Conversation, bob: User, client_for: ClientFor, stranger: Client
) -> None:
    of_bob = client_for(bob)
    for answer in [fork(of_bob, chat, "a"), duplicate(of_bob, chat.conversation_id)]:
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert fork(stranger, chat, "a").status_code == 401
    assert duplicate(stranger, chat.conversation_id).status_code == 401
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize(("name", "blocks_bob"), [("FORK_USER_MAX", False), ("FORK_IP_MAX", True)])
def test_copies_are_refused_when_there_were_too_many(
    alice: User, bob: User, client_for: ClientFor, settings: Any, name: str, blocks_bob: bool
) -> None:
    setattr(settings, name, 2)
    chats = {user: grown(user, {"a": ""}) for user in (alice, bob)}
    client = client_for(alice)
    for answer in [
        fork(client, chats[alice], "a"),
        duplicate(client, chats[alice].conversation_id),
    ]:
        assert answer.status_code < 300
    for answer in [
        fork(client, chats[alice], "a"),
        duplicate(client, chats[alice].conversation_id),
    ]:
        assert answer.status_code == 429
        assert answer.json() == {"message": "Too many requests. Try again later"}
    assert Conversation.objects.owned_by(alice).count() == 3
    answer = duplicate(client_for(bob), chats[bob].conversation_id)
    assert (answer.status_code == 429) is blocks_bob
