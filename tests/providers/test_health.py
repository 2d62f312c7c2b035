"""Keys that rest: when, how long, who tries them again, and that processes share it."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from librechat_backend.lib.aio import close_database_threads
from providers import client, health, services
from providers.errors import ErrorKind, ProviderError
from providers.health import Board, board, rest_seconds
from providers.models import Channel, KeyHealth, ModelAlias, NameRule
from providers.route_table import Attempt, ChannelSnapshot, Key, Principal
from providers.trace import CallTrace
from tests.providers.conftest import Fake
from tests.providers.helpers import ask, collect, collect_until_error, text_of
from tests.providers.test_client import HELLO, sent_models, store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh(settings: Settings) -> Iterator[None]:
    settings.PROVIDER_ENVIRONMENT = {}
    board.forget()
    yield
    board.forget()
    close_database_threads()


def attempt(key_id: str = "k1") -> Attempt:
    key = Key("secret", key_id)
    channel = ChannelSnapshot("c1", "c1", "openai", "openAI", "", ("m",), (key,))
    return Attempt(channel, key, "m", "m")


def failure(kind: ErrorKind, retry_after: float | None = None) -> ProviderError:
    return ProviderError(kind, "no", retry_after_seconds=retry_after)


@pytest.mark.parametrize(
    ("kind", "retry_after", "before", "seconds"),
    [
        (ErrorKind.RATE_LIMIT, None, 0, 5),
        (ErrorKind.RATE_LIMIT, 42.0, 9, 42),
        (ErrorKind.RATE_LIMIT, 0.0, 0, 1),
        (ErrorKind.RATE_LIMIT, 1e9, 0, 3600),
        (ErrorKind.UPSTREAM, None, 2, 40),
        (ErrorKind.UPSTREAM, None, 1000, 600),
        (ErrorKind.AUTHENTICATION, None, 1, 120),
        (ErrorKind.AUTHENTICATION, None, 1000, 3600),
    ],
)
def test_rest_lasts_as_long_as_asked_or_doubles(
    kind: ErrorKind, retry_after: float | None, before: int, seconds: float
) -> None:
    assert rest_seconds(failure(kind, retry_after), before) == seconds


def test_third_failure_of_a_service_in_a_minute_makes_it_rest() -> None:
    now = [0.0]
    mine = Board(clock=lambda: now[0])
    down = failure(ErrorKind.UPSTREAM)
    assert [mine.note_failure(attempt(), down) for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("answered", "failed", "rests"),
    [
        (["ada"], ["bob", "bob", "bob"], False),
        (["ada"], ["bob", "bob", "eve"], True),
        (["ada"], ["bob", "bob", ""], True),
        (["ada"], ["", "", ""], True),
        (["bob"], ["bob", "bob", "bob"], True),
        ([], ["bob", "bob", "bob"], True),
        (["ada"], ["ada", "ada", "bob"], True),
    ],
)
def test_failures_of_one_person_alone_make_nothing_rest_that_answers_others(
    answered: list[str], failed: list[str], rests: bool
) -> None:
    mine, down = Board(), failure(ErrorKind.UPSTREAM)
    for user_id in answered:
        mine.note_success(attempt(), user_id)
    assert [mine.note_failure(attempt(), down, user_id) for user_id in failed][-1] is rests


def test_failures_among_many_answers_or_long_ago_do_not_count() -> None:
    now = [0.0]
    mine = Board(clock=lambda: now[0])
    down = failure(ErrorKind.TIMEOUT)
    for _ in range(4):
        mine.note_success(attempt())
    assert [mine.note_failure(attempt(), down) for _ in range(3)] == [False] * 3
    now[0] = 61.0
    assert not mine.note_failure(attempt(), down)


@pytest.mark.parametrize("kind", [ErrorKind.INVALID_REQUEST, ErrorKind.MODEL_NOT_FOUND])
def test_faults_of_the_request_never_make_a_key_rest(kind: ErrorKind) -> None:
    assert not any(Board().note_failure(attempt(), failure(kind)) for _ in range(10))


def test_other_process_heeds_the_rest_and_one_of_them_tries_again() -> None:
    here, there = Board(), Board()
    here.rest(attempt(), failure(ErrorKind.RATE_LIMIT, 30))
    there.reread()
    (left,) = there.resting().values()
    assert 28 < left <= 30
    KeyHealth.objects.update(rests_until=timezone.now() - timedelta(seconds=1))
    here.reread()
    there.reread()
    assert here.resting() == there.resting() == {}
    assert here.needs_probe(attempt())
    assert there.needs_probe(attempt())
    assert [here.claim_probe(attempt()), there.claim_probe(attempt())] == [True, False]
    assert there.resting()  # until the other has an answer
    here.recover(attempt())
    there.reread()
    assert not there.needs_probe(attempt())


def test_calls_that_were_under_way_do_not_prolong_the_rest() -> None:
    for _ in range(5):
        Board().rest(attempt(), failure(ErrorKind.RATE_LIMIT))
    row = KeyHealth.objects.get()
    assert row.rests == 1
    assert (row.rests_until - row.failed_at).total_seconds() == pytest.approx(5, abs=0.5)


def ask_model(model: str = "m", text: str = "hi", **options: Any) -> str:
    events = asyncio.run(collect(client.stream(ask(text, model), endpoint="openAI", **options)))
    return text_of(events)


def test_refused_key_is_asked_once_and_then_left_alone(fake: Fake) -> None:
    store(fake, "bad", sends="[[status:401]]", priority=1)
    store(fake, "good")
    assert [ask_model() for _ in range(4)] == [HELLO] * 4
    assert sent_models(fake).count("[[status:401]]") == 1
    row = KeyHealth.objects.get()
    assert (row.error_kind, row.rests) == ("authentication", 1)
    assert "sk-1" not in row.error_message


def test_only_key_is_asked_although_it_rests(fake: Fake) -> None:
    store(fake, "limited", sends="[[status:429]]")
    for _ in range(2):
        stream = client.stream(ask("hi", "m"), endpoint="openAI")
        _, error = asyncio.run(collect_until_error(stream))
        assert error.kind == ErrorKind.RATE_LIMIT
    assert len(fake.received()) == 2
    Channel.objects.update(model_mapping={"m": "gpt-fake"})
    services.announce_change()
    assert ask_model() == HELLO
    assert not KeyHealth.objects.exists()


def test_new_secret_ends_the_rest(fake: Fake) -> None:
    store(fake, "mine", sends="[[status:401]]")
    stream = client.stream(ask("hi", "m"), endpoint="openAI")
    asyncio.run(collect_until_error(stream))
    key = Channel.objects.get().keys.get()
    services.set_secret(key=key, secret="sk-new")  # noqa: S106
    assert not KeyHealth.objects.exists()


def test_one_call_tries_a_rested_key_and_its_answer_brings_it_back(fake: Fake) -> None:
    store(fake, "first", priority=1)
    store(fake, "second", sends="[[say:second]]")
    key = Channel.objects.get(name="first").keys.get()
    past = timezone.now() - timedelta(seconds=1)
    row = {"channel_id": key.channel_id, "key_id": key.pk, "rests": 3, "failed_at": past}
    KeyHealth.objects.create(**row, rests_until=past, error_kind="upstream")
    KeyHealth.objects.update(probe_until=timezone.now() + timedelta(seconds=30))
    assert ask_model() == "second"  # somebody else is trying it
    KeyHealth.objects.update(probe_until=None)
    board.forget()
    assert ask_model() == HELLO
    assert not KeyHealth.objects.exists()


def test_switched_off_channel_is_not_called_by_a_request_under_way(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(fake, "first", sends="[[status:500]]", priority=2)
    store(fake, "second", sends="[[say:second]]", priority=1)
    store(fake, "third", sends="[[say:third]]")

    def switch_off(*_: object) -> bool:
        services.save_channel(channel=_inactive("second"))
        return False

    monkeypatch.setattr(health.Board, "note_failure", _in_thread(switch_off))
    assert ask_model() == "third"


def _inactive(name: str) -> Channel:
    channel = Channel.objects.get(name=name)
    channel.is_active = False
    return channel


def _in_thread(work: Any) -> Any:
    """The board is asked in the event loop, where rows must not be touched."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    def run(*arguments: object) -> bool:
        def done() -> bool:
            try:
                return bool(work(*arguments))
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(done).result()

    return run


