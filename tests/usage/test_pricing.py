"""What a call costs and which price counts, against a slow oracle in fractions."""

import math
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usage.entries import Face, RequestEntry, Tokens
from usage.pricing import (
    PriceData,
    PriceTable,
    Rates,
    Tier,
    cost_credits,
    matched_letters,
    price_request,
    worst_case,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = START + timedelta(days=30, hours=12)

often = settings(max_examples=300, deadline=None, derandomize=True)


def price(model: str = "model", /, **known: object) -> PriceData:
    return replace(PriceData("id", model, Rates(2_000_000, 8_000_000), START), **known)  # type: ignore[arg-type]


# -- costs ------------------------------------------------------------------------------------

rates = st.builds(
    Rates,
    st.integers(0, 10**8),
    st.integers(0, 10**8),
    *[st.none() | st.integers(0, 10**8)] * 7,
)
tiers = st.lists(st.builds(Tier, st.integers(0, 10**6), rates), max_size=3).map(tuple)
prices = st.builds(
    price, rates=rates, tiers=tiers, request_credits=st.integers(0, 10**6)
)  # fmt: skip
counts = st.integers(-5, 2 * 10**6)
usages = st.builds(Tokens, *[counts] * 9)


def exact_cost(priced: PriceData, tokens: Tokens) -> Fraction:
    """Token by token, as one would explain it."""
    length = max(0, tokens.input_tokens)
    used = priced.rates
    for tier in sorted(priced.tiers, key=lambda tier: tier.above_tokens):
        if length > tier.above_tokens:
            used = next(t.rates for t in priced.tiers if t.above_tokens == tier.above_tokens)
    left, total = length, Fraction(priced.request_credits)
    for count, rate in (
        (tokens.cache_read_tokens, used.cache_read),
        (tokens.cache_write_tokens, used.cache_write),
    ):
        taken = min(left, max(0, count))
        left -= taken
        total += Fraction(taken * (used.input if rate is None else rate), 1_000_000)
    for count, rate in (
        (tokens.input_audio_tokens, used.input_audio),
        (tokens.input_image_tokens, used.input_image),
        (left, used.input),
    ):
        taken = min(left, max(0, count))
        left -= taken
        total += Fraction(taken * (used.input if rate is None else rate), 1_000_000)
    said = max(0, tokens.output_tokens)
    for count, rate in (
        (tokens.output_audio_tokens, used.output_audio),
        (tokens.output_image_tokens, used.output_image),
        (tokens.reasoning_tokens, used.reasoning),
        (said, used.output),
    ):
        taken = min(said, max(0, count))
        said -= taken
        total += Fraction(taken * (used.output if rate is None else rate), 1_000_000)
    return total


@often
@given(priced=prices, tokens=usages)
def test_cost_is_the_exact_one_rounded_half_up_once(priced: PriceData, tokens: Tokens) -> None:
    cost = cost_credits(priced, tokens)
    assert isinstance(cost, int)
    assert cost == math.floor(exact_cost(priced, tokens) + Fraction(1, 2))
    assert cost >= 0


@often
@given(priced=prices, tokens=usages)
def test_no_call_costs_more_than_the_worst_case(priced: PriceData, tokens: Tokens) -> None:
    read = max(0, tokens.input_tokens)
    sound = min(read, max(0, tokens.input_audio_tokens))
    worst = worst_case(
        priced,
        input_tokens=read - sound,
        output_tokens=max(0, tokens.output_tokens),
        sound_tokens=sound,
    )
    assert cost_credits(priced, tokens) <= worst


@often
@given(priced=prices, tokens=usages, more=st.integers(0, 10**6))
def test_worst_case_grows_with_what_is_asked(priced: PriceData, tokens: Tokens, more: int) -> None:
    input_tokens, output_tokens = max(0, tokens.input_tokens), max(0, tokens.output_tokens)
    less = worst_case(priced, input_tokens=input_tokens, output_tokens=output_tokens)
    both = worst_case(priced, input_tokens=input_tokens + more, output_tokens=output_tokens + more)
    assert less <= both


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (Tokens(), 0),
        (Tokens(1_000_000, 1_000_000), 4_000_000 + 8_000_000),
        (Tokens(1000, 1), 2000 + 8),
        (Tokens(52, 23), 104 + 184),
        (Tokens(100, 0, cache_read_tokens=60, cache_write_tokens=30), 30 + 75 + 20),
        (Tokens(100, 0, cache_read_tokens=500, cache_write_tokens=500), 50),
        (Tokens(0, 10, reasoning_tokens=10), 60),
        (Tokens(1001, 1), 4004 + 8),
    ],
)
def test_cost_is_as_worked_out_by_hand(tokens: Tokens, expected: int) -> None:
    by_hand = price(
        rates=Rates(2_000_000, 8_000_000, 500_000, 2_500_000, 6_000_000),
        tiers=(Tier(1000, Rates(4_000_000, 8_000_000)),),
    )
    assert cost_credits(by_hand, tokens) == expected


# -- which price ------------------------------------------------------------------------------


def found(*rows: PriceData, model: str = "gpt-4.1", at: datetime = NOON) -> str | None:
    table = PriceTable(rows)
    price = table.find(model=model, kind="openai", channel_id="c1", at=at)
    again = table.find(model=model, kind="openai", channel_id="c1", at=at)
    assert price is again
    return price.id if price else None


GENERAL = price("gpt-4.1", id="general")
OF_KIND = price("gpt-4.1", id="kind", kind="openai")
OF_CHANNEL = price("gpt-4.1", id="channel", channel_id="c1")
LISTED = price(
    "GPT 4.1", id="listed", kind="openai", match={"or": [{"equals": "GPT-4.1"}, {"equals": "x"}]}
)
FITTING = price("GPT", id="fitting", kind="openai", match={"starts_with": "gpt-"})
CLOSER = price("GPT 4", id="closer", kind="openai", match={"and": [{"contains": "gpt-4"}]})


