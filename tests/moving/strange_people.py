"""Accounts, agents and settings that nobody would write, and that old databases have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson import Decimal128, Int64

from tests.moving.agents_database import COOK, DATES
from tests.moving.librechat_values import (
    BEGIN,
    LONG_AGO,
    PIXEL,
    TOTP_SECRET,
    Documents,
    Person,
    oid,
    uuid,
    v1,
    v2,
    v3,
)

# Shown in reports, in the admin and in terminals.
HOSTILE = '<script>alert("x")</script>\x1b[2J'
API_KEY = "ab" * 32


def users() -> Documents:
    """Second factors in each of their forms, names that bite, and identities twice."""
    for number, secret in enumerate((v2(TOTP_SECRET), TOTP_SECRET)):
        yield _user(number, twoFactorEnabled=True, totpSecret=secret, backupCodes=None)
    yield _user(
        3, name=HOSTILE, username=None, role="guests", favorites=["odd", {"spec": "x"}] * 60
    )
    yield _user(4, googleId="1122334455", password="md5", personalization=None)
    signed = (
        f"https://b.s3.amazonaws.com/i/r/eu-west-1/images/{oid('odduser', 5)}/me.png?X-Amz-Date=1"
    )
    yield _user(5, avatar=signed, createdAt="2024-03-01T08:00:00Z", updatedAt="yesterday")


def _user(number: int, **members: Any) -> dict[str, Any]:
    return {
        "_id": oid("odduser", number), "email": f"odd{number}@example.com", "provider": "local",
        "role": "USER", **DATES, **members,
    }  # fmt: skip


def roles() -> Documents:
    yield {"_id": oid("role", 3), "name": None}
    yield {"_id": oid("role", 4), "name": "crew", "permissions": "all", "description": HOSTILE}


def groups() -> Documents:
    yield {"_id": oid("group", 2), "name": HOSTILE, "memberIds": None, "source": "local", **DATES}
    yield {
        "_id": oid("group", 3), "name": None, "source": "local", **DATES,
        "memberIds": [str(Person(2).id).upper(), 7, None],
    }  # fmt: skip


def balances() -> Documents:
    """Of types the driver of Node.js does not write, but other programs do."""
    for number, credits_ in ((0, Decimal128("77.5")), (1, Int64(99)), (3, "100")):
        yield {"_id": oid("oddbalance", number), "user": oid("odduser", number),
               "tokenCredits": credits_}  # fmt: skip


def transactions(owner: Person) -> Documents:
    odd: tuple[dict[str, Any], ...] = (
        {"tokenType": "surprise", "tokenValue": float("inf"), "rawAmount": -1},
        {"tokenType": "completion", "tokenValue": Int64(-7), "rawAmount": Int64(-7), "rate": "1"},
        {"tokenType": "prompt", "tokenValue": -0.25, "inputTokens": -1, "model": None},
    )
    for number, members in enumerate(odd):
        yield {"_id": oid("oddspent", number), "user": owner.id, **DATES, **members}


def agents(author: Person) -> Documents:
    """Tools as objects, files that are gone, years of versions."""
    agent = {
        "author": author.id, "provider": "openAI", "model": "gpt-4.1", "tools": [], **DATES,
    }  # fmt: skip
    versions = [{"instructions": "x" * 20_000} for _ in range(40)]
    yield {**agent, "_id": oid("agent", 6), "id": "agent_hostile", "name": HOSTILE,
           "tools": [{"pluginKey": "dalle"}, "web_search", None], "avatar": "/images/old.png",
           "tool_resources": {"context": {"file_ids": [uuid("nofile", 0), 7]}, "ocr": []},
           "versions": versions, "conversation_starters": "Hello", "edges": [None]}  # fmt: skip
    yield {**agent, "_id": oid("agent", 7), "id": None, "name": 7, "model_parameters": ["?"]}


def agent_entries(owner: Person) -> Documents:
    """A right of a role to an agent that says what it may twice over."""
    right = {"resourceType": "agent", "resourceId": oid("agent", 6), "grantedAt": BEGIN, **DATES}
    whom = (("user", owner.id), ("role", "crew"), ("role", "guests"), ("robot", "R2"))
    for number, (kind, name) in enumerate(whom):
        yield {**right, "_id": oid("oddright", number), "principalType": kind,
               "principalId": name, "permBits": 1}  # fmt: skip


def configs(owner: Person) -> Documents:
    """Of a person, of nobody, with a secret nobody can read, and one that is no tree."""
    config = {"priority": "10", "tombstones": None, **DATES}
    yield {**config, "_id": oid("config", 4), "principalType": "user", "principalId": str(owner.id),
           "overrides": {"interface": {"parameters": True, "customWelcome": HOSTILE}}}  # fmt: skip
    yield {**config, "_id": oid("config", 5), "principalType": "role", "principalId": "crew",
           "overrides": {"ocr": {"apiKey": v3("sk-ocr")}, "modelSpecs": {"prioritize": False},
                         HOSTILE: {"a.b": {"$c": 1}}}}  # fmt: skip
    specs = [
        {"name": "watch", "label": "Watch", "webSearch": True, "preset": {
            "endpoint": "openAI", "model": "gpt-4.1", "promptPrefix": "Keep watch."}},
        {"name": "lost", "label": HOSTILE * 20, "preset": {"endpoint": "agents"}}, "?", {},
    ]  # fmt: skip
    yield {**config, "_id": oid("config", 8), "principalType": "role", "principalId": "guests",
           "overrides": {"modelSpecs": {"list": specs}}}  # fmt: skip
    yield {**config, "_id": oid("config", 6), "principalType": "role", "principalId": "nobody",
           "overrides": ["?"]}  # fmt: skip
    yield {**config, "_id": oid("config", 7), "principalType": "role", "principalId": "nobody",
           "overrides": {"interface": {"presets": False}}}  # fmt: skip


def banners() -> Documents:
    """Twice under one name, and with what no browser may run."""
    yield {"_id": oid("banner", 2), "bannerId": "b-1", "message": "Older", "displayTo": LONG_AGO,
           "displayFrom": "2020-01-01", **DATES}  # fmt: skip
    yield {"_id": oid("banner", 3), "bannerId": None, "message": HOSTILE, "type": "siren",
           "displayFrom": None, "displayTo": BEGIN}  # fmt: skip


# -- What only waits here --------------------------------------------------------------------


def assistants(owner: Person) -> Documents:
    yield {"_id": oid("assistant", 0), "user": owner.id, "assistant_id": "asst_tides", "file_ids":
           ["file-1"], "conversation_starters": ["Ahoy"], "append_current_datetime": True,
           "endpoint": "assistants", **DATES}  # fmt: skip
    yield {"_id": oid("assistant", 1), "user": oid("gone", 0), "assistant_id": "asst_gone"}


def agent_keys(owner: Person) -> Documents:
    """Two with one hash, and one that is over."""
    key = {"userId": owner.id, "name": HOSTILE, "keyHash": API_KEY, "keyPrefix": "sk-abcde"}
    yield {"_id": oid("apikey", 0), **key, "lastUsedAt": BEGIN, **DATES}
    yield {"_id": oid("apikey", 1), **key, **DATES}
    yield {"_id": oid("apikey", 2), **key, "expiresAt": LONG_AGO, **DATES}


def schedules(owner: Person) -> Documents:
    plan = {
        "user": owner.id, "name": "Tides of the day", "prompt": "When is high tide?",
        "agent_id": COOK, "timezone": "Europe/Berlin", "target": "new", "enabled": True,
        "cadence": {"frequency": "weekly", "hour": 7, "minute": 0, "daysOfWeek": [1, 3]},
        "nextRunAt": datetime(2100, 1, 1, tzinfo=UTC), "runCount": 3, **DATES,
    }  # fmt: skip
    yield {"_id": oid("schedule", 0), "id": "s-0", **plan}
    yield {"_id": oid("schedule", 1), "id": "s-1", **plan, "deleting": True}
    yield {"_id": oid("schedule", 2), "id": "s-2", **plan, "user": str(owner.id), "cadence": "?"}


def skill_files(owner: Person) -> Documents:
    file = {
        "skillId": oid("skill", 0), "relativePath": "scripts/tie.py", "file_id": uuid("knot", 0),
        "filename": "tie.py", "filepath": "/uploads/x/tie.py", "mimeType": "text/x-python",
        "bytes": 5, "category": "script", "isExecutable": True, "author": owner.id, "content":
        "tie()", **DATES,
    }  # fmt: skip
    yield {"_id": oid("skillfile", 0), **file}
    yield {"_id": oid("skillfile", 1), **file, "relativePath": "a.bin", "content": None,
           "blob": PIXEL, "isBinary": True}  # fmt: skip
    yield {"_id": oid("skillfile", 2), **file, "author": oid("gone", 0)}


def keys(owner: Person) -> Documents:
    """The same endpoint again, and an old bare key."""
    yield {"_id": oid("key", 2), "userId": owner.id, "name": "openAI", "value": v1("sk-bare")}
    yield {"_id": oid("key", 3), "userId": str(owner.id), "name": "google", "value": None}


def actions(owner: Person) -> Documents:
    yield {"_id": oid("action", 1), "user": owner.id, "action_id": "1", "type": "action_prototype",
           "metadata": {"domain": "twice.example.com", "raw_spec": "openapi: 3.0.0"}}  # fmt: skip


def tool_calls(owner: Person) -> Documents:
    call = {"user": owner.id, "toolId": "execute_code", "conversationId": uuid("chat", 0)}
    yield {"_id": oid("toolcall", 2), **call, "expiredAt": LONG_AGO}
    yield {"_id": oid("toolcall", 3), **call, "conversationId": uuid("nowhere", 9), "result": "x"}


# -- What nobody misses ----------------------------------------------------------------------


def runtime(owner: Person) -> dict[str, list[dict[str, Any]]]:
    """A document each of everything that only served the running server."""
    of_owner = {"userId": owner.id, "user": owner.id, **DATES}
    found: dict[str, list[dict[str, Any]]] = {
        "sessions": [{"refreshTokenHash": API_KEY, "expiration": BEGIN, "user": owner.id}],
        "tokens": [
            {"userId": owner.id, "type": "password_reset", "token": "$2a$10$x", "expiresAt": BEGIN},
            {"userId": owner.id, "type": "mcp_oauth", "identifier": "mcp:galley",
             "token": v2("oauth")},
        ],
        "accessroles": [{"accessRoleId": "agent_viewer", "resourceType": "agent", "permBits": 1}],
        "systemgrants": [{"principalType": "role", "principalId": "ADMIN",
                          "capability": "access:admin"}],
        "auditlogs": [{"schemaVersion": 1, "action": "login", "seq": 1, "hash": API_KEY}],
        "logs": [{"key": f"ban:{owner.id}", "value": '{"value":1,"expires":99}'}],
        "keyv": [{"key": "cache:x", "value": HOSTILE}],
        "categories": [{"label": "idea", "value": "idea"}],
        "agent_checkpoint_writes": [{"thread_id": "t", "value": PIXEL}],
        "skillsynccredentials": [{"provider": "github", "encryptedToken": v2("ghp_x")}],
    }  # fmt: skip
    plain = (
        "skillsyncstatuses", "scheduleruns", "codeenvironments", "agentqueuedturns",
        "agentqueuedturnsequences", "agenttriggerdeliveries", "agenttriggerlanesequences",
        "agenttriggeruserpurges", "openidrefreshflights", "refreshtokenbridges",
    )  # fmt: skip
    found |= {name: [of_owner] for name in plain}
    return {
        name: [{"_id": oid(name, number), **each} for number, each in enumerate(documents)]
        for name, documents in found.items()
    }
