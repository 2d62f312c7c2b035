from dataclasses import replace

import pytest

from providers.difficulty import judge
from providers.types import ChatRequest, ImagePart, Message, Parameters, TextPart, ToolSpec
from tests.providers.helpers import ask

SAY = ToolSpec("say", "", {})


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Wie spät ist es in Tokio?", "easy"),
        ("東京の天気は？", "easy"),
        ("x" * 1_200, "easy (long)"),
        ("x" * 6_000, "hard (very long)"),
        ("Why is this slow?\n```\nfor x in y: pass\n```", "hard (code)"),
        ("def f(x):\n    return x", "hard (code)"),
        ("Solve $$x^2 = 2$$", "hard (formulas)"),
        ("What is 12 * 30?", "hard (formulas)"),
        ("Who? What? When?", "easy (several questions)"),
        ("\n" * 200_000 + "x", "hard (very long)"),
        ("1. a\n\n\n 2. b\n3. c\nWho? What? When?", "hard (several parts, several questions)"),
        ("1. a\n2. b\n3. c\nWho? What? When?", "hard (several parts, several questions)"),
    ],
)
def test_question_is_judged_by_its_text(text: str, verdict: str) -> None:
    assert str(judge(ask(text))) == verdict


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (replace(ask("hi"), tools=(SAY,)), "tools"),
        (ask("hi", parameters=Parameters(reasoning_effort="high")), "asks for long thinking"),
    ],
)
def test_what_comes_with_the_question_counts(request_: ChatRequest, reason: str) -> None:
    found = judge(request_)
    assert (found.is_hard, found.reasons) == (True, (reason,))


def test_pictures_and_a_long_conversation_together_are_hard() -> None:
    picture = Message("user", (ImagePart("image/png", ""),))
    history = (picture, *(Message("user", (TextPart("hi"),)) for _ in range(11)))
    assert str(judge(ChatRequest("m", history))) == "hard (pictures, long conversation)"


def test_earlier_questions_do_not_count() -> None:
    history = (Message("user", (TextPart("```code```"),)), Message("user", (TextPart("Thanks"),)))
    assert not judge(ChatRequest("m", history)).is_hard


@pytest.mark.parametrize(("hint", "is_hard"), [("easy", False), ("hard", True), ("what", True)])
def test_word_of_the_caller_decides(hint: str, is_hard: bool) -> None:
    assert judge(ask("def f(): pass"), hint).is_hard is is_hard
