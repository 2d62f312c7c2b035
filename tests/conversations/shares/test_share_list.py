"""The lists of what is shared (contract 03 §9.3, §9.4): links, and chats that have one."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from conversations.models import Conversation
from tests.conversations.factories import MOMENT, make_conversation, make_shared_link
from tests.conversations.shares.share_api import listed, refusal


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["c", "b", "a"]),
        ("sortBy=nonsense", ["c", "b", "a"]),
        ("sortDirection=asc", ["a", "b", "c"]),
        ("sortBy=title&sortDirection=asc", ["a", "b", "c"]),
        ("sortBy=title", ["c", "b", "a"]),
        ("pageSize=1", ["c"]),
        ("pageSize=0", ["c"]),
        ("pageSize=x", ["c", "b", "a"]),
        ("pageSize=" + "9" * 5000, ["c", "b", "a"]),
        ("search=B", ["b"]),
        ("search=chat", ["c", "b", "a"]),
        ("search=%25", []),
        ("search=%00b", ["b"]),
        ("search=%20", ["c", "b", "a"]),
    ],
)
def test_list_follows_order_and_search(
    client: Client, alice: User, query: str, titles: list[str]
) -> None:
    for i, title in enumerate("abc"):
        chat = make_conversation(alice, title="A chat")
        make_shared_link(chat, title=title, created_at=MOMENT + timedelta(seconds=i))
    make_shared_link(chat, title="over", expired_at=timezone.now())
    assert listed(client, query) == titles


@pytest.mark.parametrize("sort", ["title", "createdAt"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_follow_each_other(client: Client, alice: User, sort: str, direction: str) -> None:
    for i in range(5):
        make_shared_link(make_conversation(alice), title=f"t{i // 2}")
    query = {"sortBy": sort, "sortDirection": direction}
    whole = client.get("/api/share", query).json()
    assert (whole["nextCursor"], whole["hasNextPage"]) == (None, False)
    pages: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get("/api/share", {**query, "pageSize": "2", "cursor": cursor}).json()
        pages += page["links"]
        cursor = page["nextCursor"]
        assert page["hasNextPage"] is (cursor is not None)
    assert len(pages) == 5
    assert pages == whole["links"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"search": "x" * 257}, "search must be 256 characters or fewer"),
        ({"cursor": "nonsense"}, "cursor is not valid for this sort"),
        ({"cursor": "e30="}, "cursor is not valid for this sort"),
        ({"cursor": "x" * 7000}, "cursor is not valid for this sort"),
    ],
)
def test_list_is_refused_when_the_query_is_wrong(client: Client, query: Any, text: str) -> None:
    assert refusal(client.get("/api/share", query)) == (400, {"message": text})


@pytest.mark.parametrize("size", [1, 25])
def test_list_takes_two_queries_however_long_it_is(
    client: Client, alice: User, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(size):
        make_shared_link(make_conversation(alice))
    with django_assert_num_queries(2):  # the caller, the links
        assert len(listed(client, "pageSize=100")) == size


def test_chat_that_is_not_shared_says_so(client: Client, chat: Conversation, bob: User) -> None:
    make_shared_link(chat, expired_at=timezone.now())
    theirs = make_shared_link(make_conversation(bob)).conversation
    for id_ in (chat.conversation_id, theirs.conversation_id, "nonsense"):
        answer = client.get(f"/api/share/link/{id_}")
        assert refusal(answer) == (
            200,
            {"success": False, "shareId": None, "conversationId": id_},
        )


def test_latest_of_several_links_is_shown(client: Client, chat: Conversation) -> None:
    newer = make_shared_link(chat, updated_at=MOMENT + timedelta(hours=1))
    make_shared_link(chat, target_message_id="x")
    body = client.get(f"/api/share/link/{chat.conversation_id}").json()
    assert body["shareId"] == newer.share_id


def test_list_of_chats_marks_what_is_shared(
    client: Client, chat: Conversation, alice: User, settings: Settings
) -> None:
    make_shared_link(make_conversation(alice, title="over"), expired_at=timezone.now())
    make_shared_link(chat)
    rows = client.get("/api/convos").json()["conversations"]
    assert {row["title"]: row["isShared"] for row in rows} == {"Tide tables": True, "over": False}
    settings.ALLOW_SHARED_LINKS = False
    rows = client.get("/api/convos").json()["conversations"]
    assert all("isShared" not in row for row in rows)
