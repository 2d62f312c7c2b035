import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.tree import ROOT, branch_to, newest_end, up_to_level
from librechat_backend.lib.ids import NO_PARENT

Rows = dict[str, dict[str, str]]

NAMES = st.sampled_from([*"abcdefgh", NO_PARENT])


@st.composite
def forests(draw: st.DrawFn) -> Rows:
    """Any parents at all: missing ones, the message itself, circles."""
    parents = draw(st.dictionaries(NAMES, NAMES))
    return {name: {"id": name, "parent_message_id": parent} for name, parent in parents.items()}


def slow_branch(rows: Rows, name: str, below: tuple[str, ...] = ()) -> list[dict[str, str]]:
    if name not in rows or name in below:
        return []
    return [*slow_branch(rows, rows[name]["parent_message_id"], (*below, name)), rows[name]]


@given(forests(), NAMES)
def test_branch_equals_the_recursive_definition(rows: Rows, name: str) -> None:
    before = json.dumps(rows)
    assert branch_to(rows, name) == slow_branch(rows, name)
    assert json.dumps(rows) == before


def test_branch_is_root_first_when_there_are_siblings() -> None:
    rows = {
        "root": {"parent_message_id": NO_PARENT},
        "left": {"parent_message_id": "root"},
        "right": {"parent_message_id": "root"},
        "leaf": {"parent_message_id": "right"},
    }
    assert branch_to(rows, "leaf") == [rows["root"], rows["right"], rows["leaf"]]


def test_branch_is_empty_when_the_message_is_unknown() -> None:
    assert branch_to({"a": {"parent_message_id": NO_PARENT}}, "b") == []


def test_branch_is_complete_when_it_is_very_deep() -> None:
    rows = {str(i): {"parent_message_id": str(i - 1)} for i in range(100_000)}
    branch = branch_to(rows, "99999")
    assert len(branch) == 100_000
    assert branch[0] is rows["0"]
    assert branch[-1] is rows["99999"]


# -- Shared links --------------------------------------------------------------------------


@st.composite
def rooted_trees(draw: st.DrawFn) -> dict[str, str]:
    """Oldest first; a few have lost their parent."""
    parents: dict[str, str] = {}
    for i in range(draw(st.integers(1, 12))):
        choices = [ROOT, "gone", *parents]
        parents[str(i)] = draw(st.sampled_from(choices))
    return parents


def _depth(parents: dict[str, str], message: str) -> int | None:
    """How far below its root; None where no root leads to it. Slow and obvious."""
    depth = 0
    while parents[message] != ROOT:
        message = parents[message]
        depth += 1
        if message not in parents:
            return None
    return depth


@given(rooted_trees(), st.data())
def test_link_shows_the_levels_down_to_its_target(
    parents: dict[str, str], data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(list(parents)))
    depths = {message: _depth(parents, message) for message in parents}
    limit = depths[target]
    if all(depth is None for depth in depths.values()):
        assert up_to_level(parents, target) == {target}
    elif limit is None:
        assert up_to_level(parents, target) == set()
    else:
        shown = {m for m, depth in depths.items() if depth is not None and depth <= limit}
        assert up_to_level(parents, target) == shown


def test_link_shows_nothing_when_its_target_is_unknown() -> None:
    assert up_to_level({"a": ROOT}, "x") == set()
    assert up_to_level({}, "x") == set()


@pytest.mark.parametrize(
    ("parents", "target", "end"),
    [
        ({"a": ROOT}, "a", "a"),
        ({"a": ROOT}, "x", "x"),
        ({"a": ROOT, "b": "a", "c": "b"}, "a", "c"),
        ({"a": ROOT, "b": "a", "c": "a", "d": "b"}, "a", "c"),  # the newest child, not the deepest
        # b was answered again: the chat went on under c.
        ({"a": ROOT, "b": "a", "c": "a", "d": "c"}, "b", "d"),
        ({"a": ROOT, "b": "a", "c": "a"}, "b", "b"),  # the later sibling has no children
        ({"a": ROOT, "c": "a", "d": "c", "b": "a"}, "b", "b"),  # an older one does not count
        # The question above was answered again.
        ({"a": ROOT, "b": "a", "c": "b", "d": "a", "e": "d", "f": "e"}, "c", "f"),
        ({"a": ROOT, "b": ROOT, "c": "b"}, "a", "c"),
        ({"a": "b", "b": "a"}, "a", "b"),  # a cycle
        ({"a": "a"}, "a", "a"),
    ],
)
def test_target_moves_on_to_the_end_of_its_branch(
    parents: dict[str, str], target: str, end: str
) -> None:
    assert newest_end(parents, target) == end


@given(rooted_trees(), st.data())
def test_end_of_a_branch_is_its_own_end_unless_it_ends_at_once(
    parents: dict[str, str], data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(list(parents)))
    end = newest_end(parents, target)
    assert end == target or end not in parents.values()
    if target in parents.values():
        assert target in {row["parent_message_id"] for row in branch_to(_rows(parents), end)}


def _rows(parents: dict[str, str]) -> dict[str, dict[str, str]]:
    return {id_: {"parent_message_id": parent} for id_, parent in parents.items()}
