"""From a branch of rows to the request a model is sent."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.chat.context import (
    MINIMUM_BUDGET_TOKENS,
    InputTooLong,
    fit,
    history,
    token_budget,
    with_memories,
)
from providers.sizes import message_tokens
from providers.tokens import estimate_tokens
from providers.types import ChatRequest, Message, TextPart, ToolCallPart, ToolResultPart


def _question(text: str, **fields: Any) -> dict[str, Any]:
    row = {
        "message_id": "m", "is_created_by_user": True, "text": text, "content": None,
        "quotes": [], "error": False,
    }  # fmt: skip
    return row | fields


def _answer(content: list[dict[str, Any]] | None, **fields: Any) -> dict[str, Any]:
    return _question("") | {"is_created_by_user": False, "content": content} | fields


def _said(role: Any, *texts: str) -> Message:
    return Message(role, tuple(TextPart(text) for text in texts))


# -- History -------------------------------------------------------------------------------


def test_texts_travel_and_thoughts_stay() -> None:
    branch = [
        _question("When?"),
        _answer([{"type": "think", "think": "Hm."}, {"type": "text", "text": "At noon."}]),
        _question("Sure?"),
    ]
    assert history(branch) == [
        _said("user", "When?"),
        _said("assistant", "At noon."),
        _said("user", "Sure?"),
    ]


def test_quotes_stand_above_the_text() -> None:
    (message,) = history([_question("Why?", quotes=["one\ntwo", "three"])])
    assert message == _said("user", "> one\n> two\n\n> three\n\nWhy?")


def test_answer_of_an_import_has_text_alone() -> None:
    assert history([_answer(None, text="Old words.")]) == [_said("assistant", "Old words.")]


def test_tool_calls_travel_in_pairs() -> None:
    call = {"id": "call_1", "name": "rain", "args": '{"city":"Graz"}', "type": "tool_call"}
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "Let me look."},
        {"type": "tool_call", "tool_call": call | {"output": "wet"}},
        {"type": "tool_call", "tool_call": {"id": "call_2", "name": "wind", "args": ""}},
        {"type": "text", "text": "It rains."},
    ]
    messages = history([_answer(parts)])
    calls = [p for m in messages for p in m.parts if isinstance(p, ToolCallPart)]
    results = [p for m in messages for p in m.parts if isinstance(p, ToolResultPart)]
    assert calls == [
        ToolCallPart("call_1", "rain", '{"city":"Graz"}'),
        ToolCallPart("call_2", "wind", "{}"),
    ]
    assert results == [
        ToolResultPart("call_1", "rain", "wet"),
        ToolResultPart("call_2", "wind", ""),
    ]


def test_what_followed_a_tool_is_said_after_its_result() -> None:
    call = {"id": "call_1", "name": "rain", "args": "{}", "output": "wet"}
    messages = history(
        [
            _answer(
                [
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_call", "tool_call": call},
                    {"type": "text", "text": "It rains."},
                ]
            )
        ]
    )
    assert messages == [
        Message("assistant", (TextPart("Let me look."), ToolCallPart("call_1", "rain", "{}"))),
        Message("tool", (ToolResultPart("call_1", "rain", "wet"),)),
        _said("assistant", "It rains."),
    ]


@pytest.mark.parametrize(
    "row",
    [
        _answer(None, text='{"type":"no_user_key"}', error=True),
        _answer([]),
        _answer([{"type": "think", "think": "Hm."}]),
        _answer([{"type": "error", "error": "429"}]),
        _answer([{"type": "text", "text": ""}]),
        _answer(None),
    ],
    ids=["bubble", "empty", "thoughts", "error card", "empty text", "nothing"],
)
def test_what_was_never_said_is_left_out(row: dict[str, Any]) -> None:
    branch = [_question("a"), row, _question("b")]
    assert history(branch) == [_said("user", "a"), _said("user", "b")]


def test_partial_answer_is_kept_without_its_error() -> None:
    row = _answer([{"type": "text", "text": "At no"}, {"type": "error", "error": "cut"}])
    assert history([row]) == [_said("assistant", "At no")]


def test_retained_parts_begin_the_answer_to_come() -> None:
    messages = history([_question("a")], [{"type": "text", "text": "I say: "}])
    assert messages == [_said("user", "a"), _said("assistant", "I say: ")]


# -- Budget --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "limit", "max_output", "budget"),
    [
        (128_000, None, None, 121_600),
        (128_000, None, 28_000, 95_000),
        (128_000, None, 128_000, 60_800),
        (128_000, 5000, 28_000, 5000),
        (128_000, 10, None, MINIMUM_BUDGET_TOKENS),
        (128_000, 0, None, 121_600),
        (1000, None, None, MINIMUM_BUDGET_TOKENS),
    ],
)
def test_budget(window: int, limit: int | None, max_output: int | None, budget: int) -> None:
    assert token_budget(window=window, limit=limit, max_output=max_output) == budget


# -- Fitting -------------------------------------------------------------------------------

turns = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 300), st.booleans()), max_size=6
).flatmap(lambda past: st.tuples(st.just(past), st.integers(1, 300), st.integers(0, 200)))


def _conversation(past: list[tuple[int, int, bool]], newest: int, system: int) -> ChatRequest:
    """Questions, answers and now and then a call of a tool, of so many characters each."""
    messages: list[Message] = []
    for question, answer, has_tool in past:
        messages.append(_said("user", "q" * question))
        if has_tool:
            messages.append(Message("assistant", (ToolCallPart("c", "t", "x" * answer),)))
            messages.append(Message("tool", (ToolResultPart("c", "t", "r" * question),)))
        messages.append(_said("assistant", "a" * answer))
    return ChatRequest("m", (*messages, _said("user", "n" * newest)), system="s" * system)


def _cost(request: ChatRequest, messages: tuple[Message, ...]) -> int:
    return estimate_tokens(request.system) + sum(map(message_tokens, messages))


def _oracle(request: ChatRequest, budget: int) -> tuple[Message, ...] | None:
    """The longest end of the history that begins with a question and fits; slowly."""
    for first, message in enumerate(request.messages):
        rest = request.messages[first:]
        if message.role == "user" and _cost(request, rest) <= budget:
            return rest
    return None


@given(turns, st.integers(1, 800))
def test_longest_end_that_fits_is_kept(
    sizes: tuple[list[tuple[int, int, bool]], int, int], budget: int
) -> None:
    request = _conversation(*sizes)
    expected = _oracle(request, budget)
    if expected is None:
        with pytest.raises(InputTooLong):
            fit(request, window=1000, budget=budget)
        return
    fitted, measure = fit(request, window=1000, budget=budget)
    assert fitted.messages == expected
    assert fitted.system == request.system
    assert fitted.messages[0].role == "user"
    assert fitted.messages[-1] == request.messages[-1]
    assert measure.instruction_tokens + measure.message_tokens == _cost(request, expected)
    assert measure.message_count == len(expected)
    everything = sum(map(message_tokens, request.messages))
    assert measure.pruned_tokens == everything - measure.message_tokens
    assert (measure.window, measure.budget) == (1000, budget)


def test_refusal_names_what_is_needed_and_what_there_is() -> None:
    request = ChatRequest("m", (_said("user", "x" * 400),))
    with pytest.raises(InputTooLong, match=r"^114 / 100$"):
        fit(request, window=1000, budget=100)


def test_answer_that_is_continued_stays_with_its_question() -> None:
    messages = (
        _said("user", "q" * 400),
        _said("assistant", "a" * 400),
        _said("user", "n" * 40),
        _said("assistant", "I say: "),
    )
    fitted, measure = fit(ChatRequest("m", messages), window=1000, budget=60)
    assert fitted.messages == messages[2:]
    assert measure.message_count == 2


# -- Memories ------------------------------------------------------------------------------


def _memory(value: str, day: int) -> dict[str, Any]:
    return {"value": value, "updated_at": datetime(2026, 1, day, tzinfo=UTC)}


def test_memories_end_the_instructions_oldest_first() -> None:
    rows = [_memory("Sails.", 3), _memory("Lives in Brest.", 2)]
    text = with_memories("Be brief.", rows, budget=10_000)
    assert text.startswith("Be brief.\n\nWhat the user asked to have remembered")
    assert text.endswith("\n- [2026-01-02] Lives in Brest.\n- [2026-01-03] Sails.")
    assert with_memories("", rows, budget=10_000).startswith("What the user asked")


def test_instructions_stay_as_they_are_without_memories() -> None:
    assert with_memories("Be brief.", [], budget=10_000) == "Be brief."


@given(
    st.lists(st.text(min_size=1, max_size=400), max_size=20),
    st.integers(min_value=MINIMUM_BUDGET_TOKENS, max_value=8000),
)
def test_memories_never_take_more_than_their_share(values: list[str], budget: int) -> None:
    rows = [_memory(value, 1) for value in values]
    text = with_memories("", rows, budget=budget)
    assert estimate_tokens(text) <= budget * 0.25 + 2
    if rows and text:  # the latest is the last to go
        assert text.endswith(f"- [2026-01-01] {values[0]}")
