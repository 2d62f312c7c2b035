from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.artifacts import (
    ArtifactMissing,
    OriginalMissing,
    edit_artifact,
    find_artifacts,
    unescape,
)

HEAD = ':::artifact{identifier="a" type="text/html"}\n'
FENCED = f"Before\n{HEAD}```html\n<p>one</p>\n```\n:::\nAfter"


def held(text: str) -> list[str]:
    return [text[start:end] for start, end in find_artifacts(text)]


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("", []),
        ("::: artifact\nx\n:::", []),
        (FENCED, ["<p>one</p>\n"]),
        (f"{HEAD}plain\n:::\n", ["plain\n"]),
        (f"{HEAD}plain\n  :::\n", ["plain\n"]),
        (f"{HEAD}not closed\n", ["not closed\n"]),
        (HEAD, [""]),
        (":::artifact", [""]),
        (f"{HEAD}a\n:::\n{HEAD}b\n:::\n", ["a\n", "b\n"]),
        (f"{HEAD}```md\n:::note\n```\n:::\n", [":::note\n"]),
        (f"{HEAD}```md\nnever closed\n:::\n", ["```md\nnever closed\n"]),
        (f"{HEAD}````md\n```\nx\n```\n````\n:::\n", ["```\nx\n```\n"]),
        (f"{HEAD}```a\nx\n```\n```b\ny\n```\n:::\n", ["```a\nx\n```\n```b\ny\n```\n"]),
        (f"{HEAD}~~~\nx\n~~~\n:::\n", ["x\n"]),
        (f"{HEAD}~~~p\na\n:::\n{HEAD}~~~q\nb\n:::\n", ["~~~p\na\n", "~~~q\nb\n"]),
        (f"{HEAD}~~~p\na\n:::\n{HEAD}b\n:::\n", ["~~~p\na\n", "b\n"]),
    ],
)
def test_artifacts_are_found_with_what_can_be_edited(text: str, contents: list[str]) -> None:
    assert held(text) == contents


def edit(text: str, original: str, updated: str, index: int = 0) -> str:
    content, edited = edit_artifact(None, text, index=index, original=original, updated=updated)
    assert content is None
    return edited


@pytest.mark.parametrize("newline", ["", "\n"])
def test_edit_keeps_one_line_break_however_often_it_is_saved(newline: str) -> None:
    once = edit(FENCED, "<p>one</p>\n", f"<p>two</p>{newline}")
    assert once == FENCED.replace("one", "two")
    assert edit(once, f"<p>two</p>{newline}", "<p>one</p>") == FENCED


def test_edit_touches_only_the_artifact_named() -> None:
    text = f"same\n{HEAD}same\n:::\n{HEAD}same\n:::\nsame"
    assert edit(text, "same", "new", index=1) == f"same\n{HEAD}same\n:::\n{HEAD}new\n:::\nsame"


def test_edit_goes_to_the_parts_before_the_text() -> None:
    tool = {"type": "tool_call", "tool_call": {}}
    content: list[Any] = [{"type": "text", "text": "none"}, tool, {"type": "text", "text": FENCED}]
    edited, text = edit_artifact(
        content, FENCED, index=0, original="<p>one</p>", updated="<p>two</p>"
    )
    assert edited == [*content[:2], {"type": "text", "text": FENCED.replace("one", "two")}]
    assert text == FENCED
    assert content[2]["text"] == FENCED


def test_edit_undoes_what_the_formula_renderer_escaped() -> None:
    text = f"{HEAD}costs $5, $\\ce{{H2O}}$\n:::\n"
    edited = edit(text, r"costs \$5, $$\\ce{H2O}$$", r"costs \$6, $$\\ce{CO2}$$")
    assert edited == f"{HEAD}costs $6, $\\ce{{CO2}}$\n:::\n"


def test_edit_keeps_backslashes_that_were_really_there() -> None:
    text = f"{HEAD}echo \\$HOME\n:::\n"
    assert edit(text, "echo \\$HOME\n", "echo \\$PATH\n") == f"{HEAD}echo \\$PATH\n:::\n"


@pytest.mark.parametrize("index", [-1, 1, 10**9])
def test_edit_is_refused_when_there_is_no_such_artifact(index: int) -> None:
    with pytest.raises(ArtifactMissing):
        edit(FENCED, "one", "two", index=index)


def test_edit_is_refused_when_the_original_is_elsewhere() -> None:
    with pytest.raises(OriginalMissing):
        edit(FENCED, "Before", "two")


@given(st.lists(st.sampled_from([*"a~: \n", "```", ":::\n", ":::artifact\n"])).map("".join))
def test_artifacts_are_disjoint_and_in_order(text: str) -> None:
    spans = find_artifacts(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(text) for edge in edges)


def test_unescape_leaves_ordinary_text_alone() -> None:
    assert unescape(r"a $b$ \ce{x} $\ce{y}$") == r"a $b$ \ce{x} $\ce{y}$"
