"""Whatever stands in the file, each of its values is taken or named; and merging, by an oracle."""

import copy
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from librechat_backend.lib.env import read_dotenv
from moving.librechat_yaml.loading import read_plan
from moving.librechat_yaml.merging import merge
from moving.librechat_yaml.source import Source
from presets.files import Document, Place, read_file
from tests.moving.conftest import ENV, FILE

WHOLE: dict[str, Any] = read_file(FILE.name, FILE.read_bytes()).value
OLD = read_dotenv(ENV)


def leaves(value: Any, place: Place = ()) -> list[Place]:
    """Places of what holds nothing else."""
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value)) if isinstance(
        value, dict | list
    ) else []  # fmt: skip
    if not pairs:
        return [place]
    return [leaf for key, member in pairs for leaf in leaves(member, (*place, key))]


def places(value: Any, place: Place = ()) -> list[Place]:
    """Of everything but the root."""
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value)) if isinstance(
        value, dict | list
    ) else []  # fmt: skip
    inner = [found for key, member in pairs for found in places(member, (*place, key))]
    return ([place] if place else []) + inner


NAMES = sorted({str(place[-1]) for place in places(WHOLE) if isinstance(place[-1], str)})
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**12), st.floats(allow_nan=False),
    st.text(max_size=8), st.sampled_from(["user_provided", "${HARBOUR_KEY}", "${NONE}", "{{X}}"]),
)  # fmt: skip
names = st.sampled_from(NAMES) | st.text(min_size=1, max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """The whole file, with some of its values replaced, removed, or joined by others."""
    value = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(places(value)))
        holder: Any = value
        for key in place[:-1]:
            holder = holder[key]
        if draw(st.booleans()):
            holder[place[-1]] = draw(values)
        elif isinstance(holder, dict):
            holder[draw(names)] = draw(values)
        else:
            del holder[place[-1]]
        if not places(value):
            break
    return value


@settings(max_examples=150, deadline=None)
@example({"modelSpecs": {"list": [{}]}})
@given(files() | st.dictionaries(st.sampled_from(sorted(WHOLE)), values, max_size=6))
def test_each_value_is_taken_or_named_whatever_it_is(value: dict[str, Any]) -> None:
    source = Source(Document(value), OLD)
    read_plan(source)
    source.finish()
    said = set(source.lines)
    for leaf in leaves(value):
        assert not leaf or any(leaf[:length] in said for length in range(1, len(leaf) + 1)), leaf


small = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), min_size=1)
every = st.fixed_dictionaries({name: st.integers(0, 2) for name in "abc"})


@given(wanted=small, current=every, loaded=small | st.just({}), defaults=every, force=st.booleans())
def test_nothing_that_people_changed_is_written(
    wanted: dict[str, int],
    current: dict[str, int],
    loaded: dict[str, int],
    defaults: dict[str, int],
    force: bool,
) -> None:
    merged = merge(wanted, current, loaded, defaults, overwrites=force)
    for name, value in wanted.items():
        known = loaded.get(name, defaults[name])
        is_theirs = current[name] not in (known, value)
        assert (name in merged.by_hand) == (is_theirs and not force)
        assert (name in merged.changes) == (current[name] != value and (force or not is_theirs))
    assert merged.changes.keys() | merged.by_hand.keys() <= wanted.keys()
