"""Deleting an account leaves nothing of the person behind."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import models
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Ban, Group, Invitation, Membership, User, Violation
from accounts.services import invitations, passwords
from tests.accounts.requests import login
from tests.accounts.test_two_factor import with_second_factor
from tests.conftest import ClientFor
from tests.conversations.factories import make_conversation

DELETE = "/api/user/delete"
# Who did something keeps no account alive; these columns are emptied instead.
EMPTIED = {"accounts.Invitation.invited_by", "presets.PresetVersion.user"}


def delete(client: Client, body: Any = None) -> Any:
    return (
        client.delete(DELETE, body, content_type="application/json")
        if body
        else client.delete(DELETE)
    )


def columns_of_people() -> dict[str, Any]:
    """``app.Model.field`` → on_delete, of all columns that hold a user."""
    return {
        f"{model._meta.label}.{field.name}": field.remote_field.on_delete
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.remote_field.model is User
    }


def rows_naming(*texts: str) -> list[str]:
    """Tables with a row in which one of ``texts`` stands, in whatever column."""
    return [
        model._meta.label
        for model in apps.get_models(include_auto_created=True)
        for values in model._base_manager.values_list()
        if any(text in str(values) for text in texts)
    ]


def test_every_column_that_holds_a_person_is_known() -> None:
    """A new one goes with the person, or is named above and emptied."""
    rules = columns_of_people()
    kept = {name for name, on_delete in rules.items() if on_delete is not models.CASCADE}
    assert kept == EMPTIED
    assert {rules[name] for name in kept} == {models.SET_NULL}
    assert len(rules) > 15


def test_nothing_of_the_person_is_left(
    alice: User, bob: User, admin_user: User, client_for: ClientFor
) -> None:
    client = client_for(alice)
    login(Client(), alice.email)
    with_second_factor(alice)
    passwords.mail_reset_link(user=alice)
    make_conversation(alice)
    make_conversation(bob)
    Membership.objects.create(user=alice, group=Group.objects.create(name="All", slug="all"))
    Violation.objects.create(user=alice, kind="concurrent", score=1)
    Ban.objects.create(user=alice, expires_at=timezone.now())
    invitations.invite(email="eve@example.com", invited_by=alice)
    Invitation.objects.create(
        email=alice.email, token_hash="x", expires_at=timezone.now(), invited_by=bob
    )
    LogEntry.objects.create(
        user=admin_user,
        content_type=ContentType.objects.get_for_model(User),
        object_id=alice.pk,
        object_repr=alice.email,
        action_flag=CHANGE,
    )
    User.objects.filter(pk=alice.pk).update(two_factor_enabled=False)
    assert len(set(rows_naming(alice.pk, alice.email))) >= 10
    before = len(rows_naming(bob.pk, bob.email))

    response = delete(client)
    assert (response.status_code, response.json()) == (200, {"message": "User deleted"})
    assert response.cookies["refreshToken"].value == ""
    assert rows_naming(alice.pk, alice.email) == []
    assert len(rows_naming(bob.pk, bob.email)) == before - 1  # who invited alice
    assert Invitation.objects.get().invited_by is None
    assert client.get("/api/user").status_code == 401


def test_second_factor_is_asked_for(alice: User, client_for: ClientFor) -> None:
    _, codes = with_second_factor(alice)
    client = client_for(alice)
    assert [delete(client).status_code, delete(client, {"token": "0000000"}).status_code] == [
        400, 401,
    ]  # fmt: skip
    assert User.objects.filter(pk=alice.pk).exists()
    assert delete(client, {"backupCode": codes[0]}).status_code == 200


def test_deletion_is_for_administrators_alone_when_switched_off(
    alice: User, admin_user: User, client_for: ClientFor, settings: Settings
) -> None:
    settings.ALLOW_ACCOUNT_DELETION = False
    call_command("create_user", "second@example.com", "--superuser", stdout=None)
    refused = delete(client_for(alice))
    assert (refused.status_code, refused.json()) == (
        403,
        {"message": "You do not have permission to delete this account"},
    )
    for user, is_allowed in ((alice, False), (admin_user, True)):
        config = client_for(user).get("/api/config").json()
        assert config["allowAccountDeletion"] is is_allowed
    assert delete(client_for(admin_user)).status_code == 200


def test_last_administrator_stays(admin_user: User, client_for: ClientFor) -> None:
    refused = delete(client_for(admin_user))
    assert (refused.status_code, refused.json()) == (
        403,
        {"message": "The last administrator cannot be deleted."},
    )


def test_ban_does_not_end_with_the_account(alice: User, client_for: ClientFor) -> None:
    Ban.objects.create(user=alice, expires_at=timezone.now() + timedelta(hours=1))
    assert delete(client_for(alice)).status_code == 403
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"statefulCodeEnvironment": "agent-user"}, 200),
        ({"statefulCodeEnvironment": "all"}, 400),
        ({"statefulCodeEnvironment": None}, 400),
        ([], 400),
    ],
)
def test_preferences(alice: User, client_for: ClientFor, body: Any, status: int) -> None:
    client = client_for(alice)
    response = client.patch("/api/user/preferences", body, content_type="application/json")
    assert response.status_code == status
    personalization = client.get("/api/user").json()["personalization"]
    if status == 200:
        assert response.json() == {"updated": True, "preferences": body}
        assert personalization == {"memories": True, **body}
    else:
        assert personalization == {"memories": True}
