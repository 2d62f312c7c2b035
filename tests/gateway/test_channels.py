"""What is set for channels and model names, seen through the API's own door."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.rollout import in_rollout
from providers import services
from providers.health import board
from providers.models import Channel, KeyHealth, ModelAlias, NameRule
from tests.gateway.conftest import HELLO, Api, MakeChannel, chat_body, frames, log_rows, text_of
from tests.providers.conftest import Fake
from usage.metrics import exposition

ASKED: dict[str, dict[str, Any]] = {
    "chat/completions": chat_body("", model="auto"),
    "messages": chat_body("", model="auto", max_tokens=50),
    "responses": {"model": "auto", "input": ""},
}
HARD = "def f(x): pass"


async def said(api: Api) -> str:
    return str((await api.chat()).json()["choices"][0]["message"]["content"])


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, "/openai/deployments/gpt-fake/chat/completions?api-version=2024-10-21"),
        (
            {"api_version": "2025-01-01-preview", "deployment": "ours"},
            "/openai/deployments/ours/chat/completions?api-version=2025-01-01-preview",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_azure_is_asked_for_its_deployment(
    api: Api,
    make_channel: MakeChannel,
    fake: Fake,
    options: dict[str, str],
    path: str,
    stream: bool,
) -> None:
    await in_database(make_channel, kind="azure", base_url=fake.url, options=options)
    answer = await api.chat(stream=stream)
    told = text_of(frames(answer)) if stream else answer.json()["choices"][0]["message"]["content"]
    assert told == HELLO
    (request,) = fake.received()
    assert request["path"] == path
    assert request["headers"]["api-key"] == "sk-upstream-secret"
    assert "authorization" not in request["headers"]


@pytest.mark.parametrize("stream", [False, True])
async def test_relay_gets_the_request_with_the_address_of_the_account(
    api: Api, make_channel: MakeChannel, fake: Fake, stream: bool
) -> None:
    def make() -> None:
        channel: Channel = make_channel(
            kind="cloudflare", base_url="", options={"account_id": "acc"},
            relay_url=f"{fake.url}/v1", model_names=["m", "@cf/meta/llama"],
        )  # fmt: skip
        services.seal_relay_key(channel=channel, secret="relay-secret")
        services.save_channel(channel=channel)

    await in_database(make)
    for model in ("m", "@cf/meta/llama"):
        assert (await api.chat(model=model, stream=stream)).status_code == 200
        headers = fake.received()[-1]["headers"]
        account = "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1"
        assert headers["x-relay-target"] == account
        assert headers["x-relay-key"] == "relay-secret"
        assert headers["authorization"] == "Bearer sk-upstream-secret"


@pytest.mark.parametrize("path", ["chat/completions", "messages", "responses", "embeddings"])
@pytest.mark.parametrize("kind", ["openai", "anthropic", "google"])
async def test_headers_of_a_channel_are_sent_on_every_way(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str, path: str
) -> None:
    """And nothing of the caller's own key and headers."""
    await in_database(make_channel, kind=kind, headers={"X-Extra": "ours"})
    asked = {"input": "Hi"} if path in ("responses", "embeddings") else chat_body(max_tokens=9)
    answer = await api.post(
        f"/v1/{path}", {"model": "m", **asked}, x_extra="theirs", x_relay_key="theirs"
    )
    if (kind, path) == ("anthropic", "embeddings"):
        assert answer.json()["error"]["code"] == "unsupported_operation"
        return
    assert answer.status_code == 200, answer.text
    (request,) = fake.received()
    assert request["headers"]["x-extra"] == "ours"
    assert "x-relay-key" not in request["headers"]
    assert api.key not in str(request)


@pytest.mark.parametrize("percent", [0, 30, 70, 100])
async def test_roll_out_decides_what_is_listed_and_called(
    api: Api, make_channel: MakeChannel, alice: User, percent: int
) -> None:
    channel = await in_database(make_channel, rollout_percent=percent)
    is_in = in_rollout(alice.id, channel.id, percent)
    listed = [model["id"] for model in (await api.get("/v1/models")).json()["data"]]
    assert ("m" in listed) is is_in
    for path in ("/v1/models/m", "/v1/route-check?model=m"):
        assert (await api.get(path)).status_code == (200 if is_in else 404)
    assert (await api.chat()).status_code == (200 if is_in else 404)


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize(
    ("text", "word", "served", "decision"),
    [
        ("Hi", "", "small-fake", "easy"), (HARD, "", "big-fake", "hard (code)"),
        (HARD, "easy", "small-fake", "easy"), ("Hi", "hard", "big-fake", "hard"),
    ],
)  # fmt: skip
async def test_decision_on_a_question_is_on_its_row(
    api: Api, make_channel: MakeChannel, path: str, text: str, word: str, served: str, decision: str
) -> None:
    models = {"small": "small-fake", "big": "big-fake"}
    await in_database(make_channel, model_names=list(models), model_mapping=models)
    alias = ModelAlias(name="auto", target="small", hard_target="big")
    await in_database(services.save_route, row=alias)
    asked = {"input": text} if path == "responses" else chat_body(text)
    headers = {"x_difficulty": word} if word else {}
    answer = await api.post(f"/v1/{path}", ASKED[path] | asked | {"model": "auto"}, **headers)
    assert answer.status_code == 200, answer.text
    (row,) = await log_rows()
    assert (row.requested_model, row.served_model) == ("auto", served)
    assert row.routing.startswith(decision)


async def test_one_request_tries_a_key_that_has_rested(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    first = await in_database(make_channel, sends="[[slow-first:0.5]] [[say:first]]", priority=1)
    await in_database(make_channel, "second", sends="[[say:second]]")
    key = await in_database(first.keys.get)
    past = timezone.now() - timedelta(seconds=1)
    await in_database(
        KeyHealth.objects.create, channel_id=first.pk, key_id=key.pk, rests=3, failed_at=past,
        rests_until=past, error_kind="upstream",
    )  # fmt: skip
    await in_database(board.reread)
    assert sorted(await asyncio.gather(*(said(api) for _ in range(3)))) == [
        "first", "second", "second",
    ]  # fmt: skip
    assert await said(api) == "first"
    assert not await in_database(KeyHealth.objects.exists)


async def test_calls_at_once_leave_a_resting_key_alone_from_the_start(
    api: Api, make_channel: MakeChannel
) -> None:
    """Also before the process has read which keys rest: as many as ask wait for that."""
    first = await in_database(make_channel, sends="[[say:first]]", priority=1)
    await in_database(make_channel, "second", sends="[[say:second]]")
    key = await in_database(first.keys.get)
    now = timezone.now()
    await in_database(
        KeyHealth.objects.create, channel_id=first.pk, key_id=key.pk, rests=1, failed_at=now,
        rests_until=now + timedelta(minutes=5), error_kind="authentication",
    )  # fmt: skip
    await said(api)  # whatever else is read for the first time
    board.forget()
    assert await asyncio.gather(*(said(api) for _ in range(20))) == ["second"] * 20


async def test_made_up_name_that_fits_a_rule_is_no_label_of_the_figures(
    api: Api, make_channel: MakeChannel
) -> None:
    channel = await in_database(make_channel, model_names=["other"], model_mapping={})
    await in_database(services.save_route, row=NameRule(pattern="gpt-*", channel=channel))
    for number in range(3):
        assert (await api.chat(model=f"gpt-made-up-{number}")).status_code in (200, 404, 502)
    figures = exposition().decode()
    assert "gpt-made-up" not in figures
    assert 'model="gpt-*"' in figures
