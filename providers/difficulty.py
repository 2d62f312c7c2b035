"""How hard a question is, for names that send easy ones to a cheap model. Pure.

Points are added up; from ``HARD_FROM`` on a question is hard. The signs work in any language:
length, code, formulas, tools, pictures, a wish for long thinking, a long conversation.
"""

import re
from dataclasses import dataclass

from providers.types import ChatRequest, ImagePart, Message, TextPart

HARD_FROM = 2

_LONG_CHARACTERS = 1_200
_VERY_LONG_CHARACTERS = 6_000
_MANY_MESSAGES = 12
_MANY_QUESTIONS = 3

# Within its line: from each of many empty lines the rest of a text would be read to its end.
_CODE = re.compile(
    r"```|^[^\S\n]*(?:def|class|function|import|SELECT|public|#include)\b|[{};]\s*$", re.M
)
_FORMULA = re.compile(r"\\\(|\\\[|\$\$|\\frac|\\sum|\\int|[∑∫√≤≥∀∃]|\b\d+\s*[\^*/]\s*\d+")
_STEPS = re.compile(r"^[^\S\n]*(?:\d+[.)]|[-*])\s+\S", re.M)


@dataclass(frozen=True, slots=True)
class Difficulty:
    points: int
    reasons: tuple[str, ...]

    @property
    def is_hard(self) -> bool:
        return self.points >= HARD_FROM

    def __str__(self) -> str:
        word = "hard" if self.is_hard else "easy"
        return f"{word} ({', '.join(self.reasons)})" if self.reasons else word


def judge(request: ChatRequest, hint: str = "") -> Difficulty:
    """``hint``, ``easy`` or ``hard``, is the caller's own word and decides alone."""
    if hint in {"easy", "hard"}:
        return Difficulty(HARD_FROM if hint == "hard" else 0, ("the caller says so",))
    found = [(points, reason) for points, reason, applies in _signs(request) if applies]
    return Difficulty(sum(points for points, _ in found), tuple(reason for _, reason in found))


def _signs(request: ChatRequest) -> list[tuple[int, str, bool]]:
    text = _last_question(request.messages)
    effort = request.parameters.reasoning_effort or ""
    return [
        (2, "very long", len(text) >= _VERY_LONG_CHARACTERS),
        (1, "long", _LONG_CHARACTERS <= len(text) < _VERY_LONG_CHARACTERS),
        (2, "code", bool(_CODE.search(text))),
        (2, "formulas", bool(_FORMULA.search(text))),
        (1, "several parts", len(_STEPS.findall(text)) >= _MANY_QUESTIONS),
        (1, "several questions", text.count("?") + text.count("？") >= _MANY_QUESTIONS),
        (2, "tools", bool(request.tools)),
        (1, "pictures", _has_pictures(request.messages)),
        (2, "asks for long thinking", effort in {"high", "xhigh", "max"}),
        (1, "long conversation", len(request.messages) >= _MANY_MESSAGES),
    ]


def _last_question(messages: tuple[Message, ...]) -> str:
    asked = next((message for message in reversed(messages) if message.role == "user"), None)
    parts = asked.parts if asked else ()
    return "\n".join(part.text for part in parts if isinstance(part, TextPart))


def _has_pictures(messages: tuple[Message, ...]) -> bool:
    return any(isinstance(part, ImagePart) for message in messages for part in message.parts)
