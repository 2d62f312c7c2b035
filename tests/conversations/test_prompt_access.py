"""/api/prompts (contract 03 §13): who may do what with a prompt."""

from typing import Any

import pytest
from django.test import Client

from accounts.access_roles import AccessBits
from accounts.models import AccessEntry, Role, User
from conversations.models import PromptGroup
from tests.conftest import ClientFor
from tests.conversations.factories import make_prompt
from tests.conversations.prompt_library import (
    NEW,
    NOT_FOUND,
    allow,
    everything,
    names,
    refusal,
    send,
)

FORBIDDEN = {"message": "Forbidden: Insufficient permissions"}

REFUSED = {
    "error": "Forbidden",
    "message": "Insufficient permissions to access this promptGroup",
}

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
