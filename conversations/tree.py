"""The tree of messages. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

Row = TypeVar("Row", bound=Mapping[str, Any])
Parents = Mapping[str, str]  # the id of each message → that of its parent, oldest first
ROOT = ""  # in place of a parent


def branch_to(messages_by_id: Mapping[str, Row], message_id: str) -> list[Row]:
    """The messages from the root to ``message_id``, both included, root first.

    A row names its parent as ``parent_message_id``. The walk up ends where a parent is missing,
    which is where the client shows a root (contract 03 §1.2), or where it would repeat itself.
    Empty for an unknown ``message_id``.
    """
    branch: list[Row] = []
    seen: set[str] = set()
    while message_id in messages_by_id and message_id not in seen:
        seen.add(message_id)
        message = messages_by_id[message_id]
        branch.append(message)
        message_id = message["parent_message_id"]
    branch.reverse()
    return branch


class ForkOption(StrEnum):
    """Which messages a fork takes, seen from its target (contract 03 §3.1)."""

    DIRECT_PATH = "directPath"
    INCLUDE_BRANCHES = "includeBranches"
    TARGET_LEVEL = "targetLevel"


def parents_first(parents: Parents) -> dict[str, str]:
    """The same messages, each after its parent.

    A message whose parent is none of them becomes a root; so does one member of a cycle.
    """
    children = _children(parents)
    ordered: dict[str, str] = {}
    for root in [*_roots(parents), *parents]:
        if root in ordered:
            continue
        ordered[root] = ROOT
        below = [root]
        while below:
            parent = below.pop()
            fresh = [child for child in children.get(parent, ()) if child not in ordered]
            ordered |= dict.fromkeys(fresh, parent)
            below += fresh
    return ordered


def levels(parents: Parents) -> dict[str, int]:
    """How far below its root each message is; a message no root leads to is left out."""
    return _levels_below(parents, _roots(parents))


def _levels_below(parents: Parents, roots: list[str]) -> dict[str, int]:
    children = _children(parents)
    found: dict[str, int] = {}
    level, row = 0, roots
    while row:
        found |= dict.fromkeys(row, level)
        row = [child for parent in row for child in children.get(parent, ())]
        level += 1
    return found


def split_at(parents: Parents, target: str) -> dict[str, str]:
    """What is on the level of ``target`` or below; everything on that level becomes a root."""
    level_of = levels(parents)
    top = level_of.get(target, 0)
    return {
        message: ROOT if level_of[message] == top else parent
        for message, parent in parents.items()
        if level_of.get(message, -1) >= top
    }


def fork(parents: Parents, target: str, option: ForkOption) -> dict[str, str]:
    """The messages ``option`` takes, and their parents; nothing for an unknown ``target``."""
    if target not in parents:
        return {}
    taken = _taken(parents, target, option)
    return {message: parent for message, parent in parents.items() if message in taken}


def up_to_level(parents: Parents, target: str) -> set[str]:
    """What a link to ``target`` shows: level by level from the roots to the target's whole level.

    A root is what has ROOT as its parent, no more: nothing is shown when no root leads to the
    target, so that a broken tree never shows more than was meant (contract 03 §9.7).
    """
    if target not in parents:
        return set()
    level_of = _levels_below(parents, [id_ for id_, parent in parents.items() if parent == ROOT])
    if not level_of:
        return {target}
    if target not in level_of:
        return set()
    return {message for message, level in level_of.items() if level <= level_of[target]}


def newest_end(parents: Parents, target: str) -> str:
    """Where the branch of ``target`` ends by now (contract 03 §9.6).

    The newest child again and again. When the target itself went no further, the chat may go on
    under a later sibling of it, or of what is above it; the nearest one with children is it.
    """
    children = _children(parents)
    age = {message: place for place, message in enumerate(parents)}
    current = target if children.get(target) else _replacement(parents, children, age, target)
    seen = {current}
    while fresh := [child for child in children.get(current, ()) if child not in seen]:
        current = fresh[-1]
        seen.add(current)
    return current


def _taken(parents: Parents, target: str, option: ForkOption) -> set[str]:
    path = _path(parents, target)
    level_of = levels(parents)
    if option is ForkOption.INCLUDE_BRANCHES:
        above = path - {target}
        return path | {message for message, parent in parents.items() if parent in above}
    if option is ForkOption.TARGET_LEVEL and target in level_of:
        return {message for message, level in level_of.items() if level <= level_of[target]}
    return path


def _path(parents: Parents, target: str) -> set[str]:
    return set(_ancestry(parents, target))


def _roots(parents: Parents) -> list[str]:
    """As the client shows them: without a parent here, or their own (contract 03 §1.2)."""
    return [
        message for message, parent in parents.items() if parent not in parents or parent == message
    ]


def _children(parents: Parents) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for message, parent in parents.items():
        if parent != message:
            children.setdefault(parent, []).append(message)
    return children


def _replacement(
    parents: Parents, children: Mapping[str, list[str]], age: Mapping[str, int], target: str
) -> str:
    for message in reversed(_ancestry(parents, target)):
        siblings = children.get(parents[message], ())
        later = [one for one in siblings if age[one] > age[message] and one in children]
        if later:
            return later[-1]
    return target


def _ancestry(parents: Parents, target: str) -> list[str]:
    """From the root to ``target``."""
    path: dict[str, None] = {}
    while target in parents and target not in path:
        path[target] = None
        target = parents[target]
    return [*reversed(path)]
