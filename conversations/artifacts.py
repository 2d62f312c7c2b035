"""Editing an artifact, a titled block of code inside an answer (contract 03 §7.7). Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from librechat_backend.lib.json import JSONDict

_OPENING = ":::artifact"
_CLOSING = ":::"
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)")

# What the client adds for its formula renderer: backslashes before dollars, and around chemistry
# a second dollar and a second backslash. A formula ends before the next begins: else a text of many
# beginnings would be read to its end from each of them.
_ESCAPED_DOLLAR = re.compile(r"\\{1,2}\$")
_ESCAPED_CHEMISTRY = re.compile(r"\$\$\\\\(ce|pu)\{((?:[^}$]|\$(?!\$))*)\}\$\$")

T = TypeVar("T")
Span = tuple[int, int]


class ArtifactMissing(LookupError):
    """The message has fewer artifacts."""


class OriginalMissing(LookupError):
    """The artifact does not contain the text that was to be replaced."""


def edit_artifact(
    content: Any, text: str, *, index: int, original: str, updated: str
) -> tuple[Any, str]:
    """``content`` and ``text`` of a message after the edit of artifact ``index``, 0-based.

    Artifacts are looked for in the parts, and only when those have none in ``text``. Raises
    ArtifactMissing, OriginalMissing.
    """
    parts = content if isinstance(content, list) else []
    found = [(i, span) for i, part in enumerate(parts) for span in find_artifacts(_text(part))]
    if not found:
        return content, _replace(text, _nth(find_artifacts(text), index), original, updated)
    position, span = _nth(found, index)
    part = parts[position]
    edited: JSONDict = {**part, "text": _replace(part["text"], span, original, updated)}
    return [*parts[:position], edited, *parts[position + 1 :]], text


def _text(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
    return text if isinstance(text, str) else ""


def _nth(found: Sequence[T], index: int) -> T:
    if not 0 <= index < len(found):
        raise ArtifactMissing(index)
    return found[index]


def find_artifacts(text: str) -> list[Span]:
    """Where the editable text of each artifact begins and ends."""
    spans: list[Span] = []
    unclosed: set[tuple[int, str]] = set()
    position = 0
    while (opening := text.find(_OPENING, position)) >= 0:
        start = _line_end(text, opening)
        end, position = _closing(text, start, unclosed)
        spans.append(_fenced(text, start, end) or (start, end))
    return spans


def _line_end(text: str, position: int) -> int:
    """The position after the line break."""
    return text.find("\n", position) + 1 or len(text)


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end:
        after = min(_line_end(text, start), end)
        yield start, after
        start = after


def _closing(text: str, position: int, unclosed: set[tuple[int, str]]) -> Span:
    """Begin and end of the closing line; one inside a code fence only when there is no other.

    ``unclosed``: lines, each with the fence open before it, after which nothing closes. It grows,
    so that no text is read to its end for each of its artifacts.
    """
    inside: Span | None = None
    fence, passed = "", set()
    for start, end in _lines(text, position, len(text)):
        if inside and (start, fence) in unclosed:
            break
        passed.add((start, fence))
        line = text[start:end]
        fence = _fence_after(fence, line)
        if line.lstrip().startswith(_CLOSING) and not line.lstrip().startswith(_OPENING):
            if not fence:
                return start, end
            inside = inside or (start, end)
    unclosed |= passed
    return inside or (len(text), len(text))


def _fence_after(fence: str, line: str) -> str:
    """The open code fence after ``line``, or nothing."""
    match = _FENCE.match(line)
    if match is None:
        return fence
    if not fence:
        return match[1]
    closes = match[1].startswith(fence) and not match[2].strip()
    return "" if closes else fence


def _fenced(text: str, start: int, end: int) -> Span | None:
    """What one code fence around the whole span holds; None without such a fence."""
    written = [line for line in _lines(text, start, end) if text[line[0] : line[1]].strip()]
    fence = ""
    for position, (line_start, line_end) in enumerate(written):
        fence = _fence_after(fence, text[line_start:line_end])
        if not fence:
            is_last = position == len(written) - 1
            return (written[0][1], line_start) if is_last and position > 0 else None
    return None


def _replace(text: str, span: Span, original: str, updated: str) -> str:
    start, end = span
    place = text.find(original.removesuffix("\n"), start, end)
    if place < 0:
        original, updated = unescape(original), unescape(updated)
        place = text.find(original.removesuffix("\n"), start, end)
    if place < 0:
        raise OriginalMissing
    before, after = text[:place], text[place + len(original.removesuffix("\n")) :]
    # One line break ends the new code, whether the person typed it or the text has it.
    return f"{before}{updated.removesuffix(chr(10))}" + ("" if after[:1] == "\n" else "\n") + after


def unescape(text: str) -> str:
    """Undo what the client's formula renderer did to ``text``."""
    return _ESCAPED_CHEMISTRY.sub(r"$\\\1{\2}$", _ESCAPED_DOLLAR.sub("$", text))
