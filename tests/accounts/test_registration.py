import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings

from accounts.models import User
from accounts.services import registration
from accounts.services.registration import bootstrap_administrator
from tests.accounts.requests import FORM, SUCCESS, login, post, register


def test_account_is_made_when_the_form_is_right(stranger: Client, alice: User) -> None:
    response = register(stranger, role="ADMIN", is_superuser=True, token="undefined")
    assert (response.status_code, response.json()) == (200, SUCCESS)
    assert not response.cookies
    ada = User.objects.get(email="ada@example.com")
    assert (ada.name, ada.username, ada.role) == ("Ada Lovelace", "ada", "USER")
    assert not ada.is_staff
    assert not ada.is_superuser
    assert ada.email_verified
    assert login(stranger, "ada@example.com", FORM["password"]).status_code == 200


def test_first_account_belongs_to_an_administrator(stranger: Client, db: None) -> None:
    register(stranger)
    register(stranger, email="second@example.com")
    first, second = User.objects.order_by("created_at")
    assert (first.role, first.is_staff, first.is_superuser) == ("ADMIN", True, True)
    assert (second.role, second.is_staff, second.is_superuser) == ("USER", False, False)


def test_answer_tells_nothing_when_the_address_is_taken(
    stranger: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def make_password(raw: str) -> str:
        hashed.append(raw)
        return "!"

    monkeypatch.setattr("accounts.services.registration.make_password", make_password)
    response = register(stranger, email="ALICE@example.com", name="Mallory")
    assert (response.status_code, response.json()) == (200, SUCCESS)
    assert hashed == [FORM["password"]]
    before = alice.password
    alice.refresh_from_db()
    assert (alice.name, alice.password) == ("Alice", before)
    assert User.objects.count() == 1


@override_settings(ALLOW_REGISTRATION=False)
def test_registration_is_refused_when_switched_off(stranger: Client, db: None) -> None:
    response = register(stranger)
    assert (response.status_code, response.json()) == (
        403,
        {"message": "Registration is not allowed."},
    )
    assert not User.objects.exists()


SHORT, LONG = "Must contain at least {} characters", "Must contain at most {} characters"
CONTROL = "Must not contain control characters"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Ad"}, "name: " + SHORT.format(3)),
        ({"name": "   "}, "name: " + SHORT.format(3)),
        ({"name": "x" * 81}, "name: " + LONG.format(80)),
        ({"name": None}, "name: " + SHORT.format(3)),
        ({"name": ["Ada"]}, "name: " + SHORT.format(3)),
        ({"name": "Ada\x07"}, "name: " + CONTROL),
        ({"username": "a"}, "username: " + SHORT.format(2)),
        ({"username": "x" * 81}, "username: " + LONG.format(80)),
        ({"username": "a\nb"}, "username: " + CONTROL),
        ({"username": 7}, "username: " + SHORT.format(2)),
        ({"email": "ada"}, "email: Invalid email"),
        ({"email": "a" * 250 + "@example.com"}, "email: Invalid email"),
        ({"email": "a\x01da@example.com"}, "email: Invalid email"),
        ({"password": "x" * 7, "confirm_password": "x" * 7}, "password: " + SHORT.format(8)),
        ({"password": "x" * 129, "confirm_password": "x" * 129}, "password: " + LONG.format(128)),
        (
            {"password": " " * 8, "confirm_password": " " * 8},
            "password: Password cannot be only spaces",
        ),
        ({"password": "\x1b" * 8, "confirm_password": "\x1b" * 8}, "password: " + CONTROL),
        ({"confirm_password": "different"}, "confirm_password: The passwords did not match"),
        (
            {"email": "ada", "password": "x", "confirm_password": "x"},
            "email: Invalid email password: " + SHORT.format(8),
        ),
    ],
)
def test_problem_is_named_when_a_field_is_invalid(
    stranger: Client, db: None, changes: dict[str, Any], message: str
) -> None:
    response = register(stranger, **changes)
    assert (response.status_code, response.json()) == (404, {"message": message})
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "username", ["a'b", "a--b", "a{b", "a}b", "a*b", "a;b", "a<b", "a>b", "a/b", "a=b", "a$NEb"]
)
def test_username_is_refused_when_it_holds_a_forbidden_pattern(
    stranger: Client, db: None, username: str
) -> None:
    response = register(stranger, username=username)
    assert (response.status_code, response.json()) == (
        404,
        {"message": "username: Invalid characters in username"},
    )


