"""Passwords of a directory, with a real slapd."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django import Settings

from accounts.models import Group, IdentityRule, User
from accounts.services.registration import bootstrap_administrator
from tests.accounts.identity.conftest import SetUp, person_of
from tests.accounts.requests import login
from tests.accounts.test_two_factor import with_second_factor
from tests.directory import (
    BASE,
    PASSWORD,
    PEOPLE,
    READER,
    READER_PASSWORD,
    SLAPD,
    Directory,
    start_directory,
)
from tests.factories import PASSWORD as LOCAL_PASSWORD
from tests.factories import UserFactory
from tests.live import free_port

MISSING = "NO DIRECTORY: slapd is not installed, so LDAP was NOT tested."
ADDRESS = "ada@example.com"


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    if SLAPD is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with start_directory(tmp_path_factory.mktemp("ldap")) as directory:
        yield directory


@pytest.fixture
def directory(slapd: Directory, set_up: SetUp, settings: Settings, db: None) -> Directory:
    """There is an administrator already."""
    settings.LOGIN_MAX = 1000
    bootstrap_administrator(email="admin@example.com", password=LOCAL_PASSWORD)
    set_up(
        LDAP_URL=slapd.url,
        LDAP_USER_SEARCH_BASE=PEOPLE,
        LDAP_BIND_DN=READER,
        LDAP_BIND_CREDENTIALS=READER_PASSWORD,
    )
    return slapd


def test_person_signs_in_with_the_directorys_password(directory: Directory) -> None:
    client = Client()
    answer = login(client, ADDRESS, PASSWORD)
    assert answer.status_code == 200, answer.content
    assert answer.json()["user"]["provider"] == "ldap"
    user = person_of(client)
    assert (user.email, user.name, user.username) == (ADDRESS, "Ada Lovelace", "Ada")
    assert (user.email_verified, user.role, user.has_usable_password()) == (True, "USER", False)
    assert login(Client(), ADDRESS, PASSWORD).status_code == 200
    assert SocialAccount.objects.get().uid == "ada"


def test_first_person_is_the_administrator(directory: Directory) -> None:
    User.objects.all().delete()
    assert login(Client(), ADDRESS, PASSWORD).status_code == 200
    user = User.objects.get()
    assert (user.role, user.is_superuser, user.is_staff) == ("ADMIN", True, True)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (ADDRESS, "wrong"),
        (ADDRESS, "other"),
        ("nobody@example.com", PASSWORD),
        ("*", PASSWORD),
        ("ada*", PASSWORD),
        ("ada@example.com)(uid=*", PASSWORD),
        ("bob@example.com", PASSWORD),
        ("x" * 255, PASSWORD),
        ("\0", PASSWORD),
        (ADDRESS, "\0"),
    ],
)
def test_refused_when_name_or_password_is_wrong(
    name: str, password: str, directory: Directory
) -> None:
    answer = login(Client(), name, password)
    assert answer.status_code == 404
    assert User.objects.count() == 1


@pytest.mark.parametrize("password", ["", None, 0, [], " "])
def test_refused_when_password_is_empty(password: Any, directory: Directory) -> None:
    """A directory takes an empty password for an anonymous visitor, and lets them in."""
    assert login(Client(), ADDRESS, password).status_code == 404
    assert User.objects.count() == 1


def test_password_of_ours_does_not_count(directory: Directory) -> None:
    UserFactory.create(email="carol@example.com", email_verified=True)
    assert login(Client(), "carol@example.com", LOCAL_PASSWORD).status_code == 404


def test_account_with_the_address_is_linked(directory: Directory) -> None:
    ada = UserFactory.create(email=ADDRESS, email_verified=True)
    client = Client()
    assert login(client, ADDRESS, PASSWORD).status_code == 200
    assert person_of(client) == ada


def test_names_instead_of_addresses(directory: Directory, set_up: SetUp) -> None:
    set_up(
        LDAP_SEARCH_FILTER="(&(objectClass=inetOrgPerson)(uid={{username}}))",
        LDAP_LOGIN_USES_USERNAME="true",
        LDAP_ID="employeeNumber",
        LDAP_USERNAME="uid",
        LDAP_FULL_NAME="givenName,sn",
    )
    assert login(Client(), "ada", PASSWORD).status_code == 200
    user = User.objects.get(email=ADDRESS)
    assert (user.username, user.name) == ("ada", "Ada Lovelace")
    assert SocialAccount.objects.get().uid == "17"
    assert login(Client(), "nomail", PASSWORD).status_code == 200
    assert User.objects.filter(email="nomail@ldap.local").exists()


def test_rules_read_groups_of_the_directory(directory: Directory) -> None:
    group = Group.objects.create(name="Staff", slug="staff")
    claim = {"claim": "memberOf", "value": f"cn=staff,{BASE}"}
    IdentityRule.objects.create(effect="require", provider="ldap", **claim)
    IdentityRule.objects.create(effect="group", group=group, **claim)
    assert login(Client(), ADDRESS, PASSWORD).status_code == 200
    assert User.objects.get(email=ADDRESS).memberships.get().group == group
    assert login(Client(), "bob@example.com", "other").status_code == 404
    assert not User.objects.filter(email="bob@example.com").exists()


def test_standing_is_told_in_the_words_of_the_form(
    directory: Directory, settings: Settings
) -> None:
    settings.REGISTRATION_REQUIRES_APPROVAL = True
    answer = login(Client(), ADDRESS, PASSWORD)
    assert (answer.status_code, answer.json()["message"]) == (
        404, "An administrator has to approve your account first.",
    )  # fmt: skip
    User.objects.filter(email=ADDRESS).update(awaits_approval=False, is_active=False)
    assert login(Client(), ADDRESS, PASSWORD).status_code == 403


def test_second_factor_is_asked_for(directory: Directory) -> None:
    assert login(Client(), ADDRESS, PASSWORD).status_code == 200
    with_second_factor(User.objects.get(email=ADDRESS))
    answer = login(Client(), ADDRESS, PASSWORD)
    assert answer.json()["twoFAPending"] is True
    assert not answer.cookies


@pytest.mark.parametrize(
    "variables",
    [
        {"LDAP_BIND_CREDENTIALS": "wrong"},
        {"LDAP_SEARCH_FILTER": "(((nonsense"},
        {"LDAP_STARTTLS": "true"},  # nobody vouches for its certificate
    ],
)
def test_fault_is_the_servers_when_directory_is_set_up_wrong(
    variables: dict[str, str], directory: Directory, set_up: SetUp
) -> None:
    set_up(**variables)
    answer = login(Client(), ADDRESS, PASSWORD)
    assert answer.status_code == 500
    assert answer.json() == {"message": "The directory cannot be asked at the moment."}


def test_fault_is_the_servers_when_directory_is_away(directory: Directory, set_up: SetUp) -> None:
    set_up(LDAP_URL=f"ldap://127.0.0.1:{free_port()}")
    assert login(Client(), ADDRESS, PASSWORD).status_code == 500


def test_nobody_is_found_when_visitors_may_not_search(directory: Directory, set_up: SetUp) -> None:
    set_up(LDAP_BIND_DN="", LDAP_BIND_CREDENTIALS="")
    assert login(Client(), ADDRESS, PASSWORD).status_code == 404


@pytest.mark.parametrize("starts_tls", [False, True])
def test_connection_is_encrypted(starts_tls: bool, directory: Directory, set_up: SetUp) -> None:
    url = directory.url.replace("127.0.0.1", "localhost") if starts_tls else directory.tls_url
    set_up(
        LDAP_URL=url,
        LDAP_STARTTLS=str(starts_tls),
        LDAP_CA_CERT_PATH=str(directory.certificate_path),
    )
    assert login(Client(), ADDRESS, PASSWORD).status_code == 200


def test_refused_when_nobody_vouches_for_the_directory(directory: Directory, set_up: SetUp) -> None:
    set_up(LDAP_URL=directory.tls_url)
    assert login(Client(), ADDRESS, PASSWORD).status_code == 500
    set_up(LDAP_TLS_REJECT_UNAUTHORIZED="false")
    assert login(Client(), ADDRESS, PASSWORD).status_code == 200


def test_two_entries_are_nobody(directory: Directory, set_up: SetUp) -> None:
    set_up(LDAP_SEARCH_FILTER="(|(mail={{username}})(uid=bob))")
    assert login(Client(), ADDRESS, PASSWORD).status_code == 404
