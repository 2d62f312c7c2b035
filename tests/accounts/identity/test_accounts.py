"""Which account a proven identity opens, and when it opens none."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Ban, User
from accounts.services.sessions import start_session
from tests.accounts.identity.conftest import (
    FakeProviders,
    SetUp,
    callback_of,
    is_signed_in,
    person_of,
    refusal_of,
    sign_in,
)
from tests.accounts.requests import login
from tests.accounts.test_two_factor import code_of, with_second_factor
from tests.factories import PASSWORD, AdminFactory, UserFactory

ADDRESS = "ada@example.com"


@pytest.fixture
def ada(db: None) -> User:
    """Has an account with a password, whose address she verified by mail."""
    return UserFactory.create(email=ADDRESS, name="Ada", email_verified=True)


@pytest.fixture
def with_mail(settings: Settings) -> None:
    settings.EMAIL_ENABLED = True
    settings.DEFAULT_FROM_EMAIL = "chat@example.com"


def test_account_is_linked_when_provider_verified_the_address(
    openid: FakeProviders, ada: User, with_mail: None
) -> None:
    client = Client()
    assert is_signed_in(sign_in(client))
    assert person_of(client) == ada
    ada.refresh_from_db()
    assert (ada.name, ada.provider, ada.has_usable_password()) == ("Ada", "local", True)
    linked = SocialAccount.objects.get()
    assert (linked.user, linked.provider, linked.uid) == (ada, f"openid:{openid.url}", "ada-1")


@pytest.mark.parametrize("verified", [False, None, "false", 0, "yes", ["true"]])
def test_not_linked_when_provider_did_not_verify_the_address(
    verified: Any, openid: FakeProviders, ada: User, with_mail: None
) -> None:
    openid.set_person(email_verified=verified)
    assert refusal_of(sign_in(Client())) == "email_unverified"
    assert SocialAccount.objects.count() == 0
    assert User.objects.count() == 1


def test_not_linked_when_places_disagree_about_the_address(
    openid: FakeProviders, ada: User
) -> None:
    openid.set(userinfo_changes={"email_verified": False})
    assert refusal_of(sign_in(Client())) == "email_unverified"


def test_not_linked_when_only_another_address_is_verified(openid: FakeProviders, ada: User) -> None:
    """The user info names Ada's address; what was verified is another."""
    openid.set(
        userinfo_changes={"email_verified": None},
        id_token_changes={"email": "eve@example.com"},
    )
    assert refusal_of(sign_in(Client())) == "email_unverified"


def test_not_linked_when_address_stands_in_another_claim(openid: FakeProviders, ada: User) -> None:
    openid.set_person(email=None, preferred_username=ADDRESS)
    assert refusal_of(sign_in(Client())) == "email_unverified"


def test_linked_without_its_word_when_operator_trusts_provider(
    openid: FakeProviders, ada: User, set_up: SetUp
) -> None:
    set_up(OPENID_TRUST_EMAIL="true", OPENID_EMAIL_CLAIM="upn")
    openid.set_person(email="else@example.com", email_verified=None, upn=ADDRESS)
    client = Client()
    assert is_signed_in(sign_in(client))
    assert person_of(client) == ada


def test_address_in_other_spelling_is_the_same(openid: FakeProviders, ada: User) -> None:
    openid.set_person(email=" Ada@Example.COM ")
    client = Client()
    assert is_signed_in(sign_in(client))
    assert person_of(client) == ada


def test_who_waited_for_the_owner_of_the_address_is_out(openid: FakeProviders) -> None:
    """Eve registered with Ada's address, which without a mail server nobody checks."""
    squatted = UserFactory.create(email=ADDRESS, name="Eve", email_verified=True)
    start_session(user=squatted, ip_address=None, user_agent="")
    with_second_factor(squatted)
    client = Client()
    assert is_signed_in(sign_in(client))
    assert person_of(client) == squatted
    assert login(Client(), ADDRESS).status_code == 404
    squatted.refresh_from_db()
    assert (squatted.name, squatted.two_factor_enabled) == ("Ada Lovelace", False)
    assert squatted.refresh_sessions.count() == 1


