"""Deactivated or banned in the administration while answers are being written: a live server."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider

PASSWORD = "correct horse battery"
# Far more than the heartbeat that notices; the answers would take minutes.
NOTICED_SECONDS = 30
QUESTION = "[[chunks:20000:0.02]]"
CHAT = {"text": QUESTION, "endpoint": "openAI", "model": "gpt-4.1"}
MESSAGES = {"messages": [{"role": "user", "content": QUESTION}]}
# Of the API: what is asked, and how the last frame says that the key is no good any more.
API: dict[str, tuple[dict[str, Any], bytes]] = {
    "/v1/chat/completions": (MESSAGES, b'"code":"invalid_api_key"'),
    "/v1/responses": ({"input": QUESTION}, b'"code":"invalid_api_key"'),
    "/v1/messages": (MESSAGES | {"max_tokens": 9}, b'"type":"authentication_error"'),
}


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with start_fake_provider() as fake:
        env = {
            "OPENAI_API_KEY": "sk-a", "OPENAI_REVERSE_PROXY": f"{fake}/v1",
            "OPENAI_MODELS": "gpt-4.1", "TITLE_CONVO": "false",
        }  # fmt: skip
        with live_server(env=env) as running:
            running.manage(
                "create_user", "boss@example.com", "--superuser", "--password-stdin", stdin=PASSWORD
            )
            yield running


class Listener:
    """What a stream has sent so far, read in a thread of its own."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        self.received = b""
        self._has_begun, self._has_ended = threading.Event(), threading.Event()
        self._pieces = pieces
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._has_begun.wait(NOTICED_SECONDS), "the stream did not begin"

    def _listen(self) -> None:
        for piece in self._pieces():
            self.received += piece
            if b"delta" in self.received:
                self._has_begun.set()
        self._has_ended.set()

    def all(self) -> bytes:
        assert self._has_ended.wait(NOTICED_SECONDS), "the stream went on"
        return self.received


class Person:
    """Somebody with answers that are being written: in the chat, over WebSocket, for programs."""

    def __init__(self, server: LiveServer) -> None:
        self.email = f"{uuid4().hex[:12]}@example.com"
        server.create_user(self.email, PASSWORD)
        key = server.manage("create_api_key", self.email, "--quiet").splitlines()[-1]
        self.client = httpx.Client(base_url=server.base_url, timeout=NOTICED_SECONDS)
        body = self.client.post(
            "/api/auth/login", json={"email": self.email, "password": PASSWORD}
        ).json()
        self.id = body["user"]["id"]
        self.client.headers["Authorization"] = f"Bearer {body['token']}"
        self.api = httpx.Client(
            base_url=server.base_url, timeout=NOTICED_SECONDS,
            headers={"Authorization": f"Bearer {key}"},
        )  # fmt: skip
        self._listen(server, body["token"])

    def _listen(self, server: LiveServer, token: str) -> None:
        started = self.ask()
        assert started.status_code == 200, started.text
        address = f"/api/agents/chat/stream/{started.json()['streamId']}"
        self.chat = Listener(lambda: self._read(self.client, "GET", address))
        opening = connect(
            server.base_url.replace("http", "ws") + "/ws/chat/",
            additional_headers={"Authorization": f"Bearer {token}"},
        )
        self.socket = ExitStack().enter_context(opening)  # the server is to close it
        self.socket.send(json.dumps({"type": "start", "payload": CHAT}))
        self.spoken = Listener(self._until_final)
        self.calls = {
            path: Listener(
                lambda path=path, body=body: self._read(  # type: ignore[misc]
                    self.api, "POST", path, {"model": "gpt-4.1", "stream": True, **body}
                )
            )
            for path, (body, _) in API.items()
        }

    def ask(self) -> httpx.Response:
        return self.client.post("/api/agents/chat/openAI", json=CHAT)

    def _read(
        self, client: httpx.Client, method: str, path: str, body: object = None
    ) -> Iterator[bytes]:
        with client.stream(method, path, json=body) as stream:
            yield from stream.iter_bytes()

    def _until_final(self) -> Iterator[bytes]:
        for message in self.socket:
            yield str(message).encode()
            if "final" in json.loads(message).get("event", {}):
                return

    def is_out(self, *, status: int) -> None:
        """Whatever they hold opens nothing any more, and what was running has ended."""
        assert self.client.get("/api/user").status_code == status
        assert self.client.get("/api/agents/chat/active").status_code == status
        assert self.client.post("/api/auth/refresh").status_code == 401
        assert self.api.get("/v1/models").status_code == 401
        assert b'"unfinished":true' in self.chat.all()
        assert b'"unfinished":true' in self.spoken.all()
        for path, call in self.calls.items():
            assert API[path][1] in call.all(), path
            for end in (b"[DONE]", b"response.completed", b"message_stop"):
                assert end not in call.received, path
            assert self.api.post(path, json={"model": "gpt-4.1"}).status_code == 401
        self._is_out_of_the_socket(status)

    def _is_out_of_the_socket(self, status: int) -> None:
        self.socket.send(json.dumps({"type": "subscribe", "streamId": "x", "requestId": "1"}))
        answer = json.loads(self.socket.recv(NOTICED_SECONDS))
        assert (answer["type"], answer["status"]) == ("error", status)
        with pytest.raises(ConnectionClosed):
            self.socket.recv(NOTICED_SECONDS)
        assert self.socket.close_code == 4401


@pytest.fixture
def boss(server: LiveServer) -> httpx.Client:
    client = httpx.Client(base_url=server.base_url, timeout=30)
    form = {"username": "boss@example.com", "password": PASSWORD, "next": "/admin/"}
    submit(client, "/admin/login/", form)
    assert "sessionid" in client.cookies
    return client


def submit(client: httpx.Client, path: str, form: dict[str, str]) -> httpx.Response:
    client.get(path)
    token = client.cookies["csrftoken"]
    answer = client.post(path, data=form | {"csrfmiddlewaretoken": token})
    assert answer.status_code == 302, answer.text
    return answer


def test_deactivated_person_is_out_with_the_answer_being_written(
    server: LiveServer, boss: httpx.Client
) -> None:
    person = Person(server)
    form = {"action": "deactivate", "_selected_action": person.id}
    submit(boss, "/admin/accounts/user/", form)
    assert person.ask().status_code == 401
    person.is_out(status=401)


def test_banned_person_is_out_with_the_answer_being_written(
    server: LiveServer, boss: httpx.Client
) -> None:
    person = Person(server)
    until = datetime.now(UTC) + timedelta(hours=1)
    form = {
        "user": person.id, "ip_address": "", "reason": "rude",
        "expires_at_0": f"{until:%Y-%m-%d}", "expires_at_1": f"{until:%H:%M:%S}",
    }  # fmt: skip
    submit(boss, "/admin/accounts/ban/add/", form)
    assert person.ask().json() == {"type": "ban"}
    person.is_out(status=403)
    credentials = {"email": person.email, "password": PASSWORD}
    assert person.client.post("/api/auth/login", json=credentials).status_code == 403
    submit(boss, "/admin/accounts/user/", {"action": "lift_bans", "_selected_action": person.id})
    assert person.client.post("/api/auth/login", json=credentials).status_code == 200
