"""Answers that are remembered: for who asked, for as long as nothing has changed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from gateway import cache, services
from gateway.access import find_caller
from gateway.calls import Call
from gateway.catalog import Catalog
from gateway.http import Request
from gateway.models import ApiToken
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.json import dumps
from presets.models import Assignment, Preset
from providers import services as channel_services
from providers.models import Channel
from tests.gateway.conftest import (
    HELLO,
    Api,
    MakeChannel,
    MakeKey,
    becomes,
    chat_body,
    frames,
    log_rows,
    text_of,
)
from tests.providers.conftest import Fake

NOWHERE = "redis://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _forget() -> None:
    cache.local.clear()


@pytest.fixture
async def caching(api: Api, alice: User, make_key: MakeKey, make_channel: MakeChannel) -> Api:
    await in_database(make_channel)
    api.key = await in_database(make_key, alice, cache_seconds=60)
    return api


async def test_nothing_is_remembered_unless_asked(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel)
    for _ in range(2):
        assert "x-cache" not in (await api.chat()).headers
    assert len(fake.received()) == 2


async def test_equal_request_is_answered_from_memory(caching: Api, fake: Fake) -> None:
    first, second = [await caching.chat(temperature=0.5) for _ in range(2)]
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert first.content == second.content
    assert len(fake.received()) == 1
    rows = await log_rows()
    seen = [(row.status, row.cache, row.output_tokens) for row in rows]
    assert seen == [("ok", "", 9), ("ok", "exact", 0)]


async def test_stream_is_remembered_as_a_stream(caching: Api, fake: Fake) -> None:
    for status in ("MISS", "HIT"):
        answer = await caching.chat(stream=True)
        assert answer.headers["x-cache"] == status
        assert (text_of(frames(answer)), frames(answer)[-1]) == (HELLO, "[DONE]")
    assert (await caching.chat()).headers["x-cache"] == "MISS"
    assert len(fake.received()) == 2


async def test_order_of_members_makes_no_difference(caching: Api) -> None:
    body = chat_body(temperature=0.5)
    await caching.post("/v1/chat/completions", body)
    turned = dict(reversed(body.items()))
    assert (await caching.post("/v1/chat/completions", turned)).headers["x-cache"] == "HIT"


async def test_request_asks_for_itself(api: Api, make_channel: MakeChannel, fake: Fake) -> None:
    await in_database(make_channel)
    path, body = "/v1/chat/completions", chat_body()
    seen = [await api.post(path, body, x_cache_ttl="60") for _ in range(2)]
    assert [answer.headers["x-cache"] for answer in seen] == ["MISS", "HIT"]
    skipped = await api.post(path, body, x_cache_ttl="60", x_cache_skip="true")
    assert "x-cache" not in skipped.headers
    refused = await api.post(path, body, x_cache_ttl="-1")
    assert refused.status_code == 400


async def give(slug: str, model: str, **fields: Any) -> Preset:
    preset = await in_database(
        Preset.objects.create, slug=slug, endpoint="openAI", model=model, **fields
    )
    await in_database(Assignment.objects.create, preset=preset)
    return preset


async def test_preset_asks_for_its_requests_and_hands_that_on(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel)
    base = await give("base", "m", cache_seconds=60)
    await give("child", "m", extends=base)
    await give("never", "m", extends=base, cache_seconds=0)
    for name, seen in {"base": "HIT", "child": "HIT", "never": None, "m": None}.items():
        await api.chat(model=name)
        assert (await api.chat(model=name)).headers.get("x-cache") == seen, name
    assert len(fake.received()) == 6
    headers = {"x_cache_skip": "1"}
    skipped = await api.post("/v1/chat/completions", chat_body(model="base"), **headers)
    assert "x-cache" not in skipped.headers


async def test_preset_counts_more_than_the_key(caching: Api) -> None:
    await give("never", "m", cache_seconds=0)
    for _ in range(2):
        assert "x-cache" not in (await caching.chat(model="never")).headers


async def test_answer_of_one_preset_is_not_found_for_the_next_of_its_name(
    caching: Api, alice: User, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, "second", model_names=["n"], model_mapping={"n": "gpt-other"})
    await give("p", "n")
    own = await in_database(Preset.objects.create, slug="p", endpoint="openAI", model="m")
    ends_at = timezone.now() + timedelta(seconds=1)
    await in_database(Assignment.objects.create, preset=own, user=alice, ends_at=ends_at)

    async def is_asked() -> bool:
        await caching.chat(model="p")
        return any(each["body"]["model"] == "gpt-other" for each in fake.received())

    assert await becomes(is_asked)


async def test_variants_of_an_experiment_share_no_answer(
    caching: Api, make_channel: MakeChannel
) -> None:
    """Nothing but the variant differs here: the same key, the same stamps, the same request."""
    await give("tutor", "m")
    caller = await find_caller(caching.key, "203.0.113.7")
    entry = caller.catalog.by_id["tutor"]
    resolved = entry.preset
    assert resolved is not None

    def key_in(variant: str) -> str:
        preset = replace(resolved, experiment="tone", variant=variant)
        by_id = {"tutor": replace(entry, preset=preset)}
        body = dumps(chat_body(model="tutor"))
        request = Request("POST", "/v1/chat/completions", b"", {}, body, "203.0.113.7")
        served = replace(caller, catalog=Catalog(tuple(by_id.values()), by_id))
        return cache.key_of(Call(request, served, "chat.completions"))

    assert key_in("new") == key_in("new")
    assert len({key_in("new"), key_in("newer"), key_in("control")}) == 3


async def other_token(api: Api) -> None:
    token = await in_database(ApiToken.objects.select_related("user").first)
    assert token is not None
    made = await in_database(services.create_token, user=token.user, name="other", cache_seconds=60)
    api.key = made.secret


async def changed_rights(api: Api) -> None:
    preset = await in_database(Preset.objects.create, slug="p", endpoint="openAI", model="m")
    await in_database(Assignment.objects.create, preset=preset)


async def changed_channel(api: Api) -> None:
    channel = await in_database(Channel.objects.get)
    channel.weight = 7
    await in_database(channel_services.save_channel, channel=channel)


@pytest.mark.parametrize("change", [other_token, changed_rights, changed_channel])
async def test_nothing_is_found_again_when_something_changed(caching: Api, change: Any) -> None:
    await caching.chat()
    await change(caching)
    assert (await caching.chat()).headers["x-cache"] == "MISS"


@pytest.mark.parametrize("marker", ["[[status:500]]", "[[cut]] [[chunks:5:0.05]]"])
async def test_failures_are_not_remembered(caching: Api, fake: Fake, marker: str) -> None:
    for _ in range(2):
        assert (await caching.chat(marker, stream=True)).headers.get("x-cache") != "HIT"
    assert len(fake.received()) == 2


def test_oldest_answers_go_when_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LOCAL_BYTES", 10)
    kept = cache.LocalCache()
    for name in "abc":
        kept.put(name, cache.Kept(b"12345", False, 1e12))
    assert [name for name in "abc" if kept.get(name)] == ["b", "c"]
    kept.put("d", cache.Kept(b"1", False, 1.0))
    assert kept.get("d") is None


async def test_a_shared_cache_that_is_away_remembers_nothing(
    caching: Api, fake: Fake, settings: Any
) -> None:
    settings.REDIS_URL = NOWHERE
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": NOWHERE,
        }
    }
    assert [(await caching.chat()).headers["x-cache"] for _ in range(2)] == ["MISS", "HIT"]
    cache.local.clear()
    answer = await caching.chat()
    assert (answer.status_code, answer.headers["x-cache"]) == (200, "MISS")
    assert len(fake.received()) == 2
