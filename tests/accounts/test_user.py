from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import AsyncRequestFactory, Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.authentication import OptionalBearerAuthentication, authenticate, user_for_token
from accounts.models import Role, User
from accounts.permissions import BUILT, USER_DEFAULTS
from librechat_backend.lib.errors import NotAuthenticated
from librechat_backend.lib.times import to_iso
from tests.accounts.requests import post
from tests.conftest import ClientFor, TokenFor
from tests.factories import UserFactory

PROTECTED = [
    ("GET", "/api/user"),
    ("GET", "/api/user/terms"),
    ("POST", "/api/user/terms/accept"),
    ("GET", "/api/user/settings/favorites"),
    ("POST", "/api/user/settings/favorites"),
    ("GET", "/api/user/settings/favorites/tools"),
    ("GET", "/api/user/settings/skills/active"),
    ("GET", "/api/user/settings/pinned-order"),
    ("POST", "/api/user/settings/pinned-order"),
    ("GET", "/api/roles/USER"),
    ("POST", "/api/auth/logout"),
]
FAVORITES = "/api/user/settings/favorites"
PINNED_ORDER = "/api/user/settings/pinned-order"


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_stranger_is_refused(stranger: Client, method: str, path: str) -> None:
    response = stranger.generic(method, path)
    assert (response.status_code, response.json()) == (401, {"message": "No auth token"})
    assert "WWW-Authenticate" not in response


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Basic YTpi", "No auth token"),
        ("Bearer", "No auth token"),
        ("Bearer ", "No auth token"),
        ("Bearer nonsense", "jwt malformed"),
    ],
)
def test_reason_is_given_when_the_header_is_unusable(
    stranger: Client, db: None, header: str, message: str
) -> None:
    response = stranger.get("/api/user", headers={"authorization": header})
    assert (response.status_code, response.json()) == (401, {"message": message})


def test_reason_is_expired_when_the_token_is_old(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.get("/api/user").json() == {"message": "jwt expired"}


def test_token_is_refused_when_the_user_is_inactive_or_gone(
    alice: User, client_for: ClientFor
) -> None:
    client = client_for(alice)
    User.objects.update(is_active=False)
    response = client.get("/api/user")
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})
    User.objects.all().delete()
    response = client.get("/api/user")
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})