def test_nearest_price_counts() -> None:
    assert found(GENERAL, OF_KIND, OF_CHANNEL) == "channel"
    assert found(GENERAL, OF_KIND) == "kind"
    assert found(GENERAL) == "general"
    assert found(FITTING, GENERAL) == "fitting"


def test_exact_name_counts_before_conditions() -> None:
    assert found(FITTING, LISTED, OF_KIND, CLOSER) == "kind"
    assert found(FITTING, LISTED, CLOSER) == "listed"
    assert found(FITTING, CLOSER) == "closer"


def test_capital_letters_are_the_same() -> None:
    assert found(OF_KIND, model="GPT-4.1") == "kind"
    assert found(FITTING, model="Gpt-9") == "fitting"


def test_nothing_is_guessed() -> None:
    elsewhere = (
        replace(OF_KIND, kind="azure"),
        replace(OF_CHANNEL, channel_id="c2"),
        replace(FITTING, match={"and": [{"starts_with": "gpt-"}, {"ends_with": "-mini"}]}),
        price("gpt-4", kind="openai"),
        price("gpt-4.1-mini", kind="openai"),
    )
    assert found(*elsewhere) is None
    assert found() is None


def test_price_of_the_moment_counts() -> None:
    turn = NOON + timedelta(days=1)
    old, new = replace(OF_KIND, id="old", valid_until=turn), replace(OF_KIND, valid_from=turn)
    assert found(old, new) == "old"
    assert found(old, new, at=turn) == "kind"
    assert found(old, new, at=turn - timedelta(microseconds=1)) == "old"
    assert found(old, new, at=START - timedelta(microseconds=1)) is None
    assert found(old, GENERAL, at=turn) == "general"


def test_newest_of_two_counts() -> None:
    newer = replace(OF_KIND, id="newer", valid_from=START + timedelta(days=1))
    assert found(newer, OF_KIND) == found(OF_KIND, newer) == "newer"


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        ((time(1), time(4)), time(1), "daily"),
        ((time(1), time(4)), time(4), "kind"),
        ((time(16, 30), time(0, 30)), time(0, 29), "daily"),
        ((time(16, 30), time(0, 30)), time(16, 29), "kind"),
        ((time(16, 30), time(0, 30)), time(23), "daily"),
    ],
)
def test_hours_of_the_day_come_before_the_rest_of_it(
    hours: tuple[time, time], at: time, expected: str
) -> None:
    exception = replace(OF_KIND, id="daily", daily=hours, valid_from=START)
    rest = replace(OF_KIND, id="daily" if expected == "daily" else "kind")
    moment = datetime.combine(NOON.date(), at, UTC)
    table = PriceTable([rest, replace(exception, id=rest.id)])
    price = table.find(model="gpt-4.1", kind="openai", channel_id="", at=moment)
    assert price is not None
    assert (price.daily is not None) == (expected == "daily")


words = st.text("ab", max_size=3)
conditions = st.recursive(
    st.sampled_from(["equals", "starts_with", "ends_with", "contains", "regex"]).flatmap(
        lambda word: words.map(lambda text: {word: text})
    ),
    lambda part: st.sampled_from(["or", "and"]).flatmap(
        lambda word: st.lists(part, max_size=3).map(lambda parts: {word: parts})
    ),
    max_leaves=4,
)


def fits(match: dict[str, object], name: str) -> bool:
    ((word, wanted),) = match.items()
    if isinstance(wanted, list):
        results = [fits(part, name) for part in wanted]
        return any(results) if word == "or" else bool(results) and all(results)
    text = str(wanted)
    return {
        "equals": name == text,
        "starts_with": name[: len(text)] == text,
        "ends_with": name[len(name) - len(text) :] == text or not text,
        "contains": text in name,
        "regex": text in name,
    }[word]


@often
@given(match=conditions, name=words)
def test_conditions_mean_what_they_say(match: dict[str, object], name: str) -> None:
    assert (matched_letters(match, name) is not None) == fits(match, name)
    assert (found(price("p", match=match), model=name) is not None) == fits(match, name)


MEDIA = price(rates=Rates(2_000_000, 8_000_000, input_audio=40_000_000))
SPEAKS = price(rates=Rates(2_000_000, 8_000_000, output_audio=80_000_000))


@pytest.mark.parametrize(
    ("priced", "tokens", "has_sound", "expected"),
    [
        (MEDIA, Tokens(10, 1, input_audio_tokens=9, tells_media=True), True, 2 + 360 + 8),
        (MEDIA, Tokens(10, 1), False, 20 + 8),
        (MEDIA, Tokens(10, 1), True, None),
        (SPEAKS, Tokens(10, 9, output_audio_tokens=5, tells_media=True), False, 20 + 32 + 400),
        (SPEAKS, Tokens(10, 9, tells_media=True), False, 20 + 72),
        (SPEAKS, Tokens(10, 9), False, None),
    ],
)
def test_cost_of_sound_is_unknown_where_nobody_tells_how_much_it_is(
    priced: PriceData, tokens: Tokens, has_sound: bool, expected: int | None
) -> None:
    entry = RequestEntry(
        Face.API, "chat", served_model=priced.model, tokens=tokens, created_at=NOON
    )
    price_request(
        entry, PriceTable([priced]), kind="openai",
        has_begun=True, is_counted=True, has_sound=lambda: has_sound,
    )  # fmt: skip
    assert entry.cost_credits == expected