def test_password_stays_when_an_operator_made_them_staff(openid: FakeProviders) -> None:
    admin = AdminFactory.create(email=ADDRESS)
    assert is_signed_in(sign_in(Client()))
    assert login(Client(), ADDRESS).status_code == 200
    admin.refresh_from_db()
    assert (admin.role, admin.is_superuser, admin.provider) == ("ADMIN", True, "local")


def test_unverified_account_that_expired_keeps_no_address(openid: FakeProviders) -> None:
    UserFactory.create(
        email=ADDRESS, email_verified=False, expires_at=timezone.now() - timedelta(days=1)
    )
    client = Client()
    assert is_signed_in(sign_in(client))
    assert person_of(client).provider == "openid"


def test_same_subject_at_another_issuer_is_somebody_else(openid: FakeProviders, db: None) -> None:
    stranger = UserFactory.create(email="stranger@example.com")
    SocialAccount.objects.create(
        user=stranger, provider="openid:https://other.example.com", uid="ada-1"
    )
    client = Client()
    assert is_signed_in(sign_in(client))
    assert person_of(client).email == ADDRESS


def test_refused_when_new_people_may_not_come(openid: FakeProviders, settings: Settings) -> None:
    settings.ALLOW_SOCIAL_REGISTRATION = False
    assert refusal_of(sign_in(Client())) == "registration_off"
    assert User.objects.count() == 0


def test_known_person_comes_when_new_people_may_not(
    openid: FakeProviders, settings: Settings
) -> None:
    assert is_signed_in(sign_in(Client()))
    settings.ALLOW_SOCIAL_REGISTRATION = False
    assert is_signed_in(sign_in(Client()))


def test_refused_when_domain_is_not_allowed(openid: FakeProviders, settings: Settings) -> None:
    settings.ALLOWED_REGISTRATION_DOMAINS = ["example.org"]
    assert refusal_of(sign_in(Client())) == "domain_not_allowed"
    assert User.objects.count() == 0


@pytest.mark.parametrize("email", [None, "", "nonsense", "a\0@example.com", "x" * 300, ["a@b.c"]])
def test_refused_when_there_is_no_address(email: Any, openid: FakeProviders) -> None:
    openid.set_person(email=email)
    assert refusal_of(sign_in(Client())) == "email_missing"
    assert User.objects.count() == 0


def test_new_person_waits_when_administrator_has_to_approve(
    openid: FakeProviders, settings: Settings
) -> None:
    settings.REGISTRATION_REQUIRES_APPROVAL = True
    for _ in range(2):
        assert refusal_of(sign_in(Client())) == "awaits_approval"
    user = User.objects.get()
    assert (user.awaits_approval, user.is_active) == (True, False)
    User.objects.update(awaits_approval=False, is_active=True)
    assert is_signed_in(sign_in(Client()))


def test_refused_when_account_is_deactivated(openid: FakeProviders, ada: User) -> None:
    User.objects.update(is_active=False)
    assert refusal_of(sign_in(Client())) == "deactivated"


def test_banned_person_gets_403(openid: FakeProviders, ada: User) -> None:
    Ban.objects.create(user=ada, expires_at=timezone.now() + timedelta(hours=1))
    answer = sign_in(Client())
    assert answer.status_code == 403
    assert "banned" in answer.json()["message"]
    assert "refreshToken" not in answer.cookies


def test_banned_address_gets_403_before_anything_else(openid: FakeProviders) -> None:
    Ban.objects.create(ip_address="127.0.0.1", expires_at=timezone.now() + timedelta(hours=1))
    assert Client().get("/oauth/openid").status_code == 403
    assert Client().get("/oauth/openid/callback?code=x&state=y").status_code == 403


