"""Whatever people have said and saved: it comes, leaves, and comes back the same."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.moving.commands import move_in
from tests.moving.dumps import write_dump
from tests.moving.few_documents import ANN, DATES, FewDocuments, user
from tests.moving.librechat_values import BEGIN, oid, uuid
from tests.moving.test_export_librechat import empty_the_house, everything, exported

pytestmark = pytest.mark.django_db

# With controls, other planes and both directions of writing; no NUL, which no database here keeps.
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
moments = st.integers(0, 10**9).map(
    lambda ms: BEGIN.fromtimestamp(1_600_000_000 + ms // 1000, BEGIN.tzinfo)
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | words,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(words.filter(bool), inner, max_size=2)
    ),
    max_leaves=5,
)
parts = st.one_of(
    st.builds(lambda said: {"type": "text", "text": said}, words),
    st.builds(lambda said: {"type": "think", "think": said}, words),
    st.builds(lambda args: {"type": "tool_call", "tool_call": {"id": "c", "args": args}}, words),
)
dates = (
    st.tuples(moments, moments)
    .map(sorted)
    .map(lambda two: {"createdAt": two[0], "updatedAt": two[1]})
)


@st.composite
def messages(draw: st.DrawFn, number: int, chats: int) -> dict[str, Any]:
    parent = draw(st.none() | st.integers(0, max(number - 1, 0)))
    is_answer = draw(st.booleans())
    return {
        "_id": oid("word", number), "messageId": uuid("word", number), "user": str(ANN),
        "conversationId": uuid("chat", draw(st.integers(0, chats - 1))),
        "parentMessageId": None if parent in (None, number) else uuid("word", parent or 0),
        "isCreatedByUser": not is_answer, "text": "" if is_answer else draw(words),
        "content": draw(st.lists(parts, min_size=1, max_size=3)) if is_answer else None,
        "metadata": draw(st.dictionaries(words.filter(bool), values, max_size=2)),
        "sender": draw(words),
        "tokenCount": draw(st.none() | st.integers(0, 10**6)), **draw(dates),
    }  # fmt: skip


@st.composite
def databases(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    count = draw(st.integers(1, 3))
    tags = draw(st.lists(words.map(str.strip).filter(bool), max_size=3, unique=True))
    chats = [
        {
            "_id": oid("chat", number), "conversationId": uuid("chat", number), "user": str(ANN),
            "title": draw(words), "endpoint": draw(st.sampled_from(["openAI", "Harbour"])),
            "model": draw(words), "tags": tags, "isArchived": draw(st.booleans()),
            "promptPrefix": draw(words), "temperature": draw(st.none() | st.floats(0, 2)),
            **draw(dates),
        }
        for number in range(count)
    ]  # fmt: skip
    said = [draw(messages(number, count)) for number in range(draw(st.integers(0, 6)))]
    kept = [
        {
            "_id": oid("skill", number),
            "author": ANN,
            "name": draw(words),
            "body": draw(values),
            **DATES,
        }
        for number in range(draw(st.integers(0, 2)))
    ]
    return {
        "users": [user(name=draw(words))],
        "conversations": chats,
        "messages": said,
        "skills": kept,
    }


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(databases())
def test_what_leaves_comes_back_the_same(found: dict[str, list[dict[str, Any]]]) -> None:
    empty_the_house()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        first = move_in(write_dump(directory / "dump", FewDocuments(found=found)))
        assert first.counts("messages")["written"] == len(found["messages"])
        before = everything()
        left = exported(directory / "a")
        empty_the_house()
        move_in(directory / "a" / "out")
        assert everything() == before
        assert exported(directory / "b") == left