def test_user_object_is_complete(
    alice: User, client_for: ClientFor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_for(alice)
    with django_assert_num_queries(1):
        response = client.get("/api/user")
    assert response.json() == {
        "id": alice.pk,
        "_id": alice.pk,
        "email": "alice@example.com",
        "name": "Alice",
        "username": "alice",
        "avatar": None,
        "role": "USER",
        "provider": "local",
        "emailVerified": False,
        "twoFactorEnabled": False,
        "personalization": {"memories": True},
        "plugins": [],
        "favorites": [],
        "termsAccepted": False,
        "createdAt": to_iso(alice.created_at),
        "updatedAt": to_iso(alice.updated_at),
    }


@pytest.mark.django_db(transaction=True)
async def test_async_twin_finds_the_user(alice: User, token_for: TokenFor) -> None:
    headers = {"authorization": f"Bearer {token_for(alice)}"}
    request = AsyncRequestFactory().get("/", headers=headers)
    assert await authenticate(request) == alice


async def test_async_twin_refuses_a_stranger() -> None:
    with pytest.raises(NotAuthenticated, match="No auth token"):
        await authenticate(AsyncRequestFactory().get("/"))


def test_user_is_found_when_a_token_comes_without_a_request(
    alice: User, token_for: TokenFor
) -> None:
    assert user_for_token(token_for(alice)) == alice


def test_optional_authentication_takes_a_bad_token_for_none(
    alice: User, token_for: TokenFor, rf: Any
) -> None:
    optional = OptionalBearerAuthentication()
    token = token_for(alice)
    assert optional.authenticate(rf.get("/")) is None
    assert optional.authenticate(rf.get("/", headers={"authorization": "Bearer x"})) is None
    good = rf.get("/", headers={"authorization": f"Bearer {token}"})
    assert optional.authenticate(good) == (alice, token)


def test_terms_are_accepted_once(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    assert client.get("/api/user/terms").json() == {
        "termsAccepted": False,
        "termsAcceptedAt": None,
    }
    first = post(client, "/api/user/terms/accept").json()
    assert first["message"] == "Terms accepted successfully"
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        assert post(client, "/api/user/terms/accept").json() == first
    assert client.get("/api/user/terms").json() == {
        "termsAccepted": True,
        "termsAcceptedAt": first["termsAcceptedAt"],
    }
    assert client.get("/api/user").json()["termsAccepted"] is True


def test_favorites_are_kept(alice: User, bob: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    assert client.get(FAVORITES).json() == []
    entries = [{"agentId": "a1"}, {"model": "m", "endpoint": "e"}, {"spec": "s"}]
    noisy = [entries[0] | {"model": None, "extra": 1}, *entries[1:]]
    response = post(client, FAVORITES, {"favorites": noisy})
    assert (response.status_code, response.json()) == (200, entries)
    assert client.get(FAVORITES).json() == entries
    assert client_for(bob).get(FAVORITES).json() == []
    assert post(client, FAVORITES, {"favorites": []}).json() == []


@pytest.mark.parametrize(
    ("favorites", "message"),
    [
        (None, "Favorites must be an array"),
        ("x", "Favorites must be an array"),
        (["x"], "Each favorite must be an object"),
        ([{}], "Each favorite must have either agentId, model and endpoint, or spec"),
        ([{"model": "m"}], "Each favorite must have either agentId, model and endpoint, or spec"),
        (
            [{"agentId": "a", "spec": "s"}],
            "Each favorite must have either agentId, model and endpoint, or spec",
        ),
        ([{"spec": ""}], "spec must be a non-empty string"),
        ([{"spec": 5}], "spec must be a non-empty string"),
        ([{"agentId": "x" * 257}], "agentId exceeds maximum length of 256"),
    ],
)
def test_favorites_are_refused_when_an_entry_is_wrong(
    alice: User, client_for: ClientFor, favorites: object, message: str
) -> None:
    client = client_for(alice)
    response = post(client, FAVORITES, {"favorites": favorites})
    assert (response.status_code, response.json()) == (400, {"message": message})
    assert client.get(FAVORITES).json() == []


def test_limit_is_named_when_there_are_too_many_favorites(
    alice: User, client_for: ClientFor
) -> None:
    client = client_for(alice)
    many = [{"spec": str(number)} for number in range(51)]
    response = post(client, FAVORITES, {"favorites": many})
    assert response.status_code == 400
    assert response.json() == {
        "code": "MAX_FAVORITES_EXCEEDED",
        "message": "Maximum 50 favorites allowed",
        "limit": 50,
    }
    assert post(client, FAVORITES, {"favorites": many[:50]}).status_code == 200


def test_pinned_order_is_kept(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    assert client.get(PINNED_ORDER).json() == []
    assert post(client, PINNED_ORDER, {"pinnedOrder": ["b", "a"]}).json() == ["b", "a"]
    assert client.get(PINNED_ORDER).json() == ["b", "a"]


@pytest.mark.parametrize("body", [None, [], {"pinnedOrder": "x"}, {"pinnedOrder": [1]}])
def test_pinned_order_is_refused_when_it_is_no_list_of_keys(
    alice: User, client_for: ClientFor, body: object
) -> None:
    assert post(client_for(alice), PINNED_ORDER, body).status_code == 400


def test_neutral_answers_when_a_feature_is_not_there(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    assert client.get(f"{FAVORITES}/tools").json() == []
    assert client.get("/api/user/settings/skills/active").json() == {}


def test_path_is_unknown_when_the_method_is_another(stranger: Client) -> None:
    response = stranger.get("/api/auth/login")
    assert (response.status_code, response.json()) == (404, {"message": "Endpoint not found"})


def test_role_has_the_complete_matrix(
    alice: User, client_for: ClientFor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Role.objects.update_or_create(name="USER", defaults={"description": "All", "permissions": {}})
    client = client_for(alice)
    with django_assert_num_queries(2):
        response = client.get("/api/roles/USER")
    assert response.status_code == 200
    expected = {
        str(type_): {str(bit): is_on and (type_, bit) in BUILT for bit, is_on in bits.items()}
        for type_, bits in USER_DEFAULTS.items()
    }
    assert expected["BOOKMARKS"]["USE"]
    assert response.json() == {"name": "USER", "description": "All", "permissions": expected}


@pytest.mark.parametrize("name", ["ADMIN", "TEACHERS", "NOTHING", "user"])
def test_role_is_refused_when_it_is_not_ones_own(
    alice: User, client_for: ClientFor, name: str
) -> None:
    Role.objects.create(name="TEACHERS")
    response = client_for(alice).get(f"/api/roles/{name}")
    assert (response.status_code, response.json()) == (403, {"message": "Unauthorized"})


def test_role_of_ones_own_is_shown_though_its_name_has_a_blank(
    db: None, client_for: ClientFor
) -> None:
    Role.objects.create(name="Form teachers")
    teacher = UserFactory.create(role="Form teachers")
    assert client_for(teacher).get("/api/roles/Form%20teachers").json()["name"] == "Form teachers"


def test_administrator_sees_every_role(admin_user: User, client_for: ClientFor) -> None:
    Role.objects.create(name="TEACHERS")
    client = client_for(admin_user)
    assert client.get("/api/roles/ADMIN").json()["name"] == "ADMIN"
    assert client.get("/api/roles/TEACHERS").json()["name"] == "TEACHERS"
    response = client.get("/api/roles/NOTHING")
    assert (response.status_code, response.json()) == (404, {"message": "Role not found"})


@pytest.mark.parametrize("name", ["USER", "ADMIN"])
def test_builtin_role_is_shown_without_a_write_when_it_has_no_row(
    admin_user: User, client_for: ClientFor, name: str
) -> None:
    Role.objects.all().delete()
    assert client_for(admin_user).get(f"/api/roles/{name}").status_code == 200
    assert not Role.objects.exists()
