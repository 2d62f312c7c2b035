"""The fold of a turn's events into content parts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.chat.content import TurnState, join_parts
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
)

Part = dict[str, Any]

texts = st.text(min_size=1, max_size=40)
runs = st.lists(st.tuples(st.sampled_from(["text", "think", "tool_call"]), texts), max_size=6)


def _events(runs: list[tuple[str, str]], cuts: list[int]) -> list[TurnEvent]:
    """A turn that says ``runs``, each cut at the places of ``cuts`` that lie inside it."""
    events: list[TurnEvent] = []
    for index, (kind, text) in enumerate(runs):
        step = f"s{index}"
        is_tool = kind == "tool_call"
        events.append(StepStarted(step, index, "tool" if is_tool else "message", step, "look"))
        places = [0, *sorted({cut for cut in cuts if 0 < cut < len(text)}), len(text)]
        for start, end in zip(places, places[1:], strict=False):
            events.append(_delta(kind, step, text[start:end]))
    return events


def _delta(kind: str, step: str, text: str) -> TurnEvent:
    if kind == "tool_call":
        return ToolArgumentsAdded(step, step, "look", text)
    return TextAdded(step, text) if kind == "text" else ReasoningAdded(step, text)


def _expected(runs: list[tuple[str, str]]) -> list[Part]:
    return [
        {
            "type": kind,
            kind: {"id": f"s{index}", "name": "look", "args": text, "type": "tool_call"}
            if kind == "tool_call"
            else text,
        }
        for index, (kind, text) in enumerate(runs)
    ]


@given(runs, st.lists(st.integers(0, 40)))
def test_parts_are_the_same_however_deltas_were_cut(
    runs: list[tuple[str, str]], cuts: list[int]
) -> None:
    state = TurnState(_events(runs, cuts))
    assert state.parts() == _expected(runs)
    assert state.text() == "".join(text for kind, text in runs if kind == "text")


@given(runs, st.integers(0, 100))
def test_state_can_be_taken_up_at_any_event(runs: list[tuple[str, str]], place: int) -> None:
    events = _events(runs, [1, 3, 5])
    state = TurnState(events[:place])
    for event in events[place:]:
        state.apply(event)
    assert state.parts() == TurnState(events).parts()


def test_parallel_tool_calls_keep_their_places_when_their_deltas_mix() -> None:
    state = TurnState(
        [
            StepStarted("s0", 0, "tool", "a", "rain"),
            StepStarted("s1", 1, "tool", "b", "wind"),
            ToolArgumentsAdded("s1", "b", "wind", "{"),
            ToolArgumentsAdded("s0", "a", "rain", "[1"),
            ToolArgumentsAdded("s1", "b", "wind", "}"),
            ToolArgumentsAdded("s0", "a", "rain", "]"),
            ToolFinished("s1", "calm"),
        ]
    )
    assert state.parts() == [
        {
            "type": "tool_call",
            "tool_call": {"id": "a", "name": "rain", "args": "[1]", "type": "tool_call"},
        },
        {
            "type": "tool_call",
            "tool_call": {
                "id": "b",
                "name": "wind",
                "args": "{}",
                "type": "tool_call",
                "output": "calm",
                "progress": 1,
            },
        },
    ]


def test_parts_follow_the_index_and_not_the_order_of_arrival() -> None:
    state = TurnState(
        [
            StepStarted("late", 1, "message"),
            TextAdded("late", "second"),
            StepStarted("early", 0, "message"),
            ReasoningAdded("early", "first"),
        ]
    )
    assert state.parts() == [
        {"type": "think", "think": "first"},
        {"type": "text", "text": "second"},
    ]


def test_step_without_content_gives_no_part() -> None:
    state = TurnState([StepStarted("s0", 0, "message"), TextAdded("s0", "")])
    assert state.parts() == []
    assert [step.step_id for step in state.steps] == ["s0"]


def test_tool_that_answered_nothing_is_finished_all_the_same() -> None:
    state = TurnState([StepStarted("s0", 0, "tool", "a", "rain"), ToolFinished("s0", "")])
    (part,) = state.parts()
    assert part["tool_call"]["output"] == ""
    assert part["tool_call"]["progress"] == 1


def test_everything_but_content_is_noted() -> None:
    created = Created("c1", "a1", "GPT", "openAI", "gpt", "", {})
    measured = ContextMeasured(10, 9, 1, 2, 3, 4)
    usage = [TokensUsed(1, "openAI", "gpt", 1, 2), TokensUsed(2, "openAI", "gpt", 3, 4)]
    finished = Finished({}, {}, {})
    state = TurnState([created, measured, *usage, Titled("old"), Titled("new"), finished])
    assert (state.created, state.context, state.usage) == (created, measured, usage)
    assert (state.title, state.terminal) == (Titled("new"), finished)
    assert TurnState([Failed("gone")]).terminal == Failed("gone")
    assert TurnState().terminal is None


@pytest.mark.parametrize(
    ("retained", "added", "joined"),
    [
        ([], [], []),
        ([{"type": "text", "text": "a"}], [], [{"type": "text", "text": "a"}]),
        ([], [{"type": "text", "text": "b"}], [{"type": "text", "text": "b"}]),
        (
            [{"type": "text", "text": "a", "phase": "x"}],
            [{"type": "text", "text": "b"}],
            [{"type": "text", "text": "ab", "phase": "x"}],
        ),
        (
            [{"type": "text", "text": "0"}, {"type": "think", "think": "a"}],
            [{"type": "think", "think": "b"}, {"type": "text", "text": "c"}],
            [
                {"type": "text", "text": "0"},
                {"type": "think", "think": "ab"},
                {"type": "text", "text": "c"},
            ],
        ),
        (
            [{"type": "think", "think": "a"}],
            [{"type": "text", "text": "b"}],
            [{"type": "think", "think": "a"}, {"type": "text", "text": "b"}],
        ),
        (
            [{"type": "tool_call", "tool_call": {"id": "1"}}],
            [{"type": "tool_call", "tool_call": {"id": "2"}}],
            [
                {"type": "tool_call", "tool_call": {"id": "1"}},
                {"type": "tool_call", "tool_call": {"id": "2"}},
            ],
        ),
    ],
)
def test_new_parts_continue_the_kept_ones(
    retained: list[Part], added: list[Part], joined: list[Part]
) -> None:
    before = [dict(part) for part in retained]
    assert join_parts(retained, added) == joined
    assert retained == before
