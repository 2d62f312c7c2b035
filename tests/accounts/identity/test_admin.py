"""Rules and identities in the administration."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin
from django.test import Client

from accounts.models import Group, IdentityRule, User
from tests.accounts.identity.conftest import (
    FakeProviders,
    SetUp,
    is_signed_in,
    refusal_of,
    sign_in,
)

RULES = "/admin/accounts/identityrule/"


@pytest.fixture
def administrator(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def rule_form(**fields: Any) -> dict[str, Any]:
    return {"claim": "groups", "value": "staff", "position": "0", "is_active": "on"} | fields


def test_rule_is_made_with_the_form(administrator: Client, openid: FakeProviders) -> None:
    form = rule_form(effect="role", role="ADMIN", provider="openid")
    assert administrator.post(f"{RULES}add/", form).status_code == 302
    openid.set_person(groups=["staff"])
    assert is_signed_in(sign_in(Client()))
    assert User.objects.get(email="ada@example.com").role == "ADMIN"
    html = administrator.get(RULES).content.decode()
    assert "has the role ADMIN" in html
    assert "OpenID Connect" in html


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"effect": "role"}, "Which role?"),
        ({"effect": "group"}, "Which group?"),
        ({"effect": "require", "value": ""}, "Which value has to be there?"),
        ({"effect": "groups"}, "Leave this empty"),
    ],
)
def test_form_says_what_is_missing(
    fields: dict[str, str], problem: str, administrator: Client
) -> None:
    answer = administrator.post(f"{RULES}add/", rule_form(**fields))
    assert problem in answer.content.decode()
    assert not IdentityRule.objects.exists()


def test_list_shows_what_the_environment_says(administrator: Client, set_up: SetUp) -> None:
    set_up(OPENID_REQUIRED_ROLE="chat,boss", OPENID_REQUIRED_ROLE_PARAMETER_PATH="realm.roles")
    html = " ".join(administrator.get(RULES).content.decode().split())
    assert "Whoever has chat or boss in realm.roles may sign in; others may not" in html


def test_list_opens_when_the_environment_makes_no_sense(
    administrator: Client, set_up: SetUp
) -> None:
    set_up(OPENID_REQUIRED_ROLE="chat")
    answer = administrator.get(RULES)
    assert answer.status_code == 200
    assert "OPENID_REQUIRED_ROLE_PARAMETER_PATH" in answer.content.decode()


def test_queries_of_the_list_do_not_grow(
    administrator: Client, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        group = Group.objects.create(name=f"G{number}", slug=f"g{number}")
        IdentityRule.objects.create(effect="group", claim="x", value=str(number), group=group)
    administrator.get(RULES)
    with django_assert_num_queries(5):
        administrator.get(RULES)


def test_identities_are_on_the_persons_page(administrator: Client, openid: FakeProviders) -> None:
    sign_in(Client())
    user = User.objects.get(email="ada@example.com")
    html = administrator.get(f"/admin/accounts/user/{user.pk}/change/").content.decode()
    assert "External identities" in html
    assert f"OpenID Connect, {openid.url}" in html


def test_identity_is_unlinked_on_the_persons_page(
    administrator: Client, openid: FakeProviders, settings: Any
) -> None:
    sign_in(Client())
    user = User.objects.get(email="ada@example.com")
    identity = SocialAccount.objects.get()
    form = {
        "email": user.email, "name": "Ada", "username": "ada", "role": "USER", "is_active": "on",
        "socialaccount_set-TOTAL_FORMS": "1", "socialaccount_set-INITIAL_FORMS": "1",
        "socialaccount_set-0-id": identity.pk, "socialaccount_set-0-user": user.pk,
        "socialaccount_set-0-DELETE": "on",
    }  # fmt: skip
    answer = administrator.post(f"/admin/accounts/user/{user.pk}/change/", form)
    assert answer.status_code == 302, answer.content.decode()
    assert not SocialAccount.objects.exists()
    assert user.refresh_sessions.count() == 0
    settings.ALLOW_SOCIAL_REGISTRATION = False
    openid.set_person(email_verified=False)
    assert refusal_of(sign_in(Client())) == "email_unverified"


def test_pages_of_the_library_are_not_there() -> None:
    apps = {model._meta.app_label for model in admin.site._registry}
    assert not apps & {"account", "socialaccount"}
