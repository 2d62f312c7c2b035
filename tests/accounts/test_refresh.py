from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import RefreshSession, User
from accounts.services import sessions
from accounts.services.sessions import rotate_session
from accounts.tokens import verify_access_token
from librechat_backend.lib import crypto
from tests.accounts.requests import login, post
from tests.conftest import ClientFor

LOST = b"Refresh token expired or not found for this user"


def refresh(client: Client, query: str = "") -> Any:
    return post(client, f"/api/auth/refresh{query}")


def with_cookie(value: str) -> Client:
    client = Client()
    client.cookies["refreshToken"] = value
    return client


def signed_in(email: str = "alice@example.com") -> tuple[Client, str]:
    client = Client()
    response = login(client, email)
    return client, response.cookies["refreshToken"].value


def test_answer_is_text_when_there_is_no_cookie(stranger: Client) -> None:
    response = refresh(stranger)
    assert (response.status_code, response.content) == (200, b"Refresh token not provided")
    assert response["Content-Type"].startswith("text/plain")


def test_token_rotates_when_refreshed(alice: User) -> None:
    client, first = signed_in()
    response = refresh(client)
    assert response.status_code == 200
    body = response.json()
    assert verify_access_token(body["token"]) == alice.pk
    assert body["user"]["id"] == body["user"]["_id"] == alice.pk
    second = response.cookies["refreshToken"].value
    assert second != first
    assert second.partition(".")[0] == first.partition(".")[0]
    assert response.cookies["token_provider"].value == "librechat"
    assert refresh(client).status_code == 200
    assert RefreshSession.objects.count() == 1


def test_session_ends_at_a_fixed_time_when_refreshed_in_between(alice: User) -> None:
    client, _ = signed_in()
    expires_at = RefreshSession.objects.get().expires_at
    with time_machine.travel(timezone.now() + timedelta(days=6)):
        response = refresh(client)
        assert int(response.cookies["refreshToken"]["max-age"]) <= 86_400
    assert RefreshSession.objects.get().expires_at == expires_at
    with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1)):
        response = refresh(with_cookie(client.cookies["refreshToken"].value))
        assert (response.status_code, response.content) == (401, LOST)


def test_replaced_token_gets_the_same_successor_within_the_grace(alice: User) -> None:
    client, first = signed_in()
    second = refresh(client).cookies["refreshToken"].value
    for presented in (first, second, first, second):
        late = refresh(with_cookie(presented))
        assert late.status_code == 200
        assert verify_access_token(late.json()["token"]) == alice.pk
        assert late.cookies["refreshToken"].value == second


def test_session_ends_for_everybody_when_an_old_token_comes_up(alice: User) -> None:
    thief, stolen = signed_in()
    other, _ = signed_in()
    assert refresh(with_cookie(stolen)).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert refresh(thief).status_code == 401
        current = RefreshSession.objects.get()
        assert current.pk == other.cookies["refreshToken"].value.partition(".")[0]
        assert refresh(other).status_code == 200


def test_session_ends_when_a_token_from_long_ago_comes_up(alice: User) -> None:
    client, first = signed_in()
    start = timezone.now()
    for hours in (1, 2, 3):
        with time_machine.travel(start + timedelta(hours=hours)):
            assert refresh(client).status_code == 200
    with time_machine.travel(start + timedelta(hours=3, seconds=1)):
        response = refresh(with_cookie(first))
        assert (response.status_code, response.content) == (401, LOST)
        assert refresh(client).status_code == 401


def test_stored_cookie_is_good_until_logged_out_where_tokens_do_not_rotate(
    alice: User, client_for: ClientFor
) -> None:
    _, stored = signed_in()
    with override_settings(ROTATE_REFRESH_TOKENS=False):
        for minutes in (0, 1, 60):
            with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
                response = refresh(with_cookie(stored))
                assert response.cookies["refreshToken"].value == stored
        browser = client_for(alice)
        browser.cookies["refreshToken"] = stored
        assert post(browser, "/api/auth/logout").status_code == 200
        assert refresh(with_cookie(stored)).status_code == 401


def test_rotations_are_the_grace_apart(alice: User) -> None:
    client, _ = signed_in()
    tokens = []
    start = timezone.now()
    for seconds in (0, 5, 9, 11, 15, 20, 23):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            tokens.append(refresh(client).cookies["refreshToken"].value)
    assert [tokens.index(token) for token in tokens] == [0, 0, 0, 3, 3, 3, 6]


