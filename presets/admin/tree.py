"""The group tree as a list to read: parents before children, indented."""

from collections.abc import Iterable, Sequence

from accounts.models import Group

INDENT = "\u2003"


def in_tree_order(groups: Iterable[Group]) -> list[tuple[Group, int]]:
    """Each group with its depth. A group whose parent is not among them stands on the left."""
    rows = sorted(groups, key=lambda group: group.name.casefold())
    present = {group.pk for group in rows}
    children: dict[int | None, list[Group]] = {}
    for group in rows:
        parent = group.parent_id if group.parent_id in present else None
        children.setdefault(parent, []).append(group)
    ordered: list[tuple[Group, int]] = []
    waiting = [(group, 0) for group in reversed(children.get(None, []))]
    while waiting:
        group, depth = waiting.pop()
        ordered.append((group, depth))
        waiting.extend((child, depth + 1) for child in reversed(children.get(group.pk, [])))
    return ordered


def indented(name: str, depth: int) -> str:
    return f"{INDENT * depth}└ {name}" if depth else name


def choices(groups: Iterable[Group]) -> Sequence[tuple[int, str]]:
    """For a select."""
    return [(group.pk, indented(group.name, depth)) for group, depth in in_tree_order(groups)]
