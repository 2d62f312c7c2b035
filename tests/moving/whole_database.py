"""An old database with what is around chats, too: links, prompts, memories, credits, keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bson import ObjectId

from tests.moving.agents_database import DATES, AgentsDatabase
from tests.moving.librechat_values import BEGIN, LONG_AGO, Documents, oid, uuid, v1

# Of which nothing is taken; the last one nobody has heard of.
LEFT = ("sessions", "tokens", "surprises")
SPEC = "gpt-4.1 mini"
TOOL_KEY = "tvly-1234"


@dataclass(frozen=True, slots=True)
class WholeDatabase(AgentsDatabase):
    """Hazards: entries about nothing, entries twice, what is from before there were any."""

    spent: int = 0

    def collections(self) -> dict[str, Callable[[], Documents]]:
        return AgentsDatabase.collections(self) | {
            "sharedlinks": self.links,
            "promptgroups": self.prompt_groups,
            "prompts": self.prompts,
            "memoryentries": self.memories,
            "toolfavorites": self.favorites,
            "pluginauths": self.tool_keys,
            "aclentries": self.entries,
            "projects": self.old_projects,
            "balances": self.balances,
            "transactions": self.transactions,
            **({name: partial(self.one, name) for name in LEFT} if self.with_hazards else {}),
        }

    def chats(self) -> Documents:
        """The second one is of a spec whose name no short name can be."""
        for number, chat in enumerate(AgentsDatabase.chats(self)):
            yield {**chat, **({"spec": SPEC} if number == 1 else {})}

    def one(self, name: str) -> Documents:
        yield {"_id": oid(name, 0), "user": self.person(0).id, "value": v1("sk-secret")}

    # -- Links -------------------------------------------------------------------------------

    def links(self) -> Documents:
        """Of the first chat of person 1: one with entries, shown up to its second message."""
        yield self._link(0, 1, targetMessageId=uuid("message", self.length + 1))
        yield self._link(1, 1, isPublic=True)
        if self.with_hazards:
            yield from self._strange_links()

    def _link(self, number: int, chat: int, **members: Any) -> dict[str, Any]:
        first = chat * self.length
        return {
            "_id": oid("link", number), "shareId": f"share-{number}-abcdefghijkl",
            "conversationId": uuid("chat", chat), "user": str(self.person(chat).id),
            "title": f"Link {number}", **DATES, **members,
            "messages": [oid("message", first + each) for each in range(self.length)],
        }  # fmt: skip

    def _strange_links(self) -> Documents:
        # The picture in its chat may be opened; another's and one that is gone may not.
        files = [{"file_id": name, "bytes": 1} for name in (uuid("file", 0), uuid("file", 99))]
        yield self._link(2, 0, snapshotFiles=True, fileSnapshots=files)
        # From before there were entries: not for everybody.
        yield self._link(3, 1, isPublic=False)
        # The same address again, older.
        twin = self._link(0, 1, title="Older", updatedAt=BEGIN - timedelta(days=1))
        yield {**twin, "_id": oid("link", 90)}
        # Of a chat that is gone, over, of somebody else's messages, and of nobody.
        yield self._link(4, 1, conversationId=uuid("nowhere", 0))
        yield self._link(5, 1, expiredAt=LONG_AGO)
        yield {**self._link(6, 2), "messages": [oid("message", 0), oid("message", 9999)]}
        yield self._link(7, 2, user=None, title=None)
        yield self._link(8, 1, shareId="a/b", expiredAt=datetime(2100, 1, 1, tzinfo=UTC))

    # -- Prompts -----------------------------------------------------------------------------

    def prompt_groups(self) -> Documents:
        yield self._group(0, "Tides", command="tides", productionId=oid("prompt", 0))
        if self.with_hazards:
            # Its version in use is gone; everybody had it before there were entries.
            yield self._group(1, "Winds", command="Not one!", productionId=oid("gone", 1))
            yield self._group(2, "Empty")
            yield {**self._group(3, "Nobody's"), "author": oid("gone", 0)}

    def _group(self, number: int, name: str, **members: Any) -> dict[str, Any]:
        return {
            "_id": oid("promptgroup", number), "name": name, "author": self.person(1).id,
            "authorName": "Person 1", "oneliner": "Of the sea", "category": "write",
            "numberOfGenerations": 7, **DATES, **members,
        }  # fmt: skip

    def prompts(self) -> Documents:
        yield self._prompt(0, 0, "When is {{tide}} tide?")
        yield self._prompt(1, 0, "A draft that is newer")
        if self.with_hazards:
            yield self._prompt(2, 1, "Whence the wind?", type="chat")
            yield {**self._prompt(3, 1, "The newest wind"), "author": oid("gone", 0)}
            yield self._prompt(4, 3, "Nobody's words")
            yield self._prompt(5, 99, "Of no prompt")

    def _prompt(self, number: int, group: int, text: str, **members: Any) -> dict[str, Any]:
        return {
            "_id": oid("prompt", number), "groupId": oid("promptgroup", group), "prompt": text,
            "author": self.person(1).id, "type": "text", **DATES,
            "createdAt": BEGIN + timedelta(seconds=number), **members,
        }  # fmt: skip

    # -- What is remembered, and tools --------------------------------------------------------

    def memories(self) -> Documents:
        yield self._memory(0, "boat", "Sails a dinghy")
        if self.with_hazards:
            yield self._memory(1, "boat", "Sails a yacht", updated_at=BEGIN + timedelta(days=1))
            yield self._memory(2, "boat", "Of one agent", agentId="agent_1")
            yield {**self._memory(3, "home", "Nobody's"), "userId": oid("gone", 0)}
            yield {**self._memory(4, "no_date", "a\x00b"), "updated_at": None, "tokenCount": None}

    def _memory(self, number: int, key: str, value: str, **members: Any) -> dict[str, Any]:
        return {
            "_id": oid("memory", number), "userId": self.person(1).id, "key": key, "value": value,
            "tokenCount": 4, "updated_at": BEGIN, **members,
        }  # fmt: skip

    def favorites(self) -> Documents:
        for number, kind in enumerate(("tool", "tool", "surprise") if self.with_hazards else "s"):
            yield {
                "_id": oid("favorite", number), "user": self.person(1).id, "itemId": "calculator",
                "itemType": "skill" if kind == "s" else kind, **DATES,
            }  # fmt: skip

    def tool_keys(self) -> Documents:
        yield self._tool_key(0, v1(TOOL_KEY))
        if self.with_hazards:
            yield self._tool_key(1, v1("older"), updatedAt=LONG_AGO)
            yield self._tool_key(2, "not hexadecimal", authField="OTHER")

    def _tool_key(self, number: int, value: str, **members: Any) -> dict[str, Any]:
        return {
            "_id": oid("toolkey", number), "userId": str(self.person(1).id), "value": value,
            "pluginKey": "tavily", "authField": "TAVILY_API_KEY", **DATES, **members,
        }  # fmt: skip

    # -- Who may do what ----------------------------------------------------------------------

    def entries(self) -> Documents:
        yield from self.agent_entries()
        link, prompt = oid("link", 0), oid("promptgroup", 0)
        yield self._entry(0, "user", self.person(1).id, "sharedLink", link, 15)
        yield self._entry(1, "public", None, "sharedLink", link, 1)
        yield self._entry(2, "user", self.person(1).id, "promptGroup", prompt, 15)
        yield self._entry(3, "group", oid("group", 0), "promptGroup", prompt, 1)
        if self.with_hazards:
            yield from self._strange_entries(prompt)

    def _strange_entries(self, prompt: ObjectId) -> Documents:
        person = self.person(2).id
        # Twice for the same person: both hold.
        yield self._entry(4, "user", person, "promptGroup", prompt, 1)
        yield self._entry(5, "user", person, "promptGroup", prompt, 2)
        yield self._entry(6, "role", "guests", "promptGroup", prompt, 1)
        yield self._entry(7, "role", "unheard of", "promptGroup", prompt, 1)
        yield self._entry(8, "user", oid("gone", 0), "promptGroup", prompt, 1)
        yield self._entry(9, "user", person, "promptGroup", oid("promptgroup", 2), 1)
        yield self._entry(10, "user", person, "codeEnvironment", oid("place", 0), 1)
        yield self._entry(11, "user", person, "promptGroup", prompt, 0)
        over = self._entry(12, "public", None, "promptGroup", prompt, 1)
        yield {**over, "expiredAt": LONG_AGO}
        yield self._entry(13, "user", self.person(0).id, "sharedLink", oid("link", 2), 15)

    def _entry(
        self, number: int, kind: str, whom: Any, about: str, which: ObjectId, bits: int
    ) -> dict[str, Any]:
        return {
            "_id": oid("entry", number), "principalType": kind, "resourceType": about,
            "resourceId": which, "permBits": bits, "grantedBy": self.person(1).id,
            "grantedAt": BEGIN, "roleId": oid("accessrole", 0), **DATES,
            **({} if whom is None else {"principalId": whom, "principalModel": kind.title()}),
        }  # fmt: skip

    # -- Credits ------------------------------------------------------------------------------

    def balances(self) -> Documents:
        yield self._balance(0, 1, 1_234_567.6 - self.spent, lastRefill=BEGIN)
        yield self._balance(1, 0, -20, autoRefillEnabled=True, refillAmount=5000)
        if self.with_hazards:
            # The same person again, filled before; no number; and nobody's.
            yield self._balance(2, 1, 99, lastRefill=LONG_AGO)
            yield self._balance(3, 2, float("nan"), refillIntervalUnit="aeons")
            yield {**self._balance(4, 0, 5), "user": oid("gone", 0)}

    def _balance(self, number: int, person: int, credit: float, **members: Any) -> dict[str, Any]:
        return {
            "_id": oid("balance", number), "user": self.person(person).id, "tokenCredits": credit,
            "autoRefillEnabled": False, "refillIntervalValue": 30, "refillIntervalUnit": "days",
            "refillAmount": 0, **members,
        }  # fmt: skip

    def transactions(self) -> Documents:
        yield self._transaction(0, "credits", 2_000_000, 1, context="admin")
        for number in range(1, 7):
            kind = "prompt" if number % 2 else "completion"
            yield self._transaction(number, kind, -100 * number, 2.5, model="gpt-4o")
        if self.with_hazards:
            nothing = {"tokenValue": float("nan"), "rawAmount": float("nan")}
            yield {**self._transaction(7, "prompt", 0, 6), **nothing}
            yield {**self._transaction(8, "prompt", -5, 6), "user": oid("gone", 0)}
            yield self._transaction(9, "prompt", -5, 6, conversationId="x" * 90)

    def _transaction(
        self, number: int, kind: str, amount: float, rate: float, **members: Any
    ) -> dict[str, Any]:
        return {
            "_id": oid("transaction", number), "user": self.person(1).id, "tokenType": kind,
            "conversationId": uuid("chat", 1), "context": "message", "rawAmount": amount,
            "rate": rate, "tokenValue": amount * rate, **DATES, **members,
        }  # fmt: skip

    # -- What was before entries -----------------------------------------------------------------

    def old_projects(self) -> Documents:
        """How all was shared before there were entries."""
        yield {
            "_id": oid("instance", 0), "name": "instance", "agentIds": ["an agent/of old!"],
            "promptGroupIds": [oid("promptgroup", 1)],
        }  # fmt: skip
