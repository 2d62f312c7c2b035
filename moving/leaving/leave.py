"""What the writers of all collections share while an export runs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from django.db.models import QuerySet

from accounts.access_roles import PrincipalType
from accounts.models import Group, Role, User
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from librechat_backend.lib import crypto
from librechat_backend.lib.crypto import UndecryptableSecret
from librechat_backend.lib.json import JSONDict
from moving.collections.role_groups import role_group_id
from moving.models import KeptDocument
from moving.secrets import Secrets
from moving.tally import Tally
from moving.targets import Id
from presets.models import Assignment, Preset

AT_ONCE = 500
Rows = QuerySet[Any, Any]


@dataclass
class Leave:
    """``emails``: whose things to write, empty for everybody's. ``tally`` is that of the
    collection at hand. ``files``: where bytes are copied to, if anywhere. ``tags``: how many chats
    have each tag of each person, counted while chats are written; ``entered``: agents and for whom
    an entry was written, by kind and id."""

    secrets: Secrets
    emails: frozenset[str] = frozenset()
    files: Path | None = None
    tally: Tally = field(default_factory=Tally)
    tags: Counter[tuple[str, str]] = field(default_factory=Counter)
    entered: set[tuple[str, str, str]] = field(default_factory=set)

    @cached_property
    def owners(self) -> frozenset[str] | None:
        """The ids of those who were asked for; None for everybody."""
        if not self.emails:
            return None
        chosen = User.objects.filter(email__in=self.emails)
        return frozenset(chosen.values_list("pk", flat=True))

    @cached_property
    def agents(self) -> frozenset[str]:
        """The short names of presets that were agents."""
        agents = KeptDocument.objects.filter(collection="agents").values("document_id")
        return frozenset(Preset.objects.filter(pk__in=agents).values_list("slug", flat=True))

    @cached_property
    def given(self) -> frozenset[tuple[str, str, str]]:
        """Presets, and whom they are given to, by kind and id."""
        rows = Assignment.objects.filter(effect=Assignment.Effect.ALLOW, is_active=True)
        return frozenset(
            (row.preset_id, *self.principal_of(row))
            for row in rows.select_related("group").iterator()
        )

    def principal_of(self, row: Assignment) -> tuple[PrincipalType, str]:
        if row.user_id:
            return PrincipalType.USER, row.user_id
        if row.group is None:
            return PrincipalType.PUBLIC, ""
        role = self.roles.get(row.group.object_id)
        return (PrincipalType.ROLE, role) if role else (PrincipalType.GROUP, row.group.object_id)

    @cached_property
    def roles(self) -> dict[str, str]:
        """Ids of groups that are the people of a role → the role."""
        names = Role.objects.values_list("name", flat=True)
        return {role_group_id(name): name for name in {ROLE_USER, ROLE_ADMIN, *names}}

    @cached_property
    def _groups_below(self) -> dict[int, list[int]]:
        below: dict[int, list[int]] = {}
        for pk, parent in Group.objects.filter(parent__isnull=False).values_list("pk", "parent_id"):
            below.setdefault(parent, []).append(pk)
        return below

    def with_all_below(self, group: int) -> list[int]:
        """The primary keys of a group and of all that belong to it."""
        found, new = [group], self._groups_below.get(group, [])
        while new:
            found += new
            new = [child for pk in new for child in self._groups_below.get(pk, [])]
        return found

    def owned(self, rows: Rows, owner: str = "user") -> Rows:
        return rows if self.owners is None else rows.filter(**{f"{owner}__in": self.owners})

    def sealed(self, encrypted: str, seal: Callable[[str], str]) -> str | None:
        """A secret of ours under the other server's key; None without a key, or for one that
        cannot be read."""
        if not self.secrets.is_usable:
            return None
        try:
            return seal(crypto.decrypt(encrypted))
        except UndecryptableSecret:
            return None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A collection under MongoDB's name. ``rows`` tells what is written, ``document`` how; None
    for what stays behind, which it has counted."""

    name: str
    rows: Callable[[Leave], Rows]
    document: Callable[[Any, Leave], JSONDict | None]

    def documents(self, leave: Leave) -> Iterator[JSONDict | None]:
        """In the order of the ids, few at a time: no transaction is kept open."""
        rows, last = self.rows(leave).order_by("pk"), None
        while found := list((rows if last is None else rows.filter(pk__gt=last))[:AT_ONCE]):
            for row in found:
                yield self.document(row, leave)
            last = found[-1].pk


def derived_id(kind: str, name: object) -> Id:
    """For rows that have no ObjectId here; the same each time."""
    return Id(hashlib.sha256(f"{kind}\0{name}".encode()).hexdigest()[:24])


def said(**members: Any) -> JSONDict:
    """Without those that say nothing: Mongoose leaves them out, too."""
    return {name: value for name, value in members.items() if value not in (None, "")}
