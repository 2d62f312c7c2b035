"""/api/tags (contract 03 §5)."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Role, User
from conversations.models import Conversation, Tag
from tests.conftest import ClientFor
from tests.conversations.factories import MOMENT, make_conversation, make_tag

FORBIDDEN = {"message": "Forbidden: Insufficient permissions"}


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(f"/api/tags{path}", body or {}, content_type="application/json")


def listed(client: Client) -> dict[str, int]:
    return {tag["tag"]: tag["count"] for tag in client.get("/api/tags").json()}


def tags_of(chat: Conversation) -> list[str]:
    chat.refresh_from_db()
    return list(chat.tags)


def test_list_has_the_shape_the_client_reads(client: Client, alice: User) -> None:
    make_tag(alice, "work", position=2)
    tag = make_tag(alice, "sea", position=1, description="Salt")
    make_conversation(alice, tags=["sea"])
    make_conversation(alice, tags=["sea", "work"], is_archived=True)
    make_conversation(alice)
    first, second = client.get("/api/tags").json()
    assert first == {
        "_id": tag.pk,
        "user": alice.pk,
        "tag": "sea",
        "description": "Salt",
        "position": 1,
        "count": 2,
        "createdAt": "2025-03-04T05:06:07.890Z",
        "updatedAt": "2025-03-04T05:06:07.890Z",
    }
    assert (second["tag"], second["count"]) == ("work", 1)


def test_list_is_of_the_caller_alone(client: Client, bob: User) -> None:
    make_tag(bob, "sea")
    make_conversation(bob, tags=["sea"])
    assert client.get("/api/tags").json() == []


@pytest.mark.parametrize("size", [1, 30])
def test_list_takes_the_same_queries_however_long_it_is(
    client: Client, alice: User, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for i in range(size):
        make_tag(alice, f"t{i}")
        make_conversation(alice, tags=[f"t{i}"])
    with django_assert_num_queries(4):  # the caller, the role, the conversations, the tags
        assert len(listed(client)) == size


def test_counts_follow_what_happens_to_conversations(client: Client, alice: User) -> None:
    make_tag(alice, "sea")
    chat = make_conversation(alice, tags=["sea"])
    body = {"conversationId": chat.conversation_id}
    client.post("/api/convos/duplicate", body, content_type="application/json")
    assert listed(client) == {"sea": 2}
    client.delete("/api/convos", {"arg": body}, content_type="application/json")
    assert listed(client) == {"sea": 1}


def test_new_tag_comes_last_and_is_put_on_its_conversation(client: Client, alice: User) -> None:
    chat = make_conversation(alice, tags=["old"])
    make_tag(alice, "old", position=7)
    body = {"tag": "a/b%", "description": "d", "addToConversation": True}
    answer = send(client, "post", "", {**body, "conversationId": chat.conversation_id})
    assert answer.status_code == 200
    tag = answer.json()
    assert (tag["tag"], tag["description"], tag["position"], tag["count"]) == ("a/b%", "d", 8, 1)
    assert tags_of(chat) == ["old", "a/b%"]
    assert chat.updated_at > MOMENT


def test_known_tag_stays_as_it_is_when_made_again(client: Client, alice: User) -> None:
    make_tag(alice, "sea", description="Salt", position=3)
    chat = make_conversation(alice)
    body = {"tag": "sea", "description": "Sweet", "addToConversation": True}
    tag = send(client, "post", "", {**body, "conversationId": chat.conversation_id}).json()
    assert (tag["description"], tag["position"], tag["count"]) == ("Salt", 3, 0)
    assert tags_of(chat) == []


def test_no_tag_is_made_when_its_conversation_is_of_another(client: Client, bob: User) -> None:
    chat = make_conversation(bob)
    body = {"tag": "sea", "addToConversation": True, "conversationId": chat.conversation_id}
    assert send(client, "post", "", body).status_code == 404
    assert not Tag.objects.exists()
    assert tags_of(chat) == []


@pytest.mark.parametrize("name", ["", " ", None, 7, ["x"], "x" * 129])
def test_tag_is_refused_when_its_name_is_none(client: Client, name: Any) -> None:
    assert send(client, "post", "", {"tag": name}).status_code == 400
    assert not Tag.objects.exists()


@pytest.mark.parametrize("name", ["sea", "a/b", "100%", "50%25", "ä ö", "?#&", "..", "convo"])
def test_renaming_reaches_every_conversation(client: Client, alice: User, name: str) -> None:
    make_tag(alice, name)
    chats = [make_conversation(alice, tags=["x", name, "y"]) for _ in range(3)]
    answer = send(client, "put", f"/{quote(name, safe='')}", {"tag": "new", "description": "d"})
    assert answer.status_code == 200
    assert (answer.json()["tag"], answer.json()["count"]) == ("new", 3)
    assert [tags_of(chat) for chat in chats] == [["x", "new", "y"]] * 3


def test_renaming_is_refused_when_the_name_is_taken(client: Client, alice: User) -> None:
    make_tag(alice, "sea")
    make_tag(alice, "work")
    answer = send(client, "put", "/sea", {"tag": "work"})
    assert answer.status_code == 409
    assert listed(client) == {"sea": 0, "work": 0}


@pytest.mark.parametrize(
    ("moved", "position", "order"),
    [("a", 3, "bcad"), ("d", 1, "dabc"), ("b", 2, "abcd"), ("c", 0, "cabd")],
)
def test_moving_a_tag_keeps_the_order_of_the_others(
    client: Client, alice: User, moved: str, position: int, order: str
) -> None:
    for place, name in enumerate("abcd", start=1):
        make_tag(alice, name, position=place)
    assert send(client, "put", f"/{moved}", {"position": position}).json()["position"] == position
    assert "".join(listed(client)) == order


def test_deleting_takes_a_tag_off_and_closes_the_gap(client: Client, alice: User) -> None:
    for place, name in enumerate("abc", start=1):
        make_tag(alice, name, position=place)
    chat = make_conversation(alice, tags=["b", "c"])
    answer = send(client, "delete", "/b")
    assert (answer.status_code, answer.json()["tag"], answer.json()["count"]) == (200, "b", 1)
    assert tags_of(chat) == ["c"]
    assert [tag["position"] for tag in client.get("/api/tags").json()] == [1, 2]


def test_conversation_has_exactly_the_tags_it_is_given(client: Client, alice: User) -> None:
    make_tag(alice, "sea", position=1)
    chat = make_conversation(alice, tags=["sea"])
    body = {"tags": ["new", "work", "new"], "tag": "new"}
    answer = send(client, "put", f"/convo/{chat.conversation_id}", body)
    assert (answer.status_code, answer.json()) == (200, ["new", "work"])
    assert tags_of(chat) == ["new", "work"]
    assert chat.updated_at > MOMENT
    assert listed(client) == {"new": 1, "work": 1, "sea": 0}


@pytest.mark.parametrize("tags", [None, "sea", [""], [7], [["x"]], ["x"] * 101])
def test_tags_of_a_conversation_stay_when_the_new_ones_are_wrong(
    client: Client, alice: User, tags: Any
) -> None:
    chat = make_conversation(alice, tags=["sea"])
    answer = send(client, "put", f"/convo/{chat.conversation_id}", {"tags": tags})
    assert answer.status_code == 400
    assert tags_of(chat) == ["sea"]


def test_nothing_of_another_is_changed(alice: User, bob: User, client_for: ClientFor) -> None:
    make_tag(alice, "sea", position=1)
    chat = make_conversation(alice, tags=["sea"])
    of_bob = client_for(bob)
    assert send(of_bob, "put", "/sea", {"tag": "mine"}).json() == {"error": "Tag not found"}
    assert send(of_bob, "delete", "/sea").status_code == 404
    assert send(of_bob, "put", f"/convo/{chat.conversation_id}", {"tags": []}).status_code == 404
    make_tag(bob, "sea")
    assert send(of_bob, "delete", "/sea").status_code == 200
    assert tags_of(chat) == ["sea"]
    assert listed(client_for(alice)) == {"sea": 1}


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ""), ("post", ""), ("put", "/x"), ("delete", "/x"), ("put", "/convo/x")],
)
def test_tags_are_closed_to_strangers_and_to_roles_without_bookmarks(
    client: Client, stranger: Client, method: str, path: str
) -> None:
    Role.objects.update_or_create(
        name="USER", defaults={"permissions": {"BOOKMARKS": {"USE": False}}}
    )
    assert send(stranger, method, path).status_code == 401
    answer = send(client, method, path)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
