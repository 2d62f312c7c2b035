"""/api/prompts (contract 03 §13): prompts changed, used and deleted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import AccessEntry, User
from conversations.models import Prompt, PromptGroup
from conversations.services import prompts as services
from librechat_backend.lib.errors import NotFound
from tests.conftest import ClientFor
from tests.conversations.factories import MOMENT, make_prompt, make_version
from tests.conversations.prompt_library import NOT_FOUND, allow, everything, refusal, send

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
