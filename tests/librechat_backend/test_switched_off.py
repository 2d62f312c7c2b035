"""Fixed answers for what is not built."""

import pytest
from django.test import Client
from django.urls import include, path
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from librechat_backend.lib.json import JSONValue
from librechat_backend.switched_off import ANSWERS
from librechat_backend.switched_off import urlpatterns as answers
from tests.conftest import ClientFor

pytestmark = pytest.mark.urls(__name__)
urlpatterns = [path("api/", include(answers))]

# What crashes the client in any other shape (contract 06 §1.3, 04 §16).
SHAPES = [
    ("keys?name=My%20AI", {"expiresAt": None}),
    ("agents/categories", []),
    ("agents/tools", []),
    ("agents/tools/calls?conversationId=c1", []),
    ("agents/tools/web_search/auth", {"authenticated": False, "authTypes": []}),
    ("mcp/servers", {}),
    ("mcp/connection/status", {"success": True, "connectionStatus": {}}),
    (
        "convos/c1/subagents",
        {"parentConversationId": "c1", "children": [], "childrenTruncated": False},
    ),
    (
        "agents?requiredPermission=1&limit=1000",
        {
            "object": "list",
            "data": [],
            "first_id": None,
            "last_id": None,
            "has_more": False,
            "after": None,
        },
    ),
]
PATHS = [
    answer.pattern.replace("<str:type>", "agent").replace("<str:id>", "c1") for answer in ANSWERS
]


@pytest.mark.parametrize(("path", "expected"), SHAPES)
def test_answer_has_the_shape_the_client_needs(
    path: str, expected: JSONValue, alice: User, client_for: ClientFor
) -> None:
    response = client_for(alice).get(f"/api/{path}")
    assert response.status_code == 200
    assert response["content-type"] == "application/json"
    assert response.json() == expected


@pytest.mark.parametrize("path", PATHS)
def test_stranger_gets_401_when_asking(path: str, client: Client) -> None:
    response = client.get(f"/api/{path}")
    assert response.status_code == 401
    assert response.json() == {"message": "No auth token"}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["keys"])
def test_method_does_not_exist_when_it_would_change_something(
    path: str, method: str, alice: User, client_for: ClientFor
) -> None:
    response = getattr(client_for(alice), method)(f"/api/{path}")
    assert response.status_code == 404
    assert response.json() == {"message": "Endpoint not found"}


@pytest.mark.parametrize("path", PATHS)
def test_answer_costs_the_sign_in_query_alone(
    path: str,
    alice: User,
    client_for: ClientFor,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(alice)
    with django_assert_max_num_queries(1):
        assert client.get(f"/api/{path}").status_code in {200, 204}
