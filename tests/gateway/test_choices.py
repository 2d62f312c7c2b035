"""Several answers to one question (``n``), from providers that give one at a time."""

from typing import Any

import pytest

from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import HELLO, Api, MakeChannel, frames, log_rows
from tests.gateway.test_budgets import COST, ask, only_period, price, settled
from tests.providers.conftest import Fake
from tests.usage.ledger.machine import make_budget

CHOICES = 3


def told(answer: Any, *, is_stream: bool) -> tuple[list[str], Any]:
    """The texts by their index, and the usage."""
    if not is_stream:
        body = answer.json()
        return [choice["message"]["content"] for choice in body["choices"]], body["usage"]
    texts, usage = [""] * CHOICES, None
    for chunk in frames(answer)[:-1]:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["delta"].get("content") or ""
    return texts, usage


@pytest.mark.parametrize("is_stream", [False, True])
async def test_each_answer_is_counted_and_paid(
    api: Api, make_channel: MakeChannel, fake: Fake, is_stream: bool
) -> None:
    await in_database(make_channel, kind="anthropic")
    await price()
    await in_database(lambda: make_budget(100_000))
    more = {"stream": True, "stream_options": {"include_usage": True}} if is_stream else {}
    answer = await ask(api, n=CHOICES, **more)
    assert answer.status_code == 200, answer.text
    texts, usage = told(answer, is_stream=is_stream)
    assert texts == [HELLO] * CHOICES
    assert len(fake.received()) == CHOICES
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (20 * CHOICES, 9 * CHOICES)
    await settled()
    (row,) = await log_rows()
    assert (row.input_tokens, row.output_tokens) == (20 * CHOICES, 9 * CHOICES)
    assert row.cost_credits == CHOICES * COST == (await only_period()).used


async def test_all_answers_take_one_place_of_the_channel_and_leave_it(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, kind="anthropic", parallel_requests=1)
    for _ in range(2):
        assert (await ask(api, n=CHOICES)).status_code == 200


async def test_what_is_left_is_put_aside_once_for_all_answers(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, kind="anthropic")
    await price()
    await in_database(lambda: make_budget(CHOICES * COST))
    assert (await ask(api, n=CHOICES)).status_code == 200
    await settled()
    assert (await only_period()).used == CHOICES * COST
    assert (await ask(api)).status_code == 429
    assert len(fake.received()) == CHOICES
