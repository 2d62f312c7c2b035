"""librechat_backend.lib.pagination over real rows."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from conversations.models import Conversation
from conversations.views.conversations import SORTS
from librechat_backend.lib import json
from librechat_backend.lib.pagination import Keyset
from tests.conversations.factories import MOMENT, make_conversation
from tests.factories import UserFactory

BY_TITLE = Keyset(SORTS["title"], is_descending=False)
BY_UPDATE = Keyset(SORTS["updatedAt"], is_descending=True)

# Few values, so that ties are common; microseconds that the wire would round away.
TITLES = st.sampled_from(["", "a", "B", "ä", "日本", "a b", "%_", '"'])
OFFSETS = st.sampled_from([0, 1, 999, 1000, 60_000_000])
ROWS = st.lists(st.tuples(TITLES, OFFSETS, OFFSETS), max_size=12)
ORDERS = st.builds(Keyset, st.sampled_from(list(SORTS.values())), st.booleans())


def walk(keyset: Keyset, limit: int) -> list[dict[str, object]]:
    seen: list[dict[str, object]] = []
    cursor: str | None = ""
    while cursor is not None:
        rows, cursor = keyset.page(Conversation.objects.list_rows(), cursor=cursor, limit=limit)
        assert len(rows) == limit or cursor is None
        seen += rows
    return seen


class Pages(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(ROWS, ORDERS, st.integers(1, 5))
    def test_pages_show_every_row_once_in_the_order_of_the_keys(
        self, rows: list[tuple[str, int, int]], keyset: Keyset, limit: int
    ) -> None:
        user = UserFactory.create()
        for title, created, updated in rows:
            make_conversation(
                user,
                title=title,
                created_at=MOMENT + timedelta(microseconds=created),
                updated_at=MOMENT + timedelta(microseconds=updated),
            )
        shown = walk(keyset, limit)
        whole, _ = keyset.page(Conversation.objects.list_rows(), cursor="", limit=100)
        assert shown == whole
        assert len({row["id"] for row in shown}) == len(rows)
        keys = [tuple(row[key.name] for key in keyset.keys) for row in shown]
        assert keyset.keys[0].name == "title" or keys == sorted(keys, reverse=keyset.is_descending)


def cursor_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value)).decode()


def test_cursor_returns_the_values_of_its_row() -> None:
    moment = datetime(2025, 3, 4, 5, 6, 7, 890_123, tzinfo=UTC)
    row = {"title": "ä\U0001f30a", "updated_at": moment, "id": "a" * 24, "user_id": "secret"}
    cursor = BY_TITLE.encode(row)
    assert BY_TITLE.decode(cursor) == ["ä\U0001f30a", moment, "a" * 24]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%%%",
        "é",
        "\x00",
        "AAAA",
        "abc",
        cursor_of(None),
        cursor_of([]),
        cursor_of({"primary": 1}),
        cursor_of([["updated_at", "id"], None]),
        cursor_of([["updated_at", "id"], ["2025-03-04T05:06:07Z"]]),
        cursor_of([["updated_at", "id"], ["2025-03-04T05:06:07Z", 3]]),
        cursor_of([["updated_at", "id"], ["2025-03-04T05:06:07Z", "x", "y"]]),
        cursor_of([["updated_at", "id"], ["yesterday", "x"]]),
        cursor_of([["updated_at", "id"], [{}, "x"]]),
        cursor_of([["updated_at", "id"], ["0001-01-01T00:00:00+23:59", "x"]]),
        cursor_of([["title", "updated_at", "id"], ["a", "2025-03-04T05:06:07Z", "x"]]),
    ],
)
def test_cursor_is_ignored_when_it_is_not_of_this_order(cursor: str) -> None:
    assert BY_UPDATE.decode(cursor) is None


@given(st.text())
def test_cursor_is_never_an_error(cursor: str) -> None:
    assert BY_UPDATE.decode(cursor) is None
