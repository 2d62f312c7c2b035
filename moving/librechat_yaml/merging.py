"""What is changed by a file that was loaded before, when people change things, too. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from librechat_backend.lib.json import JSONDict, JSONValue


@dataclass(frozen=True, slots=True)
class Merged:
    """``changes``: what to write. ``by_hand``: what people have changed since, and stays: field →
    (what is there, what the file says)."""

    changes: JSONDict = field(default_factory=dict)
    by_hand: dict[str, tuple[JSONValue, JSONValue]] = field(default_factory=dict)


def merge(
    wanted: Mapping[str, JSONValue],
    current: Mapping[str, JSONValue],
    loaded: Mapping[str, JSONValue],
    defaults: Mapping[str, JSONValue],
    *,
    overwrites: bool,
) -> Merged:
    """A field is written where it holds what was loaded last or, never loaded, its default."""
    merged = Merged()
    for name, value in wanted.items():
        there = current.get(name)
        if there == value:
            continue
        is_ours = there == (loaded if name in loaded else defaults).get(name)
        if overwrites or is_ours:
            merged.changes[name] = value
        else:
            merged.by_hand[name] = (there, value)
    return merged
