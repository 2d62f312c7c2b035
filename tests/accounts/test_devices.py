"""The devices of a person: looking at them, and signing them out."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import RefreshSession, User
from tests.accounts.requests import login, post
from tests.conftest import ClientFor

DEVICES = "/api/user/sessions"


def test_devices_are_listed_without_their_secrets(
    alice: User, bob: User, client_for: ClientFor
) -> None:
    phone = login(Client(), "alice@example.com", **{"User-Agent": "Phone"})
    login(Client(), "alice@example.com", **{"User-Agent": "Laptop"})
    login(Client(), "bob@example.com")
    client = client_for(alice)
    client.cookies["refreshToken"] = phone.cookies["refreshToken"].value
    response = client.get(DEVICES)
    assert response.status_code == 200
    assert {(each["userAgent"], each["isCurrent"]) for each in response.json()} == {
        ("Phone", True),
        ("Laptop", False),
    }
    assert set(response.json()[0]) == {
        "id", "ipAddress", "userAgent", "isCurrent", "createdAt", "refreshedAt", "expiresAt",
    }  # fmt: skip
    for session in RefreshSession.objects.all():
        assert session.token_hash not in response.content.decode()


def test_ended_devices_are_not_listed(alice: User, client_for: ClientFor) -> None:
    login(Client(), "alice@example.com")
    client = client_for(alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert len(client.get(DEVICES).json()) == 1
        RefreshSession.objects.update(expires_at=timezone.now())
        assert client.get(DEVICES).json() == []


def test_device_is_signed_out(alice: User, client_for: ClientFor) -> None:
    phone, laptop = Client(), Client()
    login(phone, "alice@example.com")
    login(laptop, "alice@example.com")
    session_id = phone.cookies["refreshToken"].value.partition(".")[0]
    response = client_for(alice).delete(f"{DEVICES}/{session_id}")
    assert (response.status_code, response.json()) == (200, {"message": "Signed out"})
    assert post(phone, "/api/auth/refresh").status_code == 401
    assert post(laptop, "/api/auth/refresh").status_code == 200
    assert client_for(alice).delete(DEVICES).status_code == 200
    assert post(laptop, "/api/auth/refresh").status_code == 401


@pytest.mark.parametrize("suffix", ["", "/x", "/0"])
def test_device_of_another_stays(
    alice: User, bob: User, client_for: ClientFor, suffix: str
) -> None:
    login(Client(), "bob@example.com")
    session = RefreshSession.objects.get()
    response = client_for(alice).delete(f"{DEVICES}/{session.pk}{suffix}")
    assert response.status_code == 404
    assert client_for(alice).delete(DEVICES).status_code == 200
    assert RefreshSession.objects.get() == session


def test_stranger_gets_401(stranger: Client) -> None:
    assert stranger.get(DEVICES).status_code == 401
    assert stranger.delete(DEVICES).status_code == 401
    assert stranger.delete(f"{DEVICES}/x").status_code == 401


def test_list_costs_two_queries(
    alice: User, client_for: ClientFor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        login(Client(), "alice@example.com")
    with django_assert_num_queries(2):
        client_for(alice).get(DEVICES)
