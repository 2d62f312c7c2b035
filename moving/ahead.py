"""What mappers have to know of collections of the source that are not their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property

from accounts.models.user import normalize_email
from librechat_backend.lib.json import JSONDict
from moving.sources import Document, Source
from moving.tenants import is_of
from moving.values import document_id, made_at, moment, reference, text, texts, updated_at

# The one document of ``projects`` that told what everybody may use, before there were entries.
EVERYBODYS = "instance"


def filled(balance: JSONDict) -> datetime:
    return moment(balance.get("lastRefill")) or made_at(document_id(balance))


class Ahead:
    """Each is read once, when it is asked for; of several tenants only ``tenant``."""

    def __init__(self, source: Source, tenant: str = "") -> None:
        self._source, self._tenant = source, tenant

    @cached_property
    def accounts(self) -> dict[str, str]:
        """Addresses → the account that has it: the one that was changed last of those that stay."""
        people = ((normalize_email(text(each, "email")), each) for each in self.people())
        return _newest((email, each.get("expiresAt") is None, each) for email, each in people)

    @cached_property
    def agents(self) -> dict[str, str]:
        """What agents are called → the id of the one that was changed last."""
        agents = self._documents("agents")
        return _newest((text(each, "id"), True, each) for each in agents if text(each, "id"))

    @cached_property
    def directory_ids(self) -> dict[str, str]:
        """What people are called in the directory of their company → ids of the source."""
        people = self.people()
        return {name: document_id(each) for each in people if (name := text(each, "idOnTheSource"))}

    @cached_property
    def shared(self) -> frozenset[str]:
        """The ids of what entries are about; everything else is from before there were any."""
        entries = self._documents("aclentries")
        return frozenset(reference(entry.get("resourceId")) for entry in entries)

    @cached_property
    def everybodys(self) -> frozenset[str]:
        """What old versions gave to everybody: agents by their names, prompts by their ids."""
        return frozenset(
            name
            for project in self._documents("projects")
            if project.get("name") == EVERYBODYS
            for name in (*texts(project.get("agentIds")), *texts(project.get("promptGroupIds")))
        )

    @cached_property
    def prompts(self) -> frozenset[str]:
        """The ids of prompts that have a version."""
        return frozenset(reference(each.get("groupId")) for each in self._documents("prompts"))

    @cached_property
    def balances(self) -> dict[str, str]:
        """People of the source → the id of the balance that was filled last; there may be two."""
        best: dict[str, tuple[datetime, str]] = {}
        for each in self._documents("balances"):
            owner, rank = reference(each.get("user")), (filled(each), document_id(each))
            best[owner] = max(rank, best.get(owner, rank))
        return {owner: pk for owner, (_, pk) in best.items()}

    def people(self) -> Iterator[JSONDict]:
        """Read anew each time."""
        return self._documents("users")

    def prompt_groups(self) -> Iterator[JSONDict]:
        """Read anew each time: nothing of them is kept."""
        return self._documents("promptgroups")

    def _documents(self, collection: str) -> Iterator[JSONDict]:
        items = self._source.read(collection)
        documents = (item for item in items if isinstance(item, Document))
        return (each.data for each in documents if is_of(each, self._tenant))


def _newest(named: Iterable[tuple[str, bool, JSONDict]]) -> dict[str, str]:
    """Names → the id of the document that stands before the others, else was changed last."""
    best: dict[str, tuple[bool, datetime, str]] = {}
    for name, is_first, each in named:
        rank = (is_first, updated_at(each), document_id(each))
        best[name] = max(rank, best.get(name, rank))
    return {name: pk for name, (_, _, pk) in best.items()}