def test_link_is_mailed_when_provider_did_not_verify_a_new_address(
    openid: FakeProviders, with_mail: None, django_capture_on_commit_callbacks: Any
) -> None:
    openid.set_person(email_verified=False)
    with django_capture_on_commit_callbacks(execute=True):
        assert refusal_of(sign_in(Client())) == "email_unverified"
    user = User.objects.get()
    assert user.expires_at is not None
    assert [message.to for message in mail.outbox] == [[ADDRESS]]
    User.objects.update(email_verified=True, expires_at=None)
    assert is_signed_in(sign_in(Client()))


def test_unverified_address_is_marked_so_when_there_is_no_mail_server(
    openid: FakeProviders,
) -> None:
    openid.set_person(email_verified=False)
    assert is_signed_in(sign_in(Client()))
    assert User.objects.get().email_verified is False


def test_second_factor_is_asked_for(openid: FakeProviders, ada: User, with_mail: None) -> None:
    secret, _ = with_second_factor(ada)
    client = Client()
    answer = sign_in(client)
    address = urlsplit(answer["Location"])
    assert (answer.status_code, address.path) == (302, "/login/2fa")
    assert "refreshToken" not in answer.cookies
    token = parse_qs(address.query)["tempToken"][0]
    verified = client.post(
        "/api/auth/2fa/verify-temp",
        {"tempToken": token, "token": code_of(secret)},
        content_type="application/json",
    )
    assert verified.status_code == 200
    assert person_of(client) == ada


def test_linked_account_keeps_what_its_person_chose(openid: FakeProviders, with_mail: None) -> None:
    UserFactory.create(email=ADDRESS, email_verified=True, name="Countess", username="")
    assert is_signed_in(sign_in(Client()))
    user = User.objects.get()
    assert (user.name, user.username) == ("Countess", "ada")


def test_picture_of_ones_own_stays(openid: FakeProviders) -> None:
    sign_in(Client())
    User.objects.update(avatar="/images/x/avatar-1.png?manual=true")
    sign_in(Client())
    assert User.objects.get().avatar == "/images/x/avatar-1.png?manual=true"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://x.example", "https://" + "x" * 2000]
)
def test_picture_is_left_out_when_address_is_unusable(url: str, openid: FakeProviders) -> None:
    openid.set_person(picture=url)
    assert is_signed_in(sign_in(Client()))
    assert User.objects.get().avatar == ""


def test_new_address_is_left_out_when_another_person_has_it(openid: FakeProviders) -> None:
    sign_in(Client())
    UserFactory.create(email="bob@example.com")
    openid.set_person(email="bob@example.com")
    client = Client()
    assert is_signed_in(sign_in(client))
    assert person_of(client).email == ADDRESS


def test_hostile_texts_are_cut_to_what_fits(openid: FakeProviders) -> None:
    openid.set_person(given_name="A\0\u202eda\ud800" + "x" * 500)
    assert is_signed_in(sign_in(Client()))
    assert User.objects.get().name == "Ada" + "x" * 77


@pytest.mark.django_db(transaction=True)
def test_one_account_when_new_person_comes_twice_at_once(openid: FakeProviders) -> None:
    clients = [Client() for _ in range(4)]
    callbacks = [callback_of(client) for client in clients]
    barrier, answers = Barrier(len(clients)), []

    def come(client: Client, callback: str) -> None:
        barrier.wait()
        answers.append(client.get(callback))
        connection.close()

    threads = [Thread(target=come, args=pair) for pair in zip(clients, callbacks, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [is_signed_in(answer) for answer in answers] == [True] * 4
    assert User.objects.count() == SocialAccount.objects.count() == 1


def test_local_sign_in_needs_the_password_still(openid: FakeProviders) -> None:
    """An account that came from a provider has none that could be guessed."""
    sign_in(Client())
    assert login(Client(), ADDRESS, PASSWORD).status_code == 404
