"""What every JSON endpoint does with odd requests."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from accounts.models import User
from conversations.models import Conversation
from presets.models import PersonalPreset
from tests.conversations.factories import make_conversation, make_message

ClientFor = Callable[[User], Client]
HUGE = ["9007199254740992", "-9007199254740992", "1e17", "1E300", "9" * 400, "1.5e+200"]


@pytest.fixture
def client(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "nonsense", ""])
def test_answer_is_json_whatever_is_accepted(client: Client, accept: str) -> None:
    answer = client.get("/api/convos", headers={"accept": accept})
    assert (answer.status_code, answer["content-type"]) == (200, "application/json")


@pytest.mark.parametrize("path", ["/api/convos", "/api/user", "/api/token"])
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_database_that_is_away_is_no_fault_of_the_request(
    client: Client, path: str, error: type[Exception]
) -> None:
    def away(*asked: Any) -> Any:
        raise error("the connection is closed")

    with connection.execute_wrapper(away):
        answer = client.get(path)
    assert (answer.status_code, answer["retry-after"]) == (503, "1")
    assert answer["content-type"] == "application/json"
    assert "cannot reach its database" in answer.json()["message"]
    assert client.get(path).status_code == 200


def test_redis_that_is_away_is_named_and_no_fault_of_the_request(
    stranger: Client, settings: Any
) -> None:
    nobody = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:9",
    }
    settings.CACHES = {"default": nobody}
    answer = stranger.post("/api/auth/login", {"email": "a@example.com", "password": "x"})
    assert (answer.status_code, answer["retry-after"]) == (503, "1")
    assert "cannot reach Redis" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/api/convos", "/api/docs", "/api/auth/login", "/api/presets"])
def test_options_tell_nothing_of_the_making(client: Client, path: str) -> None:
    answer = client.options(path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Endpoint not found"})


@pytest.mark.parametrize("path", ["/api/docs", "/api/schema"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_description_answers_in_json_when_the_method_is_another(
    stranger: Client, path: str, method: str
) -> None:
    answer = getattr(stranger, method)(path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Endpoint not found"})
    assert stranger.head(path).status_code == 200


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/presets", '{"title": "x", "examples": [{"input": {"content": %s}}]}'),
        ("post", "/api/presets", '{"title": "x", "temperature": %s}'),
        ("post", "/api/user/settings/favorites", '{"favorites": [{"model": "x", "n": [%s]}]}'),
        ("put", "/api/messages/{chat}/{message}", '{"text": "x", "index": %s}'),
        ("post", "/api/messages/{chat}", '{"messageId": "y", "tokenCount": %s}'),
        ("post", "/api/convos/update", '{"arg": {"conversationId": "{chat}", "title": %s}}'),
    ],
)
def test_number_is_refused_when_no_column_could_give_it_back(
    client: Client, alice: User, method: str, path: str, body: str, number: str
) -> None:
    message = make_message(make_conversation(alice))
    chat = message.conversation.conversation_id
    path = path.replace("{chat}", chat).replace("{message}", message.message_id)
    data = body.replace("{chat}", chat) % number
    answer = getattr(client, method)(path, data, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json().keys() == {"error"} or answer.json()["error"] == "Invalid JSON format"
    alice.refresh_from_db()
    assert (alice.favorites, PersonalPreset.objects.count()) == ([], 0)
    assert Conversation.objects.get().title == "Tide tables"


@pytest.mark.parametrize("number", ["9007199254740991", "1e15", '"1e400"', '"9999999999999999"'])
def test_number_is_taken_when_the_browser_can_hold_it(client: Client, number: str) -> None:
    data = f'{{"title": "x", "examples": [{{"input": {{"content": {number}}}}}]}}'
    answer = client.post("/api/presets", data, content_type="application/json")
    assert answer.status_code == 201
    assert client.get("/api/presets").status_code == 200


@pytest.mark.parametrize("depth", [101, 900, 1024, 100_000])
@pytest.mark.parametrize("text", ['"x"', '"\\u0000"'])
def test_body_is_refused_when_it_is_nested_too_deep(client: Client, depth: int, text: str) -> None:
    data = f'{{"title": "x", "examples": {"[" * depth}{text}{"]" * depth}}}'
    answer = client.post("/api/presets", data, content_type="application/json")
    assert answer.status_code == 400
    assert not PersonalPreset.objects.exists()


def test_refusal_is_json_when_the_query_has_too_many_members(client: Client) -> None:
    answer = client.get("/api/convos?" + "&".join(f"tags={n}" for n in range(1001)))
    assert (answer.status_code, answer.json()) == (400, {"error": "Bad request"})
