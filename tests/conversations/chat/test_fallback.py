"""A budget that is used up names a preset, which answers instead; the person is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from conversations.chat.runtime import get_jobs
from conversations.models import Generation, Message
from librechat_backend.lib.aio import in_database
from presets.models import Assignment
from presets.services import save_preset
from providers.types import TextDelta, Usage
from tests.conversations.chat.scripted import (
    MINI,
    MODEL,
    ChatClient,
    ScriptedAdapter,
    titles_are_made,
)
from tests.usage.ledger.machine import assert_rows_agree, make_budget
from usage.ledger.spending import close_spender
from usage.models import BillingRules, Budget, BudgetPeriod, LedgerEntry, Price, RequestLog
from usage.recorder import close_recorder, get_recorder

pytestmark = pytest.mark.django_db(transaction=True)
TOLD = (
    "_The budget “Month\\_1” of you is used up: 0.00 USD of 0.000005 USD are used. "
    "“Small” answers instead._"
)
BIG = {"endpoint": "openAI", "model": MODEL, "spec": "big"}


def give(slug: str, model: str, user: User | None = None) -> None:
    fields = {
        "slug": slug, "name": slug.title(), "endpoint": "openAI", "model": model,
        "system_message": f"You are {slug}.",
    }  # fmt: skip
    preset = save_preset(actor=None, preset=None, fields=fields)
    Assignment.objects.create(preset=preset, user=user)


@pytest.fixture(autouse=True)
async def _priced(model: ScriptedAdapter, settings: Any, alice: User) -> Any:
    """A credit for each token of MODEL, a tenth of that for MINI; five credits a person."""
    settings.TITLE_CONVO = False

    def make() -> None:
        for model, credits in ((MODEL, 1_000_000), (MINI, 100_000)):
            Price.objects.create(
                model=model, valid_from=datetime(2020, 1, 1, tzinfo=UTC),
                input_credits=credits, output_credits=credits,
            )  # fmt: skip
        give("big", MODEL)
        give("small", MINI)
        make_budget(
            5, "user", alice.pk, name="Month_1", window="total", fallback_preset="small"
        )  # for the least call of MODEL too little, for one of MINI enough

    await in_database(make)
    yield
    await close_recorder()
    await close_spender()


async def rows() -> list[RequestLog]:
    await get_recorder().flush()
    return await in_database(lambda: list(RequestLog.objects.order_by("id")))


async def test_other_preset_answers_and_says_so(model: ScriptedAdapter, client: ChatClient) -> None:
    started = await client.start(**BIG)
    model.say(TextDelta("At noon."), by=MINI)
    model.finish(usage=Usage(20, 9), by=MINI)
    frames = await client.stream(started).rest()
    texts = [
        frame["data"]["delta"]["content"][0]["text"]
        for _, frame in frames
        if frame.get("event") == "on_message_delta"
    ]
    assert texts == [TOLD, "At noon."]
    response = frames[-1][1]["responseMessage"]
    assert response["content"] == [
        {"type": "text", "text": TOLD, "notice": True}, {"type": "text", "text": "At noon."},
    ]  # fmt: skip
    assert (response["model"], response["endpoint"]) == (MINI, "openAI")
    # The chat stays with what was chosen.
    assert frames[-1][1]["conversation"]["spec"] == "big"
    (row,) = await rows()
    assert (row.preset_slug, row.served_model, row.status) == ("small", MINI, "ok")
    assert row.routing.startswith("instead of big: The budget “Month_1” of you is used up")
    entry = await in_database(LedgerEntry.objects.filter(kind="usage").get)
    assert row.cost_credits == entry.cost == 3
    assert (await in_database(BudgetPeriod.objects.get)).used == 3
    await in_database(assert_rows_agree)


async def test_notice_is_not_told_to_the_model(model: ScriptedAdapter, client: ChatClient) -> None:
    await in_database(lambda: Budget.objects.update(limit_credits=9))
    started = await client.start(**BIG)
    model.say(TextDelta("At noon."), by=MINI)
    model.finish(usage=Usage(20, 9), by=MINI)
    parent = (await client.final(started))["responseMessage"]["messageId"]
    model.answer("At six.", by=MINI)
    await client.final(
        await client.start(
            **BIG, conversationId=started["conversationId"], parentMessageId=parent, text="And?"
        )
    )
    first, second = model.requests
    assert first.system == second.system == "You are small."
    said = [part.text for message in second.messages for part in message.parts]  # type: ignore[union-attr]
    assert said == ["When is high tide?", "At noon.", "And?"]


async def test_model_without_a_preset_falls_back_too(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    model.answer("At noon.", by=MINI)
    await client.final(await client.start())
    (row,) = await rows()
    assert (row.preset_slug, row.routing[:19]) == ("small", "instead of gpt-4.1:")


async def test_refusal_stands_where_the_person_has_no_such_preset(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    await in_database(lambda: Assignment.objects.filter(preset__slug="small").delete())
    final = await client.final(await client.start(**BIG))
    text = final["responseMessage"]["text"]
    assert text == TOLD[1:].removesuffix(" “Small” answers instead._").replace("\\", "")
    (row,) = await rows()
    assert (row.preset_slug, row.status, row.routing) == ("big", "refused", "")
    assert not model.requests


async def test_refusal_stands_where_the_others_lead_in_a_circle(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    await in_database(
        lambda: make_budget(0, "preset", "small", window="total", fallback_preset="big")
    )
    final = await client.final(await client.start(**BIG))
    assert "“Month_1” of you" in final["responseMessage"]["text"]
    assert [row.preset_slug for row in await rows()] == ["big"]
    assert not model.requests


async def test_refusal_for_want_of_credits_stands(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    await in_database(lambda: BillingRules.objects.create(has_balances=True, start_credits=0))
    final = await client.final(await client.start(**BIG))
    assert '"type":"token_balance"' in final["responseMessage"]["text"]
    assert not model.requests


async def test_title_and_columns_fall_back(
    model: ScriptedAdapter, client: ChatClient, settings: Any
) -> None:
    settings.TITLE_CONVO = True

    def make_cheap() -> None:
        """So that three calls of MINI can be paid at once, and none of MODEL."""
        Price.objects.filter(model=MODEL).update(input_credits=1_000_000_000)
        Budget.objects.update(limit_credits=5_000)

    await in_database(make_cheap)
    model.give_title("Tides")
    model.answer("At noon.", by=MINI)
    model.answer("At six.", by=MINI)
    added = {"endpoint": "openAI", "model": MINI, "spec": "small"}
    started = await client.start(**BIG, addedConvo=added)
    final = await client.final(started)
    parts = final["responseMessage"]["content"]
    (notice,) = [part for part in parts if part.get("notice")]
    assert notice["agentId"].startswith("openAI__gpt-4.1___Big")
    texts = {part["text"] for part in parts if not part.get("notice")}
    assert texts == {"At noon.", "At six."}
    await titles_are_made()
    await close_recorder()
    kinds = [(row.operation, row.preset_slug) for row in await rows()]
    assert sorted(kinds) == [("chat", "small"), ("chat", "small"), ("title", "small")]


async def test_turn_of_a_dead_process_is_paid_as_what_had_answered(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    started = await client.start(**BIG)
    model.say(TextDelta("At noon, I suppose."), by=MINI)
    await client.stream(started).frames(6)
    generation = await in_database(Generation.objects.select_related("conversation").get)
    jobs = await get_jobs()
    await jobs.recover(generation)
    (row,) = await rows()
    assert (row.preset_slug, row.served_model, row.output_tokens) == ("small", MINI, 6)
    answer = await in_database(Message.objects.filter(is_created_by_user=False).get)
    assert answer.content is not None
    assert answer.content[0]["text"] == TOLD
    model.finish(by=MINI)
    await jobs.drain(5)
