"""/metrics: what Prometheus reads, and who may not."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from librechat_backend.metrics import metrics
from usage.entries import Face, RequestEntry, Status, Tokens
from usage.metrics import exposition, observe


async def ask(client: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "client": (client, 1), "path": "/metrics",
        "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
    }  # fmt: skip
    await metrics(scope, None, send)
    return sent[0]["status"], sent[1]["body"].decode()


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200), ("::1", {}, 200), ("203.0.113.7", {}, 404), ("10.0.0.1", {}, 404),
        ("127.0.0.1", {"x_forwarded_for": "127.0.0.1"}, 404),
    ],
)  # fmt: skip
async def test_only_this_machine_reads_when_there_is_no_token(
    client: str, headers: dict[str, str], status: int
) -> None:
    assert (await ask(client, **headers))[0] == status


@pytest.mark.parametrize(
    ("authorization", "status"), [("Bearer secret", 200), ("Bearer else", 404), ("", 404)]
)
async def test_token_opens_and_nothing_else_does(
    settings: Any, authorization: str, status: int
) -> None:
    settings.METRICS_TOKEN = "secret"
    for client in ("127.0.0.1", "203.0.113.7"):
        assert (await ask(client, authorization=authorization))[0] == status


def value(line_start: str) -> float:
    lines = [line for line in exposition().decode().splitlines() if line.startswith(line_start)]
    return float(lines[0].rsplit(" ", 1)[1]) if lines else 0.0


def test_requests_are_counted_without_a_word_about_people() -> None:
    labels = (
        '{face="api",model="metrics-model",operation="chat.completions",outcome="ok",'
        'provider="openAI"}'
    )
    before = value(f"librechat_requests_total{labels}")
    entry = RequestEntry(
        Face.API, "chat.completions", user_id="somebody", token_name="my-token",
        endpoint="openAI", requested_model="metrics-model", status=Status.OK,
        tokens=Tokens(20, 9), first_token_ms=40, total_ms=90,
        attempts=[{"channel": "c", "error": "upstream 500"}, {"channel": "d", "error": ""}],
    )  # fmt: skip
    observe(entry)
    assert value(f"librechat_requests_total{labels}") == before + 1
    assert value('librechat_tokens_total{direction="input",face="api",model="metrics-model"}') >= 20
    assert value('librechat_failed_attempts_total{channel="c",error="upstream 500"}') >= 1
    text = exposition().decode()
    assert "somebody" not in text
    assert "my-token" not in text


async def test_every_line_is_as_prometheus_wants_it() -> None:
    observe(
        RequestEntry(
            Face.API, "chat.completions", endpoint='odd "name"\\\n', requested_model="m",
            status=Status.OK, first_token_ms=40, total_ms=90,
            attempts=[{"channel": 'odd "name"\\\n', "error": "upstream"}],
        )
    )  # fmt: skip
    families = {f.name: f for f in text_string_to_metric_families((await ask())[1])}
    ours = {name: family.type for name, family in families.items() if name.startswith("librechat")}
    kinds = {kind for name, kind in ours.items() if not name.endswith("_created")}
    assert kinds == {"counter", "histogram"}
    assert all(family.documentation for family in families.values())
    told = {
        sample.labels.get("channel") for sample in families["librechat_failed_attempts"].samples
    }
    assert 'odd "name"\\\n' in told
    for name in ("librechat_first_token_seconds", "librechat_request_seconds"):
        samples = [s for s in families[name].samples if s.labels["face"] == "api"]
        counts = [s.value for s in samples if s.name.endswith("_bucket")]
        (count,) = [s.value for s in samples if s.name.endswith("_count")]
        assert counts == sorted(counts)
        assert (counts[-1], count >= 1) == (count, True)


def test_unknown_model_is_no_label() -> None:
    observe(RequestEntry(Face.API, "chat.completions", requested_model="made-up-by-a-caller"))
    assert "made-up-by-a-caller" not in exposition().decode()
