"""Thoughts between tags in front of an answer, however the stream cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.thoughts import Thoughts
from providers.types import ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta


def _told_apart(pieces: list[str]) -> tuple[str, str]:
    """Thoughts and answer."""
    thoughts = Thoughts()
    events: list[StreamEvent] = []
    for piece in pieces:
        events.extend(thoughts.told_apart([TextDelta(piece)]))
    events.extend(thoughts.end())
    return (
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        "".join(event.text for event in events if isinstance(event, TextDelta)),
    )


CASES = [
    ("<think>The moon.</think>\n\nAt noon.", ("The moon.", "At noon.")),
    ("\n<think>\nThe moon.\n</think>At noon.", ("\nThe moon.\n", "At noon.")),
    ("<think></think>At noon.", ("", "At noon.")),
    ("<think>a < b </thin </think>  c  d ", ("a < b </thin ", "c  d ")),
    ("<think>cut off </th", ("cut off </th", "")),
    ("At noon.", ("", "At noon.")),
    ("  At <think>noon</think>.", ("", "  At <think>noon</think>.")),
    ("<thinker>", ("", "<thinker>")),
    ("<thi", ("", "<thi")),
    ("<think>a</think>b<think>c</think>", ("a", "b<think>c</think>")),
    ("", ("", "")),
]


@pytest.mark.parametrize(("text", "parts"), CASES)
def test_thoughts_are_told_from_the_answer(text: str, parts: tuple[str, str]) -> None:
    assert _told_apart([text]) == parts
    assert _told_apart(list(text)) == parts


@given(st.sampled_from(CASES), st.lists(st.integers(0, 40), max_size=8))
def test_it_does_not_matter_where_the_stream_is_cut(
    case: tuple[str, tuple[str, str]], cuts: list[int]
) -> None:
    text, parts = case
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert _told_apart([text[a:b] for a, b in zip(edges, edges[1:], strict=False)]) == parts


def test_what_is_no_text_passes() -> None:
    call = ToolCallDelta(0, "call_1", "tides", "{}")
    assert list(Thoughts().told_apart([call])) == [call]
