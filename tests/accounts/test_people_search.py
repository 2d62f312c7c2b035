"""Finding somebody to share with."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Ban, Group, Membership, Role, User
from tests.conftest import ClientFor
from tests.factories import RoleFactory, UserFactory

PATH = "/api/permissions/search-principals"


def allow(**picker: bool) -> None:
    Role.objects.update_or_create(name="USER", defaults={"permissions": {"PEOPLE_PICKER": picker}})


@pytest.fixture
def everybody(db: None) -> None:
    allow(VIEW_USERS=True, VIEW_GROUPS=True, VIEW_ROLES=True)


def names(answer: Any) -> list[str]:
    return [each["name"] for each in answer.json()["results"]]


def test_people_groups_and_roles_are_found(
    alice: User,
    client_for: ClientFor,
    everybody: None,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    team = Group.objects.create(name="Sales", slug="sales", description="Those who sell")
    Membership.objects.create(user=alice, group=team)
    seller = UserFactory.create(name="Saladin", username="sally", email="s@example.com")
    RoleFactory.create(name="SALES", description="Sales people")
    client = client_for(alice)
    with django_assert_num_queries(5):  # the person, the role, one for each type
        answer = client.get(PATH, {"q": " sal ", "limit": "10", "types": "user,group,role"})
    assert answer.status_code == 200
    assert answer.json() == {
        "query": "sal",
        "limit": 10,
        "types": ["user", "group", "role"],
        "results": [
            {"type": "user", "name": "Saladin", "email": "s@example.com", "id": seller.pk,
             "source": "local", "idOnTheSource": seller.pk, "username": "sally",
             "provider": "local"},
            {"type": "group", "name": "Sales", "id": team.object_id, "source": "local",
             "idOnTheSource": team.object_id, "description": "Those who sell",
             "memberCount": 1},
            {"type": "role", "name": "SALES", "id": "SALES", "source": "local",
             "idOnTheSource": "SALES", "description": "Sales people"},
        ],
        "count": 3,
        "sources": {"local": 3, "entra": 0},
    }  # fmt: skip


def test_best_come_first_and_the_limit_cuts_the_others(
    alice: User, client_for: ClientFor, everybody: None
) -> None:
    for name in ("Marianne", "Ann-Kathrin", "Ann", "Joann"):
        UserFactory.create(name=name, username="", email=f"{name}@x.example".lower())
    client = client_for(alice)
    answer = client.get(PATH, {"q": "ANN", "types": "user"})
    assert names(answer) == ["Ann", "Ann-Kathrin", "Joann", "Marianne"]
    assert answer.json()["limit"] == 20
    assert names(client.get(PATH, {"q": "ann", "limit": "1"})) == ["Ann"]


@pytest.mark.parametrize(
    ("limit", "used"),
    [("0", 1), ("-5", 1), ("51", 50), ("9" * 5000, 50), ("ten", 20), ("", 20), ("1e3", 20)],
)
def test_limit_is_bounded(
    limit: str, used: int, alice: User, client_for: ClientFor, everybody: None
) -> None:
    answer = client_for(alice).get(PATH, {"q": "alice", "limit": limit})
    assert (answer.status_code, answer.json()["limit"]) == (200, used)


@pytest.mark.parametrize("query", ["", " ", "a", " a ", "\x00a\x00", "\x00\x00\x00"])
def test_query_has_to_be_long_enough(
    query: str, alice: User, client_for: ClientFor, everybody: None
) -> None:
    answer = client_for(alice).get(PATH, {"q": query})
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize("query", ["%%", "__", "a\\%", "' or 1=1 --", "x" * 5000, "\udcff\udcff"])
def test_signs_of_the_database_mean_themselves(
    query: str, alice: User, client_for: ClientFor, everybody: None
) -> None:
    escaped = query.encode("utf-8", "surrogatepass")
    answer = client_for(alice).get(PATH, {"q": escaped})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize(
    ("picker", "types", "status", "found"),
    [
        ({}, None, 403, None),
        ({}, "user", 403, None),
        ({"VIEW_USERS": True}, None, 200, {"user"}),
        ({"VIEW_USERS": True}, "user", 200, {"user"}),
        ({"VIEW_USERS": True}, "user,group", 403, None),
        ({"VIEW_GROUPS": True}, "user", 403, None),
        ({"VIEW_GROUPS": True}, "nonsense", 200, {"group"}),
        ({"VIEW_GROUPS": True, "VIEW_ROLES": True}, None, 200, {"group", "role"}),
        ({"VIEW_ROLES": True}, "role", 200, {"role"}),
    ],
)
def test_role_decides_who_is_shown(
    picker: dict[str, bool],
    types: str | None,
    status: int,
    found: set[str] | None,
    alice: User,
    client_for: ClientFor,
) -> None:
    allow(**picker)
    Group.objects.create(name="Alice's", slug="a")
    RoleFactory.create(name="ALICE")
    query = {"q": "alice"} | ({"types": types} if types else {})
    answer = client_for(alice).get(PATH, query)
    assert answer.status_code == status
    if found is None:
        assert answer.json()["error"] == "Forbidden"
    else:
        assert {each["type"] for each in answer.json()["results"]} == found


def test_who_is_deactivated_or_switched_off_is_not_shown(
    alice: User, client_for: ClientFor, everybody: None
) -> None:
    UserFactory.create(name="Gone", is_active=False)
    Group.objects.create(name="Gone", slug="gone", is_active=False)
    assert names(client_for(alice).get(PATH, {"q": "gone"})) == []


def test_who_is_banned_finds_nobody(alice: User, client_for: ClientFor, everybody: None) -> None:
    Ban.objects.create(user=alice, expires_at=timezone.now() + timedelta(hours=1))
    assert client_for(alice).get(PATH, {"q": "alice"}).status_code == 403
