"""``PUT /api/roles/<role>/<feature>`` (contract 04 §11.3)."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, User
from accounts.permissions import BUILT, FEATURES, USER_DEFAULTS
from tests.conftest import ClientFor


def put(client: Client, path: str, body: Any) -> Any:
    return client.put(f"/api/roles/{path}", body, content_type="application/json")


@pytest.mark.parametrize("feature", sorted(FEATURES))
def test_administrator_changes_a_feature(
    admin_user: User, client_for: ClientFor, feature: str
) -> None:
    type_ = FEATURES[feature]
    bit = next(iter(USER_DEFAULTS[type_]))
    Role.objects.update_or_create(
        name="USER", defaults={"permissions": {str(type_): {"OTHER": True}, "X": {"USE": True}}}
    )
    for value in (False, True):
        answer = put(client_for(admin_user), f"USER/{feature}", {str(bit): value})
        assert answer.status_code == 200
        assert answer.json()["name"] == "USER"
        shown = answer.json()["permissions"][str(type_)][str(bit)]
        assert shown is (value and (type_, bit) in BUILT)
        stored = Role.objects.get(name="USER").permissions
        assert stored == {str(type_): {"OTHER": True, str(bit): value}, "X": {"USE": True}}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("USER/prompts", {"USE": "yes"}, 400),
        ("USER/prompts", {"FLY": True}, 400),
        ("USER/prompts", [], 400),
        ("NOBODY/prompts", {"USE": True}, 404),
        ("USER/bookmarks", {"USE": True}, 404),
        ("USER/nonsense", {"USE": True}, 404),
    ],
)
def test_change_is_refused_when_it_makes_no_sense(
    admin_user: User, client_for: ClientFor, path: str, body: Any, status: int
) -> None:
    before = list(Role.objects.values())
    assert put(client_for(admin_user), path, body).status_code == status
    assert list(Role.objects.values()) == before


def test_change_is_refused_to_everybody_else(
    alice: User, stranger: Client, client_for: ClientFor
) -> None:
    before = list(Role.objects.values())
    refused = put(client_for(alice), "USER/prompts", {"SHARE": True})
    assert (refused.status_code, refused.json()) == (
        403,
        {"message": "Forbidden: Insufficient permissions"},
    )
    assert put(stranger, "USER/prompts", {"SHARE": True}).status_code == 401
    assert list(Role.objects.values()) == before
