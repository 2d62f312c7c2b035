"""A live server with a fake provider, presets made over the admin API, and people who chat."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from librechat_backend.lib import json
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider

PASSWORD = "correct horse battery"
ADMIN, ALICE = "admin@example.com", "alice@example.com"


class Caller:
    """Somebody at a server. Every answer is returned as it came."""

    def __init__(self, base_url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=base_url, headers=headers, timeout=30)

    def get(self, path: str) -> Any:
        return self._client.get(path).json()

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. Raises AssertionError for an error."""
        answer = self._client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> httpx.Response:
        return self._client.post(path, json=body)

    def ask(self, text: str = "Hello", *, at: str = "openAI", **fields: Any) -> httpx.Response:
        body = {"text": text, "endpoint": at, "parentMessageId": NO_PARENT}
        body |= {"clientRequestId": new_uuid(), **fields}
        return self.post(f"/api/agents/chat/{at}", body)

    def chat(self, text: str = "Hello", **fields: Any) -> Any:
        """A whole turn: the payload of its final frame."""
        started = self.ask(text, **fields)
        assert started.status_code == 200, started.text
        stream = self._client.get(f"/api/agents/chat/stream/{started.json()['streamId']}")
        frames = [line[5:] for line in stream.text.splitlines() if line.startswith("data:")]
        final = json.loads(frames[-1])
        assert final.get("final"), final
        return final

    def specs(self) -> list[str]:
        listed = self.get("/api/config").get("modelSpecs", {"list": []})
        return [spec["name"] for spec in listed["list"]]

    def close(self) -> None:
        self._client.close()


class House:
    """One server, an administrator, Alice, and the provider that sees what is asked of models."""

    def __init__(self, server: LiveServer, provider_url: str) -> None:
        self.server, self.provider_url = server, provider_url
        server.manage("create_user", ADMIN, "--superuser", "--password-stdin", stdin=PASSWORD)
        server.create_user(ALICE, PASSWORD)
        self.admin_token = server.sign_in(ADMIN, PASSWORD)
        self.alice_token = server.sign_in(ALICE, PASSWORD)
        self.admin = Caller(server.base_url, self.admin_token)
        self.alice = Caller(server.base_url, self.alice_token)

    def preset(self, slug: str, **fields: Any) -> str:
        """Given to Alice unless ``fields`` name somebody; its id."""
        body = {"name": slug, "slug": slug, "endpoint": "openAI", "model": "fake"}
        receiver = {} if fields.keys() & {"everyone", "userId", "nobody"} else {"userId": ALICE}
        fields.pop("nobody", None)
        made = self.admin.send("POST", "/api/admin/presets", {**body, **receiver, **fields})
        return str(made["id"])

    def received(self) -> list[Any]:
        """Bodies of the chat requests the provider got since the last look; titles left out."""
        rows = httpx.get(f"{self.provider_url}/requests").json()
        httpx.delete(f"{self.provider_url}/requests")
        bodies = [row["body"] for row in rows if "body" in row]
        return [body for body in bodies if body.get("stream")]

    def close(self) -> None:
        self.admin.close()
        self.alice.close()


@contextmanager
def house() -> Iterator[House]:
    with start_fake_provider() as url:
        env = {
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_REVERSE_PROXY": f"{url}/v1",
            "OPENAI_MODELS": "fake,other",
            "ANTHROPIC_API_KEY": "sk-ant",
            "ANTHROPIC_REVERSE_PROXY": url,
            "ANTHROPIC_MODELS": "claude-fake",
            "SHUTDOWN_GRACE_SECONDS": "0",
            "TITLE_CONVO": "false",
        }
        with live_server(env=env) as server:
            found = House(server, url)
            try:
                yield found
            finally:
                found.close()
