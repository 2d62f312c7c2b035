"""Which slot of an answer each event of a provider belongs to."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conversations.chat.content import TurnState
from conversations.chat.events import (
    ReasoningAdded,
    StepStarted,
    TextAdded,
    ToolArgumentsAdded,
    TurnEvent,
)
from conversations.chat.steps import StepWriter
from providers.types import (
    Finish,
    FinishReason,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)

provider_events = st.one_of(
    st.builds(TextDelta, st.text(max_size=5)),
    st.builds(ReasoningDelta, st.text(max_size=5)),
    st.integers(0, 3).flatmap(
        lambda index: st.builds(
            ToolCallDelta,
            st.just(index),
            st.just(f"call_{index}"),
            st.just(f"tool_{index}"),
            st.text(max_size=5),
        )
    ),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
)
batches = st.lists(st.lists(provider_events, max_size=6), max_size=6)


def _write(batches: list[list[StreamEvent]]) -> list[TurnEvent]:
    writer = StepWriter()
    return [event for batch in batches for event in writer.write(batch)]


def _steps(events: list[TurnEvent]) -> list[tuple[int, str, str]]:
    return [(e.index, e.kind, e.call_id) for e in events if isinstance(e, StepStarted)]


def test_each_run_of_text_or_reasoning_opens_a_step() -> None:
    events = _write(
        [
            [ReasoningDelta("hm")],
            [TextDelta("a"), TextDelta("b")],
            [TextDelta("c")],
            [ReasoningDelta("wait")],
            [TextDelta("d")],
        ]
    )
    assert _steps(events) == [(index, "message", "") for index in range(4)]
    assert TurnState(events).parts() == [
        {"type": "think", "think": "hm"},
        {"type": "text", "text": "abc"},
        {"type": "think", "think": "wait"},
        {"type": "text", "text": "d"},
    ]


def test_neighbouring_deltas_of_a_batch_are_one_event() -> None:
    writer = StepWriter()
    step, added = writer.write([TextDelta("a"), TextDelta("b")])
    assert isinstance(step, StepStarted)
    assert added == TextAdded(step.step_id, "ab")
    assert writer.write([TextDelta("c")]) == [TextAdded(step.step_id, "c")]


def test_parallel_calls_have_a_step_each() -> None:
    events = _write(
        [
            [TextDelta("Let me look.")],
            [ToolCallDelta(0, "a", "rain", "{"), ToolCallDelta(1, "b", "wind", "[")],
            [ToolCallDelta(0, arguments="}"), ToolCallDelta(1, arguments="]")],
            [TextDelta("Done.")],
        ]
    )
    assert _steps(events) == [
        (0, "message", ""),
        (1, "tool", "a"),
        (2, "tool", "b"),
        (3, "message", ""),
    ]
    calls = [part["tool_call"] for part in TurnState(events).parts() if part["type"] == "tool_call"]
    assert [(c["id"], c["name"], c["args"]) for c in calls] == [
        ("a", "rain", "{}"),
        ("b", "wind", "[]"),
    ]


def test_call_without_an_id_gets_one() -> None:
    step, added = StepWriter().write([ToolCallDelta(0, "", "rain", "{}")])
    assert isinstance(step, StepStarted)
    assert step.call_id.startswith("call_")
    assert added == ToolArgumentsAdded(step.step_id, step.call_id, "rain", "{}")


def test_empty_deltas_open_nothing() -> None:
    assert StepWriter().write([TextDelta(""), ReasoningDelta("")]) == []


def test_last_usage_and_the_reason_are_kept_and_not_emitted() -> None:
    writer = StepWriter()
    emitted = writer.write([Usage(1, 1), Usage(20, 9), Finish(FinishReason.LENGTH)])
    assert emitted == []
    assert writer.usage == Usage(20, 9)
    assert writer.finish_reason is FinishReason.LENGTH


def test_steps_of_two_answers_have_different_ids() -> None:
    first, *_ = StepWriter().write([TextDelta("a")])
    second, *_ = StepWriter().write([TextDelta("a")])
    assert isinstance(first, StepStarted)
    assert isinstance(second, StepStarted)
    assert first.step_id != second.step_id


@given(batches)
def test_indices_count_up_and_a_slot_has_one_type(batches: list[list[StreamEvent]]) -> None:
    events = _write(batches)
    steps = [event for event in events if isinstance(event, StepStarted)]
    assert [step.index for step in steps] == list(range(len(steps)))
    assert len({step.step_id for step in steps}) == len(steps)
    kinds: dict[str, set[type]] = {}
    known: set[str] = set()
    for event in events:
        if isinstance(event, StepStarted):
            known.add(event.step_id)
        elif isinstance(event, TextAdded | ReasoningAdded | ToolArgumentsAdded):
            assert event.step_id in known  # the client buffers what comes too early, we do not
            kinds.setdefault(event.step_id, set()).add(type(event))
    assert all(len(types) == 1 for types in kinds.values())


@given(batches)
def test_nothing_is_lost_and_batches_do_not_matter(batches: list[list[StreamEvent]]) -> None:
    flat = [event for batch in batches for event in batch]
    parts = TurnState(_write(batches)).parts()
    assert parts == TurnState(_write([[event] for event in flat])).parts()
    said = "".join(part["text"] for part in parts if part["type"] == "text")
    assert said == "".join(event.text for event in flat if isinstance(event, TextDelta))
    arguments = {p["tool_call"]["id"]: p["tool_call"]["args"] for p in parts if "tool_call" in p}
    for index in range(4):
        fragments = [e.arguments for e in flat if isinstance(e, ToolCallDelta) and e.index == index]
        assert arguments.get(f"call_{index}", "") == "".join(fragments)


def test_counts_are_dropped_when_nobody_can_have_counted_them() -> None:
    writer = StepWriter()
    hostile: list[Any] = [-1, 2**31, 1e300, "12", True, None]
    for count in hostile:
        writer.write([Usage(input_tokens=5, output_tokens=count)])
        assert writer.usage == Usage(input_tokens=5)
    writer.write([Usage(input_tokens=2**31 - 1, cache_read_tokens=7)])
    assert writer.usage == Usage(input_tokens=2**31 - 1, cache_read_tokens=7)