def test_fallback_models_answer_when_a_model_fails(fake: Fake) -> None:
    store(fake, "first", sends="[[status:503]]")
    store(fake, "other", model_names=["n"], endpoint="Elsewhere", model_mapping={})
    services.save_route(row=ModelAlias(name="m", target="m", fallbacks=["n"]))
    trace = CallTrace()
    assert ask_model(trace=trace) == HELLO
    assert (trace.model, trace.channel_name) == ("n", "other")
    assert [a["error"] for a in trace.attempts] == ["upstream 503", ""]


def test_same_channel_is_asked_for_the_fallback_model(fake: Fake) -> None:
    store(fake, "one", model_names=["m", "n"], model_mapping={"m": "[[status:503]]"})
    services.save_route(row=ModelAlias(name="m", target="m", fallbacks=["n"]))
    assert ask_model() == HELLO


@pytest.mark.parametrize(
    ("marker", "field"),
    [("[[context]]", "fallbacks_if_too_long"), ("[[status:400]] [[error:content_policy]]",
     "fallbacks_if_filtered")],
)  # fmt: skip
def test_what_is_too_long_or_filtered_goes_to_the_models_named_for_it(
    fake: Fake, marker: str, field: str
) -> None:
    store(fake, "first", sends=marker)
    store(fake, "never", sends="[[say:never]]")
    store(fake, "other", model_names=["n"], model_mapping={})
    Channel.objects.filter(name="never").update(priority=-1)
    services.save_route(row=ModelAlias(name="m", target="m", fallbacks=["m"], **{field: ["n"]}))
    assert ask_model() == HELLO
    assert sent_models(fake)[-1] == "n"
    assert len(fake.received()) == 2