def test_two_tabs_stay_signed_in_when_they_refresh_a_thousand_times(alice: User) -> None:
    """One cookie jar, answers in either order, sometimes one that is lost."""
    browser, start = signed_in()[0], timezone.now()
    random = Random(4)
    for turn in range(1000):
        with time_machine.travel(start + timedelta(seconds=turn * 7)):
            presented = browser.cookies["refreshToken"].value
            answers = [refresh(with_cookie(presented)) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        random.shuffle(answers)
        for answer in answers[: random.choice([1, 2])]:
            browser.cookies["refreshToken"] = answer.cookies["refreshToken"].value


def test_status_is_403_when_a_retry_finds_no_session(alice: User) -> None:
    client, _ = signed_in()
    RefreshSession.objects.all().delete()
    response = refresh(client, "?retry=true")
    assert (response.status_code, response.content) == (403, b"No session found")
    assert refresh(client).status_code == 401


@pytest.mark.parametrize(
    "cookie", ["x", "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEifQ.c2ln", "a" * 24, "a" * 24 + ".", "."]
)
def test_token_is_invalid_when_its_form_is_wrong(db: None, cookie: str) -> None:
    response = refresh(with_cookie(cookie))
    assert (response.status_code, response.content) == (403, b"Invalid refresh token")


def test_token_is_refused_when_only_the_session_id_is_right(alice: User) -> None:
    _, token = signed_in()
    session_id, value, seal = token.split(".")
    for forged in ("guess", f"guess.{seal}", f"{value}.{seal[:-1]}", f"{value}.{'0' * 32}"):
        assert refresh(with_cookie(f"{session_id}.{forged}")).status_code == 401
    assert refresh(with_cookie(token)).status_code == 200


def test_token_from_before_the_seals_still_works(alice: User) -> None:
    _, token = signed_in()
    legacy = token.rpartition(".")[0]
    RefreshSession.objects.update(token_hash=crypto.token_hash(legacy))
    assert refresh(with_cookie(legacy)).cookies["refreshToken"].value.count(".") == 2


def test_refresh_is_refused_when_the_user_was_deactivated(alice: User) -> None:
    client, _ = signed_in()
    User.objects.update(is_active=False)
    response = refresh(client)
    assert (response.status_code, response.content) == (401, LOST)


def test_refresh_is_refused_when_the_user_was_deleted(alice: User) -> None:
    client, _ = signed_in()
    alice.delete()
    assert refresh(client).status_code == 401


@override_settings(ALLOW_EMAIL_LOGIN=False)
def test_refresh_ignores_the_authorization_header(stranger: Client) -> None:
    response = post(stranger, "/api/auth/refresh", Authorization="Bearer nonsense")
    assert response.status_code == 200


def test_refresh_costs_two_queries(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client, _ = signed_in()
    with django_assert_num_queries(2):
        refresh(client)


def test_slower_tab_gets_the_same_token_when_another_rotated_meanwhile(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = signed_in()
    replace, faster = sessions._replace, []

    def overtaken(session: RefreshSession, presented: str) -> bool:
        monkeypatch.setattr(sessions, "_replace", replace)
        faster.append(rotate_session(token=presented).token)
        return replace(session, presented)

    monkeypatch.setattr(sessions, "_replace", overtaken)
    slower = rotate_session(token=token)
    assert (slower.user, [slower.token]) == (alice, faster)
    assert refresh(with_cookie(slower.token.value)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_all_tabs_stay_signed_in_when_they_refresh_at_once(alice: User) -> None:
    _, token = signed_in()
    barrier = Barrier(6)

    def tab(_: int) -> tuple[int, str]:
        barrier.wait(timeout=10)
        try:
            response = refresh(with_cookie(token))
            return response.status_code, response.cookies["refreshToken"].value
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(tab, range(6)))
    assert [status for status, _ in answers] == [200] * 6
    assert len({cookie for _, cookie in answers}) == 1


def test_session_ends_and_cookies_go_when_logged_out(alice: User, client_for: ClientFor) -> None:
    _, token = signed_in()
    _, other_device = signed_in()
    client = client_for(alice)
    client.cookies["refreshToken"] = token
    response = post(client, "/api/auth/logout")
    assert (response.status_code, response.json()) == (200, {"message": "Logout successful"})
    for name in ("refreshToken", "token_provider"):
        assert response.cookies[name].value == ""
        assert response.cookies[name]["max-age"] == 0
    assert refresh(with_cookie(token)).status_code == 401
    assert refresh(with_cookie(other_device)).status_code == 200


def test_session_of_another_lives_on_when_logged_out_with_their_cookie(
    alice: User, bob: User, client_for: ClientFor
) -> None:
    _, token = signed_in()
    client = client_for(bob)
    client.cookies["refreshToken"] = token
    assert post(client, "/api/auth/logout").status_code == 200
    assert refresh(with_cookie(token)).status_code == 200


@pytest.mark.parametrize("forged", ["{id}.guess", "\0.guess", "\0", "x" * 5000])
def test_session_lives_on_when_logged_out_with_a_forged_cookie(
    alice: User, client_for: ClientFor, forged: str
) -> None:
    _, token = signed_in()
    client = client_for(alice)
    client.cookies["refreshToken"] = forged.format(id=token.partition(".")[0])
    assert post(client, "/api/auth/logout").status_code == 200
    assert RefreshSession.objects.count() == 1


def test_logout_is_refused_when_there_is_no_token(stranger: Client, alice: User) -> None:
    response = post(stranger, "/api/auth/logout")
    assert (response.status_code, response.json()) == (401, {"message": "No auth token"})
