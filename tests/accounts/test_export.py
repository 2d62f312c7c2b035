"""A person takes along what is kept about them."""

import json
from datetime import timedelta
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.db import models
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.access_roles import AccessBits, Principal, PrincipalType, ResourceType
from accounts.models import Ban, Group, Membership, User, Violation
from accounts.services import invitations, passwords
from accounts.services.access import grant
from accounts.services.tools import add_favorite_tool, change_plugin
from accounts.tool_forms import PluginChange
from tests.accounts.requests import login
from tests.accounts.test_two_factor import with_second_factor
from tests.conftest import ClientFor

EXPORT = "/api/user/export"
# Table → the part of the export that tells of it.
TOLD = {
    "AccessEntry": "access",
    "AdminSession": "devices",
    "Authenticator": "second_factor",
    "BackupCode": "second_factor",
    "Ban": "bans",
    "FavoriteTool": "tools",
    "Invitation": "invited",
    "Membership": "groups",
    "OneTimeToken": "open_mailed_links",
    "RefreshSession": "devices",
    "ToolCredential": "tools",
    "Violation": "violations",
}


def test_every_table_that_holds_a_person_is_told_of(alice: User, client_for: ClientFor) -> None:
    """A new one has to be added to the export, and here; not what somebody did to others."""
    tables = {
        model.__name__
        for model in apps.get_app_config("accounts").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.remote_field.model is User
        if field.name in ("user", "invited_by") and model.__name__ != "RuleChange"
    }
    assert tables == set(TOLD)
    exported = client_for(alice).get(EXPORT).json()
    assert set(exported) == {"profile", "preferences", "identities", *TOLD.values()}


def test_export_tells_everything_and_no_secret(
    alice: User,
    bob: User,
    client_for: ClientFor,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(alice)
    login(Client(), alice.email)
    secret, codes = with_second_factor(alice)
    passwords.mail_reset_link(user=alice)
    invitations.invite(email="eve@example.com", invited_by=alice)
    Membership.objects.create(user=alice, group=Group.objects.create(name="Team", slug="team"))
    Violation.objects.create(user=alice, kind="concurrent", score=3)
    Ban.objects.create(user=alice, reason="spam", expires_at=timezone.now() - timedelta(days=1))
    add_favorite_tool(user=alice, item_type="mcp", item_id="files")
    change_plugin(user=alice, change=PluginChange("search", True, True, {"KEY": "geheim"}))
    grant(
        resource_type=ResourceType.AGENT,
        resource_id="a",
        principal=Principal(PrincipalType.USER, alice.pk),
        bits=AccessBits.VIEW,
        granted_by=bob,
    )
    SocialAccount.objects.create(
        user=alice, provider="google", uid="1", extra_data={"email": "a@b"}
    )
    with django_assert_num_queries(13):
        answer = client.get(EXPORT)
    assert answer["content-disposition"] == 'attachment; filename="account.json"'
    assert answer["cache-control"] == "no-store"
    exported: dict[str, Any] = answer.json()
    assert exported["profile"]["email"] == "alice@example.com"
    assert exported["preferences"]["plugins"] == ["search"]
    assert exported["identities"][0]["subject"] == "1"
    assert exported["groups"][0]["name"] == "Team"
    assert len(exported["devices"]) == 1
    assert exported["second_factor"] == {"is_enabled": True, "unused_backup_codes": 10}
    assert exported["open_mailed_links"][0]["purpose"] == "reset"
    assert [each["email"] for each in exported["invited"]] == ["eve@example.com"]
    assert exported["violations"][0]["score"] == 3
    assert exported["bans"][0]["reason"] == "spam"
    assert exported["tools"]["favorites"] == [{"type": "mcp", "id": "files"}]
    assert exported["tools"]["credentials"][0]["field"] == "KEY"
    assert exported["access"][0]["resource_type"] == "agent"
    text = json.dumps(exported)
    alice.refresh_from_db()
    hashes = [alice.password, alice.refresh_sessions.get().token_hash]
    for hidden in (secret, *codes, *hashes, "geheim", "hash", "password"):
        assert hidden not in text


def test_export_is_ones_own(alice: User, bob: User, client_for: ClientFor) -> None:
    login(Client(), alice.email)
    assert client_for(bob).get(EXPORT).json()["devices"] == []