@pytest.mark.parametrize(
    ("text", "model", "decision"),
    [("hi", "small", "easy"), ("def f(x): pass", "big", "hard (code)")],
)
def test_hard_questions_go_to_the_strong_model(
    fake: Fake, text: str, model: str, decision: str
) -> None:
    store(fake, "one", model_names=["small", "big"], model_mapping={})
    services.save_route(row=ModelAlias(name="auto", target="small", hard_target="big"))
    trace = CallTrace()
    ask_model("auto", text, trace=trace)
    assert (trace.model, trace.decision) == (model, decision)


def test_name_rule_serves_what_nobody_lists(fake: Fake) -> None:
    store(fake, "one", model_names=["m"], model_mapping={})
    channel = Channel.objects.get()
    services.save_route(row=NameRule(pattern="gpt-*", channel=channel))
    assert ask_model("gpt-from-the-future") == HELLO
    assert sent_models(fake) == ["gpt-from-the-future"]


def test_channel_of_a_group_answers_its_people_alone(fake: Fake) -> None:
    from accounts.models import Group

    group = Group.objects.create(name="Staff", slug="staff")
    store(fake, "one", is_for_everyone=False)
    Channel.objects.get().groups.add(group)
    services.announce_change()
    member = Principal("a", frozenset({group.pk}))
    assert ask_model(principal=member) == HELLO
    stream = client.stream(ask("hi", "m"), endpoint="openAI", principal=Principal("b"))
    _, error = asyncio.run(collect_until_error(stream))
    assert error.kind == ErrorKind.NO_CHANNEL


def test_fixed_parameters_replace_and_remove_fields(fake: Fake) -> None:
    fixed = {"temperature": 0.25, "user": None, "metadata": {"team": "a"}}
    store(fake, "one", parameter_overrides=fixed)
    ask_model()
    body = fake.body()
    assert (body["temperature"], body["metadata"]) == (0.25, {"team": "a"})
    assert "user" not in body


def test_relay_is_told_where_to_pass_the_request_on(fake: Fake) -> None:
    store(fake, "one", base_url="https://api.example.com/v1", relay_url=f"{fake.url}/v1")
    channel = Channel.objects.get()
    services.seal_relay_key(channel=channel, secret="relay-secret")  # noqa: S106
    services.save_channel(channel=channel)
    assert ask_model() == HELLO
    (request,) = fake.received()
    assert request["headers"]["x-relay-target"] == "https://api.example.com/v1"
    assert request["headers"]["x-relay-key"] == "relay-secret"


def test_channel_at_its_limit_leaves_the_answer_to_the_next(fake: Fake) -> None:
    store(fake, "small", sends="[[say:small]]", priority=1, requests_per_minute=2)
    store(fake, "big", sends="[[say:big]]")

    async def five() -> list[str]:
        found = []
        for _ in range(5):
            stream = client.stream(ask("hi", "m"), endpoint="openAI")
            found.append(text_of(await collect(stream)))
        return found

    assert asyncio.run(five()) == ["small", "small", "big", "big", "big"]
    assert not KeyHealth.objects.exists()


def test_reaching_the_limit_of_the_only_channel_is_told(fake: Fake) -> None:
    store(fake, "small", parallel_requests=0)
    stream = client.stream(ask("hi", "m"), endpoint="openAI")
    _, error = asyncio.run(collect_until_error(stream))
    assert (error.kind, error.status) == (ErrorKind.BUSY, 429)
    assert error.message == "The channel of this model allows 0 requests at once."
    assert fake.received() == []
