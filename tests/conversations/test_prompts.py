"""/api/prompts (contract 03 §13)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access_roles import (
    OWNER_BITS,
    PUBLIC,
    AccessBits,
    Principal,
    PrincipalType,
    ResourceType,
)
from accounts.models import AccessEntry, Role, User
from accounts.services.access import grant
from conversations.models import Prompt, PromptGroup
from conversations.services import prompts as services
from librechat_backend.lib.errors import NotFound
from tests.conftest import ClientFor
from tests.conversations.factories import MOMENT, make_prompt, make_version

FORBIDDEN = {"message": "Forbidden: Insufficient permissions"}
NOT_FOUND = {"error": "Not Found", "message": "promptGroup not found"}
REFUSED = {
    "error": "Forbidden",
    "message": "Insufficient permissions to access this promptGroup",
}
NEW = {"prompt": {"prompt": "Say hello", "type": "text"}, "group": {"name": "Hello"}}


@pytest.fixture
def client(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    if method == "get":
        return client.get(f"/api/prompts{path}")
    return getattr(client, method)(
        f"/api/prompts{path}", {} if body is None else body, content_type="application/json"
    )


def refusal(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def allow(group: PromptGroup, who: User | None, bits: AccessBits = AccessBits.VIEW) -> None:
    """None: everybody."""
    grant(
        resource_type=ResourceType.PROMPT_GROUP,
        resource_id=group.pk,
        principal=Principal(PrincipalType.USER, who.pk) if who else PUBLIC,
        bits=bits,
        granted_by=group.user,
    )


def names(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/api/prompts/groups?{query}")
    assert answer.status_code == 200, answer.content
    return [group["name"] for group in answer.json()["promptGroups"]]


def everything() -> Any:
    return [list(model.objects.order_by("pk").values()) for model in (Prompt, PromptGroup)]


# -- Making and reading --------------------------------------------------------------------


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


# -- Changing ------------------------------------------------------------------------------


def test_new_version_is_latest_but_not_in_use_until_it_is_put_there(
    client: Client, alice: User
) -> None:
    group = make_prompt(alice)
    body = {"prompt": {"prompt": "New", "type": "chat"}}
    answer = send(client, "post", f"/groups/{group.pk}/prompts", body)
    assert answer.status_code == 200
    version = answer.json()["prompt"]
    assert (version["prompt"], version["type"], version["groupId"]) == ("New", "chat", group.pk)
    assert client.get(f"/api/prompts?groupId={group.pk}").json()[0] == version
    document = client.get(f"/api/prompts/groups/{group.pk}").json()
    assert document["productionId"] == group.production_id
    assert document["updatedAt"] > "2025-03-05"
    path = f"/{version['_id']}/tags/production"
    assert refusal(send(client, "patch", path)) == (
        200,
        {"message": "Prompt production made successfully"},
    )
    document = client.get(f"/api/prompts/groups/{group.pk}").json()
    assert document["productionPrompt"]["prompt"] == "New"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Prompt is required"),
        ({"prompt": "x"}, "Prompt is required"),
        ({"prompt": {"prompt": ""}}, "Prompt text is required and must be a non-empty string"),
        ({"prompt": {"prompt": "x", "type": 1}}, 'Prompt type must be "text" or "chat"'),
    ],
)
def test_version_is_refused_when_it_is_none(
    client: Client, alice: User, body: Any, error: str
) -> None:
    group = make_prompt(alice)
    answer = send(client, "post", f"/groups/{group.pk}/prompts", body)
    assert refusal(answer) == (400, {"error": error})
    assert Prompt.objects.count() == 1


def test_group_changes_only_what_is_given(client: Client, alice: User) -> None:
    group = make_prompt(alice, oneliner="Salt", command="tide")
    answer = send(client, "patch", f"/groups/{group.pk}", {"name": "Moon", "category": "write"})
    assert answer.status_code == 200
    document = answer.json()
    assert "productionPrompt" not in document
    assert [document[name] for name in ("name", "category", "oneliner", "command")] == [
        "Moon", "write", "Salt", "tide",
    ]  # fmt: skip
    assert "command" not in send(client, "patch", f"/groups/{group.pk}", {"command": None}).json()


@pytest.mark.parametrize(
    "body",
    [
        [], {"author": "x"}, {"name": "", }, {"name": None}, {"name": "x" * 256},
        {"oneliner": "x" * 501}, {"category": "x" * 101}, {"command": "x" * 57},
        {"command": "Ä"}, {"command": 7}, {"name": "x", "numberOfGenerations": 10**9},
        {str(i): i for i in range(1000)},
    ],
)  # fmt: skip
def test_group_stays_as_it_is_when_the_changes_are_wrong(
    client: Client, alice: User, body: Any
) -> None:
    group = make_prompt(alice)
    before = everything()
    answer = send(client, "patch", f"/groups/{group.pk}", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid request body"
    assert 1 <= len(answer.json()["details"]) <= 10
    assert everything() == before


def test_labels_are_kept(client: Client, alice: User) -> None:
    prompt = make_prompt(alice).production
    assert prompt
    answer = send(client, "patch", f"/{prompt.pk}/labels", {"labels": ["a", "b", "a"]})
    assert refusal(answer) == (200, {"message": "Prompt labels updated successfully"})
    assert client.get(f"/api/prompts/{prompt.pk}").json()["labels"] == ["a", "b"]
    for wrong in (None, "a", [""], [7], ["x" * 101], ["x"] * 51, [["a"]]):
        answer = send(client, "patch", f"/{prompt.pk}/labels", {"labels": wrong})
        assert answer.status_code == 400


def test_use_is_counted_and_limited(
    client: Client, alice: User, bob: User, client_for: ClientFor
) -> None:
    group = make_prompt(alice)
    path = f"/groups/{group.pk}/use"
    counts = [send(client, "post", path).json()["numberOfGenerations"] for _ in range(30)]
    assert counts == list(range(1, 31))
    assert refusal(send(client, "post", path)) == (
        429,
        {"message": "Too many prompt usage requests. Try again later"},
    )
    allow(group, None)
    assert send(client_for(bob), "post", path).json() == {"numberOfGenerations": 31}


# -- Deleting ------------------------------------------------------------------------------


def test_newest_version_takes_over_when_the_one_in_use_goes(client: Client, alice: User) -> None:
    group = make_prompt(alice)
    make_version(group, text="old", created_at=MOMENT - timedelta(1))
    newest = make_version(group, text="new", created_at=MOMENT + timedelta(1))
    path = f"/{group.production_id}?groupId={group.pk}"
    assert refusal(send(client, "delete", path)) == (200, {"prompt": "Prompt deleted successfully"})
    group.refresh_from_db()
    assert group.production == newest
    assert refusal(send(client, "delete", path)) == (404, NOT_FOUND)


def test_group_goes_with_its_last_version(client: Client, alice: User) -> None:
    group = make_prompt(alice)
    answer = send(client, "delete", f"/{group.production_id}?groupId={group.pk}")
    text = "Prompt group deleted successfully"
    assert refusal(answer) == (
        200,
        {
            "prompt": "Prompt deleted successfully",
            "promptGroup": {"message": text, "id": group.pk},
        },
    )
    assert (everything(), AccessEntry.objects.count()) == ([[], []], 0)


def test_version_is_deleted_from_its_own_group_alone(client: Client, alice: User) -> None:
    group, other = make_prompt(alice), make_prompt(alice)
    before = everything()
    path = f"/{group.production_id}"
    assert refusal(send(client, "delete", path)) == (400, {"error": "Invalid or missing groupId"})
    assert refusal(send(client, "delete", f"{path}?groupId={other.pk}")) == (404, NOT_FOUND)
    assert refusal(send(client, "delete", f"{path}?groupId=%00")) == (
        400,
        {"error": "Invalid or missing groupId"},
    )
    assert everything() == before


def test_group_goes_with_all_it_has(client: Client, alice: User) -> None:
    group, kept = make_prompt(alice), make_prompt(alice)
    make_version(group)
    answer = send(client, "delete", f"/groups/{group.pk}")
    assert refusal(answer) == (200, {"message": "Prompt group deleted successfully"})
    assert list(PromptGroup.objects.all()) == [kept]
    assert Prompt.objects.get() == kept.production
    assert AccessEntry.objects.get().resource_id == kept.pk


@pytest.mark.django_db(transaction=True)
def test_last_two_versions_deleted_at_once_take_the_group_along(alice: User) -> None:
    group = make_prompt(alice)
    make_version(group)
    ids = list(Prompt.objects.values_list("pk", flat=True))

    def delete(prompt_id: str) -> bool:
        try:
            return services.delete_version(user=alice, group_id=group.pk, prompt_id=prompt_id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(delete, ids)) == [False, True]
    assert (everything(), AccessEntry.objects.count()) == ([[], []], 0)
    with pytest.raises(NotFound):
        services.delete_group(user=alice, group_id=group.pk)


# -- Who may -------------------------------------------------------------------------------

VERSION_BODY = {"prompt": {"prompt": "Mine", "type": "text"}}


def actions(group: PromptGroup) -> dict[str, list[tuple[str, str, Any]]]:
    """What needs which right."""
    prompt = group.production_id
    return {
        "view": [
            ("get", f"/groups/{group.pk}", None),
            ("get", f"?groupId={group.pk}", None),
            ("get", f"/{prompt}", None),
            ("post", f"/groups/{group.pk}/use", None),
        ],
        "edit": [
            ("post", f"/groups/{group.pk}/prompts", VERSION_BODY),
            ("patch", f"/groups/{group.pk}", {"name": "Mine"}),
            ("patch", f"/{prompt}/tags/production", None),
            ("patch", f"/{prompt}/labels", {"labels": ["x"]}),
        ],
        "delete": [
            ("delete", f"/{prompt}?groupId={group.pk}", None),
            ("delete", f"/groups/{group.pk}", None),
        ],
    }


def test_prompt_of_another_behaves_as_missing(
    client: Client, bob: User, admin_user: User, client_for: ClientFor
) -> None:
    group = make_prompt(bob)
    before = everything()
    for asking in (client, client_for(admin_user)):
        assert names(asking) == []
        assert asking.get("/api/prompts/all").json() == []
        for method, path, body in sum(actions(group).values(), []):
            assert refusal(send(asking, method, path, body)) == (404, NOT_FOUND), path
    assert everything() == before


@pytest.mark.parametrize("bits", [AccessBits.VIEW, AccessBits.VIEW | AccessBits.EDIT])
def test_those_it_is_shared_with_may_do_what_they_were_given(
    client: Client, alice: User, bob: User, bits: AccessBits
) -> None:
    group = make_prompt(bob)
    allow(group, alice, bits)
    assert names(client) == ["Tides"]
    may_edit = AccessBits.EDIT in bits
    for method, path, body in actions(group)["view"]:
        assert send(client, method, path, body).status_code == 200
    for method, path, body in actions(group)["edit"]:
        assert send(client, method, path, body).status_code == (200 if may_edit else 403)
    before = everything()
    for method, path, body in actions(group)["delete"]:
        assert refusal(send(client, method, path, body)) == (403, REFUSED)
    assert everything() == before


def test_version_of_an_editor_who_goes_stays(
    client: Client, alice: User, bob: User, client_for: ClientFor
) -> None:
    group = make_prompt(alice)
    allow(group, bob, AccessBits.VIEW | AccessBits.EDIT)
    send(client_for(bob), "post", f"/groups/{group.pk}/prompts", VERSION_BODY)
    client_for(bob).delete("/api/user/delete")
    versions = client.get(f"/api/prompts?groupId={group.pk}").json()
    assert [(each["prompt"], each["author"]) for each in versions] == [
        ("Mine", ""),
        ("When is high tide?", alice.pk),
    ]


def test_prompts_go_with_their_author(alice: User, bob: User, client_for: ClientFor) -> None:
    allow(make_prompt(alice), bob)
    client_for(alice).delete("/api/user/delete")
    assert (everything(), AccessEntry.objects.count()) == ([[], []], 0)


@pytest.mark.parametrize("off", ["USE", "CREATE"])
def test_library_is_closed_to_roles_without_it(client: Client, alice: User, off: str) -> None:
    group = make_prompt(alice)
    Role.objects.update_or_create(name="USER", defaults={"permissions": {"PROMPTS": {off: False}}})
    needs_create = [
        ("post", "", NEW),
        ("patch", f"/groups/{group.pk}", {"name": "x"}),
        ("patch", f"/{group.production_id}/tags/production", None),
        *actions(group)["delete"],
    ]
    needs_use = [("get", "/all", None), ("get", "/groups", None), ("get", "/random", None)]
    before = everything()
    for method, path, body in needs_create + (needs_use if off == "USE" else []):
        assert refusal(send(client, method, path, body)) == (403, FORBIDDEN)
    assert everything() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""), ("post", ""), ("get", "/all"), ("get", "/groups"), ("get", "/groups/x"),
        ("patch", "/groups/x"), ("delete", "/groups/x"), ("post", "/groups/x/prompts"),
        ("post", "/groups/x/use"), ("get", "/x"), ("delete", "/x"), ("patch", "/x/labels"),
        ("patch", "/x/tags/production"),
    ],
)  # fmt: skip
def test_library_is_closed_to_strangers(stranger: Client, db: None, method: str, path: str) -> None:
    assert send(stranger, method, path).status_code == 401
