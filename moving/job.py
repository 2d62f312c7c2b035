"""What the mappers of all collections share while a move runs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection as Chosen
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from django.db.models import Model
from django.utils import timezone

from accounts.models import Group, Role, User
from accounts.models.user import ROLE_ADMIN, ROLE_USER, normalize_email
from conversations.models import Conversation
from librechat_backend.lib.json import JSONDict, JSONValue
from moving.ahead import Ahead
from moving.listing import Listing
from moving.models import KeptDocument, MergedAccount
from moving.rows import existing
from moving.secrets import Secrets
from moving.sources import Source
from moving.tally import Tally
from moving.values import document_id, is_past, reference, text
from presets.models import Preset

NO_OWNER = "its owner is not here"
NO_CHAT = "its chat is not here"
NOT_CHOSEN = "its owner was not asked for"
TOO_OLD = "not changed since the date that was asked for"
EXPIRED = "its time is over"
CHATS_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Options:
    """``users``: addresses; ``only``: names of collections; both empty for all. ``skip``: names of
    collections that are left out. ``endpoints``: their names there → here.
    """

    since: datetime | None = None
    users: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    endpoints: tuple[tuple[str, str], ...] = ()
    adopts_orphans: bool = False
    is_dry_run: bool = False
    merges_accounts: bool = False
    makes_staff: bool = False
    tenant: str = ""
    files: str = ""

    def endpoint(self, name: str) -> str:
        """What an endpoint of the source is called here."""
        return dict(self.endpoints).get(name, name)


class People:
    """Ids of the source → ids here, of everybody who is here; kept in memory."""

    def __init__(self, options: Options) -> None:
        self._ids: dict[str, str] = {}
        self._emails: dict[str, str] = {}
        self._chosen: Chosen[str] = options.users
        self._left_out: set[str] = set()
        for pk, email in User.objects.values_list("pk", "email").iterator():
            self.add(pk, pk, email)
        for source_id, pk in MergedAccount.objects.values_list("source_id", "user_id").iterator():
            self._ids[source_id] = pk
        if self._chosen:
            self._left_out = {pk for email, pk in self._emails.items() if email not in self._chosen}

    def add(self, source_id: str, pk: str, email: str) -> None:
        self._ids[source_id] = pk
        self._emails[email] = pk
        if self._chosen and email not in self._chosen:
            self._left_out.add(pk)

    def owner_of_email(self, email: str) -> str | None:
        return self._emails.get(email)

    def is_left_out(self, pk: str) -> bool:
        return pk in self._left_out

    def find(self, value: JSONValue) -> str | None:
        """``value`` is an id, or the address very old databases have instead."""
        name = reference(value)
        return self._ids.get(name) or (self._emails.get(normalize_email(name)) if name else None)


class Chats:
    """(owner, id of a chat) → its primary key; the last ones asked for are kept in memory.

    A rehearsal writes nothing, so it has to remember all it would have written.
    """

    def __init__(self, *, keeps_all: bool) -> None:
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._keeps_all = keeps_all
        self._owners: dict[str, set[str]] = {}

    def add(self, chats: Iterable[tuple[tuple[str, str], str]]) -> None:
        chats = list(chats)
        self._known.update(chats)
        if self._keeps_all:
            for (owner, name), _ in chats:
                self._owners.setdefault(name, set()).add(owner)
        while not self._keeps_all and len(self._known) > CHATS_REMEMBERED:
            self._known.popitem(last=False)

    def find(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Those that are here; one query for those not asked for lately."""
        keys = set(wanted)
        unknown = [key for key in keys if key not in self._known]
        read = ("user_id", "conversation_id", "id")
        here = existing(Conversation, ("user_id", "conversation_id"), unknown, read)
        found = {(owner, name): pk for owner, name, pk in here}
        found |= {key: self._known[key] for key in keys if key in self._known}
        self.add(found.items())
        return found

    def owner(self, name: str) -> str | None:
        """Whose the chat of this id is; None when it could be anybody's. One query."""
        chats = Conversation.objects.filter(conversation_id=name)
        owners = {*chats.values_list("user_id", flat=True), *self._owners.get(name, ())}
        return owners.pop() if len(owners) == 1 else None

    def forget(self) -> None:
        """What was read in a transaction that failed."""
        if not self._keeps_all:
            self._known.clear()


class Here:
    """Which rows are here. A rehearsal writes none, so it remembers those it would have written."""

    def __init__(self, *, keeps_all: bool) -> None:
        self._keeps_all = keeps_all
        self._rehearsed: dict[type[Model], set[str]] = {}

    def add(self, model: type[Model], pks: Iterable[str]) -> None:
        if self._keeps_all:
            self._rehearsed.setdefault(model, set()).update(pks)

    def find(self, model: type[Model], pks: Iterable[str]) -> set[str]:
        """Those of ``pks`` that are here. One query."""
        wanted = set(pks)
        stored = model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True)
        return {*stored, *(wanted & self._rehearsed.get(model, set()))}


@dataclass
class Job:
    """``tally`` is that of the collection at hand."""

    options: Options
    secrets: Secrets
    people: People
    chats: Chats
    here: Here
    source: Source
    tally: Tally = field(default_factory=Tally)
    listing: Listing = field(default_factory=Listing)
    now: datetime = field(default_factory=timezone.now)

    @classmethod
    def begin(cls, options: Options, secrets: Secrets, source: Source) -> Job:
        is_dry_run = options.is_dry_run
        chats, here = Chats(keeps_all=is_dry_run), Here(keeps_all=is_dry_run)
        return cls(options, secrets, People(options), chats, here, source)

    def scout(self) -> Job:
        """For another thread, with counts and a memory of chats of its own."""
        return replace(self, tally=Tally(), chats=Chats(keeps_all=False))

    @cached_property
    def ahead(self) -> Ahead:
        return Ahead(self.source, self.options.tenant)

    @cached_property
    def groups(self) -> dict[str, int]:
        """Ids of groups → their primary keys; added to as they come."""
        return dict(Group.objects.values_list("object_id", "pk"))

    @cached_property
    def agents(self) -> dict[str, tuple[str, str]]:
        """Short names of presets that were agents → endpoint and model; added to as they come."""
        agents = KeptDocument.objects.filter(collection="agents").values("document_id")
        rows = Preset.objects.filter(pk__in=agents).values_list("slug", "endpoint", "model")
        return {slug: (endpoint, model) for slug, endpoint, model in rows}

    @cached_property
    def roles(self) -> set[str]:
        """Names of roles; added to as they come."""
        return {ROLE_USER, ROLE_ADMIN, *Role.objects.values_list("name", flat=True)}

    def owner(self, document: JSONDict, name: str) -> str | None:
        """Whose it is; None is counted as skipped."""
        pk = self.people.find(document.get(name))
        if pk is None:
            self.tally.skip(NO_OWNER, document_id(document))
        elif self.people.is_left_out(pk):
            self.tally.skip(NOT_CHOSEN)
            return None
        return pk

    def owner_in_chat(self, document: JSONDict) -> str | None:
        """As ``owner`` for what belongs to a chat and may name nobody itself."""
        if is_past(document, "expiredAt", self.now):
            self.tally.skip(EXPIRED, document_id(document))
            return None
        if document.get("user"):
            return self.owner(document, "user")
        owner = self.chats.owner(text(document, "conversationId"))
        if owner is None:
            self.tally.skip(NO_OWNER, document_id(document))
        elif self.people.is_left_out(owner):
            self.tally.skip(NOT_CHOSEN)
            return None
        return owner
