import json

from hypothesis import given
from hypothesis import strategies as st

from conversations.tree import branch_to
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
