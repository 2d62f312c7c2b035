"""An old database with agents, and with what this server keeps for later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Int64, ObjectId, Regex

from tests.moving.librechat_database import OldDatabase
from tests.moving.librechat_values import (
    BEGIN,
    LONG_AGO,
    NO_PARENT,
    PIXEL,
    Documents,
    oid,
    uuid,
    v1,
    v2,
    v3,
)

DATES = {"createdAt": BEGIN, "updatedAt": BEGIN}
PILOT, COOK, ORPHAN = "agent_Pilot-of_the_harbour1", "agent_cook", "agent_orphan"
# What nobody may find in the database, in a report, or in the admin.
SECRETS = {
    "key": "sk-of-a-person", "action": "s3cret%2F%C3%B6", "server": "mcp-secret",
    "header": "Bearer in-the-clear", "config": "sk-of-the-harbour",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgentsDatabase(OldDatabase):
    """Hazards: agents of nobody, without a model, with tools; entries of roles, and of editors."""

    def collections(self) -> dict[str, Callable[[], Documents]]:
        return OldDatabase.collections(self) | {
            "agents": self.agents,
            "aclentries": self.agent_entries,
            "actions": self.actions,
            "mcpservers": self.servers,
            "keys": self.keys,
            "toolcalls": self.tool_calls,
            "skills": self.skills,
            "agentcategories": self.categories,
            "banners": self.banners,
            "configs": self.configs,
        }

    # -- Agents ------------------------------------------------------------------------------

    def agents(self) -> Documents:
        yield self._agent(0, PILOT, "Pilot", instructions="Steer ships.", model_parameters={
            "temperature": 0.3, "maxContextTokens": Int64(9000), "top_p": None,
        }, conversation_starters=["Where to?"], description="Knows the harbour")  # fmt: skip
        if self.with_hazards:
            yield from self._strange_agents()

    def _strange_agents(self) -> Documents:
        picture = {"filepath": f"/{self.face()}?manual=true", "source": "local"}
        yield self._agent(
            1, COOK, "Cook", avatar=picture, tools=["file_search", "boil_mcp_galley"],
            actions=["galley_action_1"], artifacts="default", conversation_starters=None,
            tool_resources={"file_search": {"file_ids": [uuid("file", 1)]}, "ocr": None},
            model_parameters={"temperature": 9, "flavour": "salt"},
            versions=[{"name": "Cook", "n": number} for number in range(3)],
        )  # fmt: skip
        yield {**self._agent(2, ORPHAN, "Nobody's"), "author": oid("gone", 0)}
        yield {**self._agent(3, "agent_hollow", None), "provider": "", "model": None}
        yield self._agent(4, "an agent/of old!", "Everybody's")

    def _agent(self, number: int, name: str, title: str | None, **members: Any) -> dict[str, Any]:
        return {
            "_id": oid("agent", number), "id": name, "name": title, "author": self.person(1).id,
            "provider": "openAI", "model": "gpt-4.1", "category": "general", "tools": [],
            "tool_resources": {}, "versions": [], "is_promoted": False, "__v": 0,
            **DATES, **members,
        }  # fmt: skip

    def face(self) -> str:
        return f"images/{self.person(1).id}/agent-{COOK}-avatar-1.png"

    def kept(self) -> dict[str, bytes]:
        return OldDatabase.kept(self) | {f"client/public/{self.face()}": PIXEL}

    def agent_entries(self) -> Documents:
        pilot, cook = oid("agent", 0), oid("agent", 1)
        yield self._right(0, "user", self.person(1).id, "agent", pilot, 15)
        yield self._right(1, "group", oid("group", 0), "agent", pilot, 1)
        if self.with_hazards:
            yield self._right(2, "public", None, "agent", cook, 1)
            yield self._right(3, "role", "guests", "agent", cook, 1)
            yield self._right(4, "user", self.person(2).id, "remoteAgent", cook, 3)
            yield self._right(5, "user", self.person(2).id, "agent", oid("agent", 2), 1)
            yield self._right(6, "user", self.person(2).id, "mcpServer", oid("server", 0), 1)

    def _right(
        self, number: int, kind: str, whom: Any, about: str, which: ObjectId, bits: int
    ) -> dict[str, Any]:
        return {
            "_id": oid("right", number), "principalType": kind, "resourceType": about,
            "resourceId": which, "permBits": bits, "grantedAt": BEGIN, **DATES,
            **({} if whom is None else {"principalId": whom, "principalModel": kind.title()}),
        }  # fmt: skip

    # -- Chats with them ---------------------------------------------------------------------

    def chats(self) -> Documents:
        yield from OldDatabase.chats(self)
        yield self._agent_chat(0, PILOT)
        if self.with_hazards:
            yield self._agent_chat(1, ORPHAN)

    def _agent_chat(self, number: int, agent: str) -> dict[str, Any]:
        return {
            "_id": oid("agentchat", number), "conversationId": uuid("agentchat", number),
            "user": str(self.person(1).id), "title": f"With an agent {number}", "tags": [],
            "endpoint": "agents", "agent_id": agent, "model": "gpt-4o-of-then", "messages": [],
            "createdAt": BEGIN, "updatedAt": BEGIN + timedelta(minutes=number),
        }  # fmt: skip

    def messages(self) -> Documents:
        yield from OldDatabase.messages(self)
        for number, said in enumerate(("Where is the buoy?", "To port.")):
            yield {
                "_id": oid("agentmessage", number), "messageId": uuid("agentmessage", number),
                "conversationId": uuid("agentchat", 0), "user": str(self.person(1).id),
                "parentMessageId": uuid("agentmessage", 0) if number else NO_PARENT,
                "isCreatedByUser": number == 0, "sender": "Pilot" if number else "User",
                "endpoint": "agents", **({"model": PILOT} if number else {}), "text": said,
                "createdAt": BEGIN + timedelta(seconds=number), "updatedAt": BEGIN,
            }  # fmt: skip

    # -- For later ---------------------------------------------------------------------------

    def actions(self) -> Documents:
        yield {
            "_id": oid("action", 0), "user": self.person(1).id, "action_id": "1",
            "type": "action_prototype", "agent_id": COOK, "__v": 0,
            "metadata": {
                "domain": "galley.example.com", "raw_spec": "{}", "api_key": v2(SECRETS["action"]),
                "auth": {"type": "service_http", "authorization_type": "bearer"},
            },
        }  # fmt: skip

    def servers(self) -> Documents:
        yield {
            "_id": oid("server", 0), "serverName": "galley", "author": self.person(1).id, **DATES,
            "config": {
                "type": "sse", "url": "https://galley.example.com",
                "apiKey": {"source": "admin", "key": v2(SECRETS["server"])},
                "headers": {"Authorization": SECRETS["header"], "X-Env": "${GALLEY}"},
            },
        }  # fmt: skip

    def keys(self) -> Documents:
        yield {
            "_id": oid("key", 0), "userId": self.person(1).id, "name": "openAI",
            "value": v1(f'{{"apiKey":"{SECRETS["key"]}"}}'), "expiresAt": None,
        }  # fmt: skip
        if self.with_hazards:
            over = {"name": "google", "value": v1("over"), "expiresAt": LONG_AGO}
            yield {"_id": oid("key", 1), "userId": self.person(1).id, **over}

    def tool_calls(self) -> Documents:
        yield {
            "_id": oid("toolcall", 0), "user": self.person(0).id, "toolId": "execute_code",
            "conversationId": uuid("chat", 0), "messageId": uuid("message", 1), **DATES,
            "result": {"$odd.name": [float("nan"), Int64(2**60), Regex("tide", "i"), "a\x00b"],
                       "at": datetime(2024, 1, 1, tzinfo=UTC)},
        }  # fmt: skip
        if self.with_hazards:
            yield {"_id": oid("toolcall", 1), "user": oid("gone", 0), "result": None}

    def skills(self) -> Documents:
        yield {
            "_id": oid("skill", 0), "name": "knots", "body": "Tie.", "author": self.person(1).id,
            "version": 1, **DATES,
        }  # fmt: skip

    def categories(self) -> Documents:
        yield {"_id": oid("category", 0), "value": "sea", "label": "Sea", "order": 1, **DATES}

    def banners(self) -> Documents:
        yield {
            "_id": oid("banner", 0), "bannerId": "b-1", "message": "<b>Flood</b>", "type": "banner",
            "displayFrom": BEGIN, "displayTo": None, "isPublic": True, "persistable": True, **DATES,
        }  # fmt: skip
        if self.with_hazards:
            yield {"_id": oid("banner", 1), "message": None}

    def configs(self) -> Documents:
        """Of everybody, of a group, of a role, and one that is off."""
        harbour = {"name": "Harbour", "apiKey": v3(SECRETS["config"])}
        yield self._config(0, "role", "__base__", {
            "interface": {"customWelcome": "Ahoy", "prompts": False, "parameters": False},
            "endpoints": {"custom": [harbour]},
        }, tombstones=["interface.presets"])  # fmt: skip
        if self.with_hazards:
            group = {"modelSpecs": {"enforce": True, "list": []}, "speech": {"tts": {}}}
            yield self._config(1, "group", str(oid("group", 0)), group)
            yield self._config(2, "role", "guests", {"interface": {"parameters": False}})
            yield self._config(3, "role", "ADMIN", {"cache": False}, isActive=False)

    def _config(
        self, number: int, kind: str, whom: str, overrides: Any, **members: Any
    ) -> dict[str, Any]:
        return {
            "_id": oid("config", number), "principalType": kind, "principalId": whom,
            "priority": 10, "overrides": overrides, "tombstones": [], "isActive": True, **DATES,
            **members,
        }  # fmt: skip
