"""Deleting an account leaves nothing of the person behind."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, models
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Ban, Group, Invitation, Membership, User, Violation
from accounts.services import invitations, passwords
from tests.accounts.requests import login
from tests.accounts.test_two_factor import with_second_factor
from tests.conftest import ClientFor
from tests.conversations.factories import (
    make_conversation,
    make_memory,
    make_prompt,
    make_shared_link,
)
from tests.factories import UserFactory

DELETE = "/api/user/delete"
# Who did something keeps no account alive; these columns are emptied instead.
EMPTIED = {
    "accounts.AccessEntry.granted_by",
    "accounts.Invitation.invited_by",
    "billing.Payment.user",
    "conversations.ChatOpening.opened_by",
    "conversations.Prompt.user",
    "accounts.RuleChange.user",
    "presets.PresetVersion.user",
    "usage.LedgerEntry.by",
    "usage.LedgerEntry.user",
    "usage.RequestLog.user",
    "usage.UsageDaily.user",
}


def delete(client: Client, body: Any = None) -> Any:
    return (
        client.delete(DELETE, body, content_type="application/json")
        if body
        else client.delete(DELETE)
    )


# Tables that do not go with a person, and why nothing in them tells of one.
IMPERSONAL = {
    "accounts.IdentityRule": "what follows from claims, whoever makes them",
    "socialaccount.SocialApp": "the library's; never has a row",
    "accounts.AccessStamp": "a random value",
    "accounts.Group": "names of groups",
    "accounts.Invitation": "removed by its address",
    "accounts.Role": "names of roles",
    "moving.LoadedThing": "a server's configuration",
    "moving.Move": "where a move came from, and when",
    "moving.Step": "counts; ids of the source's documents",
    "accounts.RuleChange": "people only by ids, which name nobody once they have gone",
    "auth.Group": "names of bundles of rights",
    "auth.Group_permissions": "rights",
    "auth.Permission": "rights",
    "billing.Payment": "money received; whose it was is emptied",
    "billing.Plan": "offers",
    "billing.StripeEvent": "ids of messages",
    "billing.Voucher": "promises to whoever has the code",
    "contenttypes.ContentType": "names of tables",
    "django_tasks_database.DBTaskResult": "ids of work, tidied away after days",
    "files.Blob": "bytes that no file has are removed",
    "files.EndpointRules": "rules of groups",
    "files.FileRules": "rules of groups",
    "gateway.TokenVersion": "a random value",
    "librechat_backend.Window": "counts by ids and addresses, removed when their window is over",
    "presets.Banner": "announcements to everybody",
    "presets.Experiment": "written by administrators for others",
    "presets.Policy": "rules of groups",
    "presets.Preset": "written by administrators for others",
    "presets.PresetVersion": "as presets; who wrote it is emptied",
    "providers.Channel": "the operator's",
    "providers.Channel_groups": "groups, not people",
    "providers.ChannelKey": "the operator's",
    "providers.KeyHealth": "of channels' keys",
    "providers.ModelAlias": "the operator's",
    "providers.NameRule": "the operator's",
    "providers.ChannelVersion": "a random value",
    "sessions.Session": "not used: accounts.AdminSession is",
    "usage.BillingRules": "one row of the operator's",
    "usage.Budget": "by the owner's id, which names nobody once they have gone",
    "usage.BudgetPeriod": "sums",
    "usage.Lease": "of processes, given back within minutes",
    "usage.GroupOfPath": "groups, not people",
    "usage.GroupOfPathNow": "a view of the same",
    "usage.GroupOfRequest": "a view of requests and groups",
    "usage.LedgerEntry": "amounts; whose they were is emptied",
    "usage.Price": "prices",
    "usage.LimitCounter": "counts by ids, removed when their window is over",
    "usage.LimitPlace": "places by ids, removed when they are given back",
    "usage.RequestLog": "figures; whose they were is emptied",
    "usage.UncountedRequest": "ids of requests, for less than a minute",
    "usage.UsageDaily": "sums; whose they were is emptied",
    "usage.UsageName": "names of channels and keys, as the log has them",
    "usage.UsageTail": "a view of requests",
    "usage.UsageNow": "a view of requests and their sums",
}


# SQLite's own pages: deleted words are there until it merges them away, and no search finds them.
SEARCH_PAGES = "conversations_searchindex_data"


def foreign_keys(model: Any) -> list[Any]:
    fields = model._meta.get_fields()
    return [field for field in fields if isinstance(field, models.ForeignKey)]


def columns_of_people() -> dict[str, Any]:
    """``app.Model.field`` → on_delete, of all columns that hold a user."""
    return {
        f"{model._meta.label}.{field.name}": field.remote_field.on_delete
        for model in apps.get_models(include_auto_created=True)
        for field in foreign_keys(model)
        if field.remote_field.model is User
    }


def models_that_go(goes: frozenset[Any]) -> frozenset[Any]:
    """Those whose rows are deleted with a row of ``goes``, directly or by way of others."""
    more = goes | {
        model
        for model in apps.get_models(include_auto_created=True)
        for field in foreign_keys(model)
        if field.remote_field.model in goes and field.remote_field.on_delete is models.CASCADE
    }
    return more if more == goes else models_that_go(more)


def tables_naming(*texts: str) -> list[str]:
    """Tables of the database with a row in which one of ``texts`` stands, once for each row."""
    found = []
    with connection.cursor() as cursor:
        for table in set(connection.introspection.table_names(cursor)) - {SEARCH_PAGES}:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 — names of our own tables
            rows = cursor.fetchall()
            found += [table for row in rows if any(text in str(row) for text in texts)]
    return found


def test_every_column_that_holds_a_person_is_known() -> None:
    """A new one goes with the person, or is named above and emptied."""
    rules = columns_of_people()
    kept = {name for name, on_delete in rules.items() if on_delete is not models.CASCADE}
    assert kept == EMPTIED
    assert {rules[name] for name in kept} == {models.SET_NULL}
    assert len(rules) > 15


def test_every_table_goes_with_the_person_or_tells_nothing_of_them() -> None:
    """A new table has to hang on a person, or be named above with a reason."""
    every = set(apps.get_models(include_auto_created=True))
    stay = {model._meta.label for model in every - models_that_go(frozenset({User}))}
    concrete = {model._meta.label for model in every if not model._meta.proxy}
    assert stay & concrete == set(IMPERSONAL)


def test_nothing_of_the_person_is_left(
    alice: User, bob: User, admin_user: User, client_for: ClientFor
) -> None:
    client = client_for(alice)
    login(Client(), alice.email)
    with_second_factor(alice)
    passwords.mail_reset_link(user=alice)
    make_shared_link(make_conversation(alice))
    make_memory(alice)
    make_prompt(alice)
    make_conversation(bob)
    Membership.objects.create(user=alice, group=Group.objects.create(name="All", slug="all"))
    Violation.objects.create(user=alice, kind="concurrent", score=1)
    Ban.objects.create(user=alice, expires_at=timezone.now())
    invitations.invite(email="eve@example.com", invited_by=alice)
    Invitation.objects.create(
        email=alice.email, token_hash="x", expires_at=timezone.now(), invited_by=bob
    )
    Client().force_login(alice)
    for told in ({"object_id": alice.pk}, {"object_repr": f"{alice.email} in All"}):
        LogEntry.objects.create(
            user=admin_user,
            content_type=ContentType.objects.get_for_model(User),
            action_flag=CHANGE,
            **told,
        )
    User.objects.filter(pk=alice.pk).update(two_factor_enabled=False)
    assert len(set(tables_naming(alice.pk, alice.email))) >= 10
    before = len(tables_naming(bob.pk, bob.email))

    response = delete(client)
    assert (response.status_code, response.json()) == (200, {"message": "User deleted"})
    assert response.cookies["refreshToken"].value == ""
    assert tables_naming(alice.pk, alice.email) == []
    assert len(tables_naming(bob.pk, bob.email)) == before - 1  # who invited alice
    assert Invitation.objects.get().invited_by is None
    assert {(row.object_id, row.object_repr) for row in LogEntry.objects.all()} == {
        (None, "(deleted account)")
    }
    assert client.get("/api/user").status_code == 401


def test_log_of_others_stays_as_it_is(admin_user: User, client_for: ClientFor) -> None:
    """Of people whose address ends, or begins, like that of somebody who leaves."""
    leaving = UserFactory.create(email="n@example.com")
    kept = ["john@example.com", "n@example.com.au in All", "x.n@example.com", "n@example.computer"]
    gone = ["n@example.com", "(n@example.com)", "All: n@example.com."]
    for number, text in enumerate([*kept, *gone]):
        fields = {"object_repr": text} if number % 2 else {"change_message": f'[{{"x": "{text}"}}]'}
        LogEntry.objects.create(
            user=admin_user,
            content_type=ContentType.objects.get_for_model(User),
            action_flag=CHANGE,
            **fields,
        )
    assert delete(client_for(leaving)).status_code == 200
    assert LogEntry.objects.filter(object_repr="(deleted account)").count() == len(gone)
    told = "".join(f"{row.object_repr}{row.change_message}" for row in LogEntry.objects.all())
    assert all(text in told for text in kept)


def test_administrator_deletes_in_the_same_way(
    alice: User, bob: User, charlie: User, admin_user: User
) -> None:
    for user in (alice, bob):
        make_conversation(user)
        Invitation.objects.create(email=user.email, token_hash="x", expires_at=timezone.now())
    client = Client()
    client.force_login(admin_user)
    page = f"/admin/accounts/user/{alice.pk}/delete/"
    assert "alice@example.com" in client.get(page).content.decode()
    assert client.post(page, {"post": "yes"}).status_code == 302
    action = {"action": "delete_selected", "_selected_action": [bob.pk, charlie.pk], "post": "yes"}
    client.post("/admin/accounts/user/", action)
    assert list(User.objects.all()) == [admin_user]
    people = [text for user in (alice, bob, charlie) for text in (user.pk, user.email)]
    assert tables_naming(*people) == []
    assert LogEntry.objects.filter(object_repr="(deleted account)").count() == 3


def test_staff_deletes_neither_administrators_nor_themselves(alice: User, admin_user: User) -> None:
    helper = UserFactory.create(is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    client = Client()
    client.force_login(helper)
    for spared in (admin_user, helper):
        ids = [alice.pk, spared.pk]
        action = {"action": "delete_selected", "_selected_action": ids, "post": "yes"}
        assert client.post("/admin/accounts/user/", action).status_code == 403
        assert (
            client.post(f"/admin/accounts/user/{spared.pk}/delete/", {"post": "yes"}).status_code
            == 403
        )
    assert User.objects.count() == 3


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
