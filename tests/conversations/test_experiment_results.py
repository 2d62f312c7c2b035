"""What came of an experiment, against a count of every row by hand."""

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.experiment_results import MEASURES, results_of
from tests.conversations.factories import make_answer, make_conversation
from tests.factories import UserFactory
from usage.models import RequestLog
from usage.statistics import Estimate, difference, ratio

NAMES = [measure.name for measure in MEASURES]


def answered(
    user: User, variant: str, *, rating: str = "", again: bool = False, **row: Any
) -> None:
    """An answer in a chat, with its row in the log; ``again``: and one after it."""
    chat = make_conversation(user)
    message = make_answer(
        chat, parent_message_id="question", feedback={"rating": rating} if rating else None
    )
    if again:
        later = message.created_at + timedelta(minutes=1)
        make_answer(chat, parent_message_id="question", created_at=later)
    fields: dict[str, Any] = {
        "face": "chat", "operation": "chat", "status": "ok", "cost_credits": 100,
        "first_token_ms": 500, "total_ms": 2000,
    }  # fmt: skip
    RequestLog.objects.create(
        user=user, experiment="tone", variant=variant, message_id=message.message_id,
        **fields | row,
    )  # fmt: skip


def figures(variant: str) -> dict[str, Any]:
    found = next(each for each in results_of("tone", ["o3"]) if each.name == variant)
    return dict(zip(NAMES, found.figures, strict=True))


@pytest.mark.django_db
def test_each_figure_is_what_counting_by_hand_gives(alice: User, bob: User) -> None:
    answered(alice, "o3", rating="thumbsUp", cost_credits=300)
    answered(alice, "o3", rating="thumbsDown", again=True, total_ms=4000)
    answered(bob, "o3", status="failed", first_token_ms=None, cost_credits=None)
    answered(bob, "control")
    answered(bob, "", cost_credits=10**9)
    found = {name: figure.estimate.value for name, figure in figures("o3").items()}
    assert found == {
        "Cost of an answer": 200, "First words after": 500, "Whole answer after": 3000,
        "Failed or broken off": pytest.approx(1 / 3), "Asked for again": pytest.approx(1 / 3),
        "Thumbs up, of those with a thumb": 0.5,
    }  # fmt: skip


@pytest.mark.django_db
def test_titles_refusals_and_remembered_answers_do_not_count(alice: User) -> None:
    answered(alice, "o3")
    answered(alice, "o3", operation="title", cost_credits=10**6)
    answered(alice, "o3", status="refused", cost_credits=None)
    answered(alice, "o3", cache="exact", cost_credits=0)
    assert figures("o3")["Cost of an answer"].estimate.value == 100


@pytest.mark.django_db
def test_difference_is_told_only_when_it_is_hardly_chance() -> None:
    for number in range(12):
        person, other = UserFactory.create(), UserFactory.create()
        answered(person, "control", cost_credits=1000 + number, total_ms=2000 + 900 * (number % 3))
        answered(other, "o3", cost_credits=500 + number, total_ms=2100 + 900 * (number % 3))
    found = figures("o3")
    assert found["Cost of an answer"].verdict == "better"
    assert found["Whole answer after"].verdict == ""
    assert figures("control")["Cost of an answer"].verdict == ""


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 12])
def test_results_take_two_queries_however_many_people(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        answered(UserFactory.create(), "o3")
    with django_assert_num_queries(2):
        results_of("tone", ["o3", "o4"])


# -- How sure it is ----------------------------------------------------------------------------

people = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=2, max_size=30)


@given(people)
def test_ratio_is_that_of_the_sums_and_lies_within_its_bounds(pairs: list[Any]) -> None:
    found = ratio(pairs)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    whole = sum(whole for _, whole in pairs)
    assert found.value == pytest.approx(sum(part for part, _ in pairs) / whole)
    assert found.low <= found.value <= found.high


@given(st.lists(st.floats(0, 1000), min_size=3, max_size=40))
def test_ratio_of_single_answers_is_the_textbook_mean(values: list[float]) -> None:
    """With one answer a person, the error is the standard error of a mean."""
    found = ratio([(value, 1) for value in values])
    assert found is not None
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    assert found.error == pytest.approx((variance / len(values)) ** 0.5, rel=1e-6, abs=1e-6)


def test_too_few_people_tell_nothing() -> None:
    assert ratio([]) is None
    assert ratio([(1, 0)]) is None
    single = ratio([(3, 4)])
    assert single == Estimate(0.75, None, None)
    assert difference(single, Estimate(0.5, 0.4, 0.6)) == Estimate(0.25, None, None)


def test_bounds_hold_the_truth_about_as_often_as_they_say() -> None:
    """With people who differ among themselves, as people do; the draws are fixed."""
    draw, truth, hits, rounds = random.Random(7), 0.4, 0, 400
    for _ in range(rounds):
        pairs = []
        for _ in range(60):
            chance, count = draw.betavariate(2, 3), draw.randint(1, 12)
            pairs.append((sum(draw.random() < chance for _ in range(count)), count))
        found = ratio(pairs)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / rounds <= 0.98