@pytest.mark.parametrize("username", ["", None, "ada.l_0@#$%&()", "Ада", "阿达", "آدا"])
def test_username_is_accepted_when_empty_or_of_a_common_script(
    stranger: Client, db: None, username: str | None
) -> None:
    assert register(stranger, username=username).status_code == 200
    assert User.objects.get().username == (username or "")


@pytest.mark.parametrize("body", [None, [], b'"x"'])
def test_registration_is_refused_when_the_body_is_no_form(
    stranger: Client, db: None, body: Any
) -> None:
    response = post(stranger, "/api/auth/register", body)
    assert response.status_code == 404
    assert response.json()["message"].startswith("name: ")


def test_registration_is_refused_when_tried_too_often(stranger: Client, db: None) -> None:
    for number in range(5):
        assert register(stranger, email=f"a{number}@example.com").status_code == 200
    response = register(stranger, email="a6@example.com")
    assert (response.status_code, response.json()) == (
        429,
        {"message": "Too many accounts created, please try again after 60 minutes"},
    )
    assert response["X-RateLimit-Limit"] == "5"
    assert User.objects.count() == 5


def linger(monkeypatch: pytest.MonkeyPatch, name: str, *, before: bool) -> None:
    """Hold a step of the service up until the others took theirs, if nothing stops them."""
    step = getattr(registration, name)

    def slow(**arguments: Any) -> Any:
        if before:
            time.sleep(0.3)
        result = step(**arguments)
        if not before:
            time.sleep(0.3)
        return result

    monkeypatch.setattr(registration, name, slow)


def at_once(people: int, action: Callable[[int], object]) -> None:
    barrier = Barrier(people)

    def person(number: int) -> None:
        barrier.wait(timeout=10)
        try:
            action(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(people) as pool:
        list(pool.map(person, range(people)))


@pytest.mark.django_db(transaction=True)
def test_one_is_administrator_when_several_register_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    linger(monkeypatch, "is_first_account", before=False)
    at_once(3, lambda number: register(Client(), email=f"a{number}@example.com"))
    assert User.objects.count() == 3
    assert User.objects.filter(is_superuser=True, role="ADMIN").count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_administrator_is_made_when_several_servers_start_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    linger(monkeypatch, "create_account", before=True)
    made: list[User | None] = []
    at_once(
        3,
        lambda number: made.append(
            bootstrap_administrator(email=f"a{number}@example.com", password="long enough")
        ),
    )
    assert sorted(user is not None for user in made) == [False, False, True]
    assert User.objects.count() == 1


def race(email: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Three who register with the same ``email``, each being told that it is free."""
    linger(monkeypatch, "remove_expired_accounts", before=False)
    answers: list[Any] = []
    at_once(3, lambda number: answers.append(register(Client(), email=email, name=f"Ada {number}")))
    assert User.objects.filter(email=email.lower()).count() == 1
    return answers


@pytest.mark.django_db(transaction=True)
@override_settings(USERNAME_SIGNUP=True)
def test_one_of_several_who_take_a_name_at_once_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = race("ada@people.invalid", monkeypatch)
    told = sorted((answer.status_code, answer.json()["message"]) for answer in answers)
    assert told == [(200, SUCCESS["message"]), *[(409, "This user name is taken.")] * 2]


@pytest.mark.django_db(transaction=True)
@override_settings(USERNAME_SIGNUP=True)
def test_answers_tell_nothing_when_several_take_an_address_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = race(FORM["email"], monkeypatch)
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, SUCCESS)] * 3


@override_settings(USERNAME_SIGNUP=True)
def test_name_belongs_to_whoever_was_faster(
    stranger: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here by a moment: the name was free when it was asked for."""

    def somebody_is_faster() -> None:
        User.objects.create_user("ada@people.invalid", "of somebody else", name="First")

    monkeypatch.setattr(registration, "remove_expired_accounts", somebody_is_faster)
    assert register(stranger, email="ada@people.invalid").status_code == 409
    assert User.objects.get(email="ada@people.invalid").name == "First"
