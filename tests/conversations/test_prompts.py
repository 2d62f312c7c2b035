"""/api/prompts (contract 03 §13): prompts made, read and listed."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access_roles import OWNER_BITS
from accounts.models import AccessEntry, User
from conversations.models import Prompt, PromptGroup
from tests.conversations.factories import MOMENT, make_prompt
from tests.conversations.prompt_library import NEW, allow, names, send


def test_new_prompt_is_in_use_and_its_authors(client: Client, alice: User) -> None:
    group = {
        "name": "Hello", "category": "write", "oneliner": "Greets", "command": "hello",
        "author": "mine", "numberOfGenerations": 7,
    }  # fmt: skip
    answer = send(client, "post", "", {**NEW, "group": group})
    assert answer.status_code == 200
    stored, version = PromptGroup.objects.get(), Prompt.objects.get()
    prompt, made = answer.json()["prompt"], answer.json()["group"]
    assert prompt == {
        "_id": version.pk,
        "groupId": stored.pk,
        "author": alice.pk,
        "prompt": "Say hello",
        "type": "text",
        "labels": [],
        "createdAt": prompt["createdAt"],
        "updatedAt": prompt["createdAt"],
    }
    assert made == {
        "_id": stored.pk,
        "name": "Hello",
        "oneliner": "Greets",
        "category": "write",
        "command": "hello",
        "productionId": version.pk,
        "productionPrompt": {"prompt": "Say hello"},
        "author": alice.pk,
        "authorName": "Alice",
        "numberOfGenerations": 0,
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
    }
    [entry] = AccessEntry.objects.all()
    assert (entry.resource_id, entry.user, entry.bits) == (stored.pk, alice, OWNER_BITS)
    listed = {**made, "productionPrompt": {"_id": version.pk, "prompt": "Say hello"}}
    assert client.get("/api/prompts/all").json() == [listed]
    assert client.get("/api/prompts/random?limit=1&skip=0").json() == {"prompts": [listed]}
    assert client.get("/api/prompts/groups?limit=10").json() == {
        "promptGroups": [listed],
        "pageNumber": "1",
        "pageSize": "10",
        "pages": "1",
        "has_more": False,
        "after": None,
    }
    whole = {**made, "productionPrompt": prompt}
    assert client.get(f"/api/prompts/groups/{stored.pk}").json() == whole
    assert client.get(f"/api/prompts?groupId={stored.pk}").json() == [prompt]
    assert client.get("/api/prompts").json() == [prompt]
    assert client.get(f"/api/prompts/{version.pk}").json() == prompt


PROMPT, GROUP = NEW["prompt"], NEW["group"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Prompt and group name are required"),
        ([], "Prompt and group name are required"),
        ({"prompt": PROMPT}, "Prompt and group name are required"),
        ({"prompt": "x", "group": GROUP}, "Prompt and group name are required"),
        ({"prompt": PROMPT, "group": {"name": ""}}, "Prompt and group name are required"),
        ({"prompt": PROMPT, "group": {"name": " "}}, "Invalid request body"),
        ({"prompt": PROMPT, "group": {"name": 7}}, "Invalid request body"),
        ({"prompt": PROMPT, "group": {"name": "x" * 256}}, "Invalid request body"),
        ({"prompt": PROMPT, "group": {**GROUP, "command": "A b"}}, "Invalid request body"),
        ({"prompt": PROMPT, "group": {**GROUP, "command": "x\n"}}, "Invalid request body"),
        ({"prompt": PROMPT, "group": {**GROUP, "category": ["x"]}}, "Invalid request body"),
        (
            {"prompt": {"prompt": " "}, "group": GROUP},
            "Prompt text is required and must be a non-empty string",
        ),
        (
            {"prompt": {"prompt": {"x": 1}}, "group": GROUP},
            "Prompt text is required and must be a non-empty string",
        ),
        (
            {"prompt": {**PROMPT, "type": "image"}, "group": GROUP},
            'Prompt type must be "text" or "chat"',
        ),
        (
            {"prompt": {**PROMPT, "type": ["text"]}, "group": GROUP},
            'Prompt type must be "text" or "chat"',
        ),
    ],
)
def test_prompt_is_refused_when_it_is_none(client: Client, body: Any, error: str) -> None:
    answer = send(client, "post", "", body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert not PromptGroup.objects.exists()
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["used", "new", "old"]),
        ("limit=2", ["used", "new"]),
        ("pageSize=1", ["used"]),
        ("limit=0", ["used"]),
        ("limit=x", ["used", "new", "old"]),
        ("limit=1000", ["used", "new", "old"]),
        ("cursor=undefined", ["used", "new", "old"]),
        ("cursor=nonsense", ["used", "new", "old"]),
        ("name=E", ["used", "new"]),
        ("name=%25", []),
        ("name=%00old", ["old"]),
        ("name=" + "x" * 60_000, []),
        ("category=write", ["new"]),
        ("category=sys__no__category__sys", ["used", "old"]),
        ("category=sys__my__prompts__sys", ["used", "new"]),
        ("category=sys__shared__prompts__sys", ["old"]),
        ("category=nonsense", []),
    ],
)
def test_list_follows_order_and_filters(
    client: Client, alice: User, bob: User, query: str, expected: list[str]
) -> None:
    old = make_prompt(bob, name="old")
    allow(old, alice)
    make_prompt(alice, name="new", category="write", updated_at=MOMENT + timedelta(1))
    make_prompt(alice, name="used", usage_count=1)
    make_prompt(bob, name="hidden")
    assert names(client, query) == expected


def test_list_of_all_follows_the_same_filters(client: Client, alice: User) -> None:
    make_prompt(alice, name="a", category="write")
    make_prompt(alice, name="b")
    for query, expected in (("", {"a", "b"}), ("category=write", {"a"}), ("name=B", {"b"})):
        groups = client.get(f"/api/prompts/all?{query}").json()
        assert {group["name"] for group in groups} == expected


def test_pages_follow_each_other(client: Client, alice: User) -> None:
    for i in range(7):
        make_prompt(alice, name=str(i), usage_count=i // 3, updated_at=MOMENT + timedelta(i % 2))
    whole = names(client, "limit=100")
    pages: list[str] = []
    cursor = ""
    while True:
        query = {"limit": "2", "cursor": cursor}
        page = client.get("/api/prompts/groups", query).json()
        pages += [group["name"] for group in page["promptGroups"]]
        assert page["pages"] == ("9999" if page["has_more"] else "1")
        if not page["has_more"]:
            break
        cursor = page["after"]
    assert page["after"] is None
    assert len(pages) == 7
    assert pages == whole
    assert pages[0] == "6"
    assert pages[-2:] == ["0", "2"]  # equal in all but their ids: the older one first


@pytest.mark.parametrize("path", ["/all", "/groups?limit=100", "/random?limit=100"])
@pytest.mark.parametrize("size", [1, 25])
def test_list_takes_three_queries_however_long_it_is(
    client: Client, alice: User, bob: User, path: str, size: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for _ in range(size):
        allow(make_prompt(bob), alice)
        allow(make_prompt(bob), None)
    with django_assert_num_queries(3):  # the caller, the role, the groups
        body = client.get(f"/api/prompts{path}").json()
    groups = body if path == "/all" else body.get("promptGroups", body.get("prompts"))
    assert len(groups) == 2 * size
    assert sum(group.get("isPublic", False) for group in groups) == size
