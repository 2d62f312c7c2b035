"""An old database with everything that can be odd in one, and a document of every collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from tests.moving import strange_chats, strange_people
from tests.moving.librechat_values import Documents
from tests.moving.whole_database import WholeDatabase


@dataclass(frozen=True, slots=True)
class StrangeDatabase(WholeDatabase):
    """The documents of a whole one come first, so that theirs are the ids that count."""

    def collections(self) -> dict[str, Callable[[], Documents]]:
        found = WholeDatabase.collections(self)
        for name, documents in self._odd().items():
            found[name] = partial(_both, found.get(name), documents)
        return found

    def _odd(self) -> dict[str, Callable[[], Iterable[dict[str, Any]]]]:
        owner, author = self.person(0), self.person(1)
        runtime = strange_people.runtime(owner)
        return {name: partial(iter, found) for name, found in runtime.items()} | {
            "users": strange_people.users,
            "roles": strange_people.roles,
            "groups": strange_people.groups,
            "balances": strange_people.balances,
            "banners": strange_people.banners,
            "agents": partial(strange_people.agents, author),
            "aclentries": partial(strange_people.agent_entries, self.person(2)),
            "transactions": partial(strange_people.transactions, owner),
            "configs": partial(strange_people.configs, owner),
            "assistants": partial(strange_people.assistants, owner),
            "agentapikeys": partial(strange_people.agent_keys, owner),
            "schedules": partial(strange_people.schedules, owner),
            "skillfiles": partial(strange_people.skill_files, author),
            "keys": partial(strange_people.keys, author),
            "actions": partial(strange_people.actions, author),
            "toolcalls": partial(strange_people.tool_calls, owner),
            "conversations": partial(strange_chats.chats, owner),
            "messages": partial(strange_chats.messages, owner),
            "presets": partial(strange_chats.presets, owner),
            "conversationtags": partial(strange_chats.tags, owner),
            "chatprojects": partial(strange_chats.projects, owner),
            "files": partial(strange_chats.files, owner),
        }


def _both(
    first: Callable[[], Documents] | None, then: Callable[[], Iterable[dict[str, Any]]]
) -> Documents:
    return chain(first() if first else (), then())
