"""Effective groups: a person's own groups and everything above them."""

from dataclasses import dataclass

from django.db import connection

# A tree deeper than this is a mistake; the bound also ends a loop made behind our back.
MAX_DEPTH = 100

_OWN_AND_ABOVE = """
WITH RECURSIVE above (id, parent_id, distance) AS (
    SELECT g.id, g.parent_id, 0
    FROM accounts_group g JOIN accounts_membership m ON m.group_id = g.id
    WHERE m.user_id = %s AND g.is_active
    UNION
    SELECT g.id, g.parent_id, above.distance + 1
    FROM accounts_group g JOIN above ON g.id = above.parent_id
    WHERE g.is_active AND above.distance < %s
)
"""

# For use inside another query; parameters: the user's id, MAX_DEPTH.
EFFECTIVE_GROUP_IDS = _OWN_AND_ABOVE + "SELECT id FROM above"  # noqa: S608 — constants

_EFFECTIVE_GROUPS = (
    _OWN_AND_ABOVE
    + """
SELECT g.id, g.name, MIN(above.distance) AS distance
FROM above JOIN accounts_group g ON g.id = above.id
GROUP BY g.id, g.name ORDER BY distance, g.id
"""
)  # noqa: S608 — constants

_SUBTREE = """
WITH RECURSIVE below (id, depth) AS (
    SELECT m.group_id, 0 FROM accounts_membership m WHERE m.user_id = %s AND m.role = 'manager'
    UNION
    SELECT g.id, below.depth + 1
    FROM accounts_group g JOIN below ON g.parent_id = below.id WHERE below.depth < %s
)
SELECT DISTINCT id FROM below
"""

_ABOVE = """
WITH RECURSIVE above (id, parent_id, distance) AS (
    SELECT id, parent_id, 0 FROM accounts_group WHERE id IN ({})
    UNION
    SELECT g.id, g.parent_id, above.distance + 1
    FROM accounts_group g JOIN above ON g.id = above.parent_id WHERE above.distance < %s
)
SELECT DISTINCT id FROM above
"""


@dataclass(frozen=True, slots=True)
class EffectiveGroup:
    """``distance`` 0 is a group of one's own, 1 its parent, and so on by the shortest way."""

    id: int
    name: str
    distance: int


def effective_groups(user_id: str) -> tuple[EffectiveGroup, ...]:
    """Nearest first. One query. An inactive group passes nothing on, from above it neither."""
    with connection.cursor() as cursor:
        cursor.execute(_EFFECTIVE_GROUPS, [user_id, MAX_DEPTH])
        return tuple(EffectiveGroup(*row) for row in cursor.fetchall())


def managed_group_ids(user_id: str) -> set[int]:
    """The groups a person manages, and all groups below them. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SUBTREE, [user_id, MAX_DEPTH])
        return {row[0] for row in cursor.fetchall()}


def groups_above(group_ids: set[int]) -> set[int]:
    """The groups themselves and everything above them. One query."""
    if not group_ids:
        return set()
    query = _ABOVE.format(", ".join(["%s"] * len(group_ids)))
    with connection.cursor() as cursor:
        cursor.execute(query, [*group_ids, MAX_DEPTH])
        return {row[0] for row in cursor.fetchall()}
