"""The records of the log, and merging what belongs together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.chat.content import TurnState
from conversations.chat.events import (
    ContextMeasured,
    Created,
    Failed,
    Finished,
    ReasoningAdded,
    StepStarted,
    TextAdded,
    Titled,
    TokensUsed,
    ToolArgumentsAdded,
    ToolFinished,
    TurnEvent,
    from_record,
    is_terminal,
    merge_deltas,
    to_record,
)

ONE_OF_EACH: list[TurnEvent] = [
    Created("c1", "a1", "GPT-4.1", "openAI", "gpt-4.1", "", {"message_id": "u1", "text": "ä\n"}),
    StepStarted("s1", 0, "message"),
    StepStarted("s2", 1, "tool", "call_1", "weather"),
    ReasoningAdded("s1", "why"),
    TextAdded("s1", "zero\u2028width"),
    ToolArgumentsAdded("s2", "call_1", "weather", '{"city":'),
    ToolFinished("s2", "rain"),
    ContextMeasured(8192, 7782, 3, 4, 1, 0),
    TokensUsed(1, "openAI", "gpt-4.1", 20, 9, 5, 2),
    Titled("Rain"),
    Finished({"title": "Rain"}, {"text": "?"}, {"content": [{"type": "text"}]}, ["1", "2"], True),
    Failed("gone"),
]

# JSON from outside never holds NUL: lib.json removes it.
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
step_ids = st.sampled_from(["s1", "s2"])
deltas = st.one_of(
    st.builds(TextAdded, step_ids, texts),
    st.builds(ReasoningAdded, st.just("s3"), texts),
    st.builds(ToolArgumentsAdded, st.just("s4"), st.just("c"), st.just("n"), texts),
)
turns = st.lists(st.one_of(deltas, st.builds(Titled, texts)), max_size=30).map(
    lambda events: (
        [StepStarted(f"s{n}", n, "tool" if n == 4 else "message") for n in (1, 2, 3, 4)] + events
    )
)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_record_restores_event(event: TurnEvent) -> None:
    record = to_record(event)
    assert b"\n" not in record
    assert from_record(record) == event


@given(st.lists(turns, max_size=3))
def test_record_restores_any_text(batches: list[list[TurnEvent]]) -> None:
    events = [event for batch in batches for event in batch]
    assert [from_record(to_record(event)) for event in events] == events


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"[]",
        b"{}",
        b'["TextAdded"]',
        b'["TextAdded", {"step_id": "s1"}]',
        b'["TextAdded", {"step_id": "s1", "text": "a", "more": 1}]',
        b'["Unheard", {}]',
        b'["TextAdded", {"step_id": "s1", "text": "cut of',
        b'[["TextAdded"], {}]',
    ],
)
def test_record_is_refused_when_it_is_not_whole(record: bytes) -> None:
    with pytest.raises(ValueError, match="not a record"):
        from_record(record)


def test_only_the_two_ends_are_terminal() -> None:
    ends = [type(event).__name__ for event in ONE_OF_EACH if is_terminal(event)]
    assert ends == ["Finished", "Failed"]


def test_neighbours_of_one_step_are_merged() -> None:
    events: list[TurnEvent] = [
        TextAdded("s1", "a"),
        TextAdded("s1", "b"),
        TextAdded("s2", "c"),
        ReasoningAdded("s2", "d"),
        ReasoningAdded("s2", "e"),
        Titled("t"),
        TextAdded("s1", "f"),
        TextAdded("s1", "g"),
    ]
    assert merge_deltas(events) == [
        TextAdded("s1", "ab"),
        TextAdded("s2", "c"),
        ReasoningAdded("s2", "de"),
        Titled("t"),
        TextAdded("s1", "fg"),
    ]


def test_merging_leaves_the_events_of_the_log_alone() -> None:
    events = [TextAdded("s1", "a"), TextAdded("s1", "b")]
    merge_deltas(events)
    assert events == [TextAdded("s1", "a"), TextAdded("s1", "b")]


@given(turns)
def test_merging_preserves_the_turn(events: list[TurnEvent]) -> None:
    merged = merge_deltas(events)
    assert _fold(merged) == _fold(events)
    assert merge_deltas(merged) == merged
    assert len(merged) <= len(events)


def _fold(events: list[TurnEvent]) -> Any:
    state = TurnState(events)
    return state.parts(), state.title, [step.step_id for step in state.steps]
