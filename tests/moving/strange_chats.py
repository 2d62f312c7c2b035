"""Chats, messages and files of every age of LibreChat, and of the scripts people wrote for it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import (
    Binary,
    Code,
    DatetimeMS,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
)
from bson.dbref import DBRef

from tests.moving.agents_database import DATES
from tests.moving.librechat_values import (
    BEGIN,
    LONG_AGO,
    NO_PARENT,
    PIXEL,
    Documents,
    Person,
    oid,
    uuid,
)
from tests.moving.strange_people import HOSTILE

LATER = datetime(2100, 1, 1, tzinfo=UTC)
OUTSIDE = DatetimeMS(2**60)
PICTURE_BYTES = 300_000
# Before there were agents: a chat that is nothing but this says no endpoint at all.
PLUGINS = "gptPlugins"
TOOLS = [{"name": "DALL-E", "pluginKey": "dalle", "icon": "/dalle.png"}, "calculator", None]
UNLISTED = "only a chat says so"


def picture(size: int = PICTURE_BYTES) -> str:
    return "data:image/png;base64," + base64.b64encode(PIXEL * (size // len(PIXEL))).decode()


# -- Chats -----------------------------------------------------------------------------------


def chats(owner: Person) -> Documents:
    name = str(owner.id)
    yield _chat(0, name, endpoint=PLUGINS, tools=TOOLS, agentOptions={"agent": "functions"})
    without = _chat(1, name, tools=[], model="gpt-3.5-turbo")
    del without["endpoint"]
    yield without
    examples = [{"input": {"content": "a"}, "output": {"content": "b"}}]
    yield _chat(2, name, stop="END", examples=examples, tags=[UNLISTED, None, UNLISTED],
                chatProjectId=str(oid("goneproject", 0)), title='"Quoted"', files=[{"odd": 1}],
                spec="no.such spec", createdAt="2024-03-01T09:00:00Z")  # fmt: skip
    yield _chat(3, name, stop=["END", "STOP"], isTemporary=True, expiredAt=LATER)
    # Where everything has an end, that makes nothing temporary.
    yield _chat(4, name, isTemporary=False, expiredAt=LATER, title=7, tags="Saved")
    yield _chat(5, name, subagentThread={"rootConversationId": uuid("oddchat", 0), "depth": 1})
    yield _chat(6, owner.id, title="Nothing was said", temperature="0.5", stop=7)
    yield _chat(7, name.upper(), conversationId="V1StGXR8_Z5jdHi6B-myT", endpoint="bingAI",
                jailbreak=True, invocationId=3, title=HOSTILE)  # fmt: skip
    icon = f"https://b.s3.amazonaws.com/images/{name}/icon.png?X-Amz-Expires=900"
    yield _chat(8, name, createdAt=OUTSIDE, updatedAt=OUTSIDE, iconURL=icon)
    # From a script, which made the ids itself.
    yield {**_chat(9, name), "_id": "made-by-a-script-in-the-autumn-of-2023"}
    yield {**_chat(10, name), "_id": 10}


def _chat(number: int, owner: Any, **members: Any) -> dict[str, Any]:
    return {
        "_id": oid("oddchat", number), "conversationId": uuid("oddchat", number), "user": owner,
        "title": f"Odd chat {number}", "endpoint": "openAI", "model": "gpt-4", "messages": [],
        "tags": [], **DATES, **members,
    }  # fmt: skip


def presets(owner: Person) -> Documents:
    preset = {"user": str(owner.id), "endpoint": "openAI", "title": HOSTILE, **DATES}
    yield {**preset, "_id": oid("oddpreset", 0), "presetId": "odd", "stop": "END", "tools": TOOLS}
    yield {**preset, "_id": oid("oddpreset", 1), "presetId": "odd", "updatedAt": LONG_AGO}
    yield {**preset, "_id": oid("oddpreset", 2), "presetId": None, "endpoint": PLUGINS,
           "title": None, "order": -1, "defaultPreset": "yes"}  # fmt: skip


def tags(owner: Person) -> Documents:
    yield {"_id": oid("oddtag", 0), "tag": "Saved", "user": str(owner.id), "position": "first"}
    yield {"_id": oid("oddtag", 1), "tag": None, "user": str(owner.id)}
    yield {"_id": oid("oddtag", 2), "tag": "Theirs", "user": str(oid("gone", 0)), **DATES}


def projects(owner: Person) -> Documents:
    yield {"_id": oid("oddproject", 0), "name": HOSTILE, "user": owner.id, "description": None}
    yield {"_id": oid("oddproject", 1), "name": "Theirs", "user": str(oid("gone", 0)), **DATES}


# -- Messages --------------------------------------------------------------------------------


def messages(owner: Person) -> Documents:
    every = (*_bodies(owner), *_types(), *_trees(), *_ends())
    for number, members in enumerate(every):
        yield _message(number, owner, **members)
    yield {**_message(len(every), owner, text="made by a script"), "_id": "script-message-1"}


def _message(number: int, owner: Person, **members: Any) -> dict[str, Any]:
    said = {
        "_id": oid("oddmessage", number), "messageId": uuid("oddmessage", number),
        "conversationId": uuid("oddchat", 0), "user": str(owner.id), "parentMessageId": None,
        "isCreatedByUser": False, "sender": "PaLM", "text": "",
        "createdAt": BEGIN + timedelta(seconds=number), "updatedAt": BEGIN, **members,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not ABSENT}


ABSENT = object()


def _bodies(owner: Person) -> Iterator[dict[str, Any]]:
    """What a message can be made of."""
    yield {"content": [{"type": "image_url", "image_url": {"url": picture(), "detail": "auto"}}]}
    yield {"text": f"![drawn]({picture()})", "endpoint": PLUGINS}
    yield {"text": "by plugins", "endpoint": ABSENT, "plugins": [{"latest": "dalle", "inputs": []}],
           "plugin": {"latest": "dalle", "outputs": "x"}}  # fmt: skip
    signed = f"https://b.s3.amazonaws.com/images/{owner.id}/part.png?X-Amz-Date=1"
    call = {"id": "c", "name": "run", "args": {"a.b": 1, "$set": {"c": float("nan")}}}
    yield {"content": [
        {"type": "text", "text": "spoken", "tool_call_ids": ["c"]}, None,
        {"type": "think", "think": {"value": "thought"}},
        {"type": "tool_call", "tool_call": call},
        {"type": "tool_call", "tool_call": {"type": "code_interpreter", "id": "d"}},
        {"type": "image_file", "image_file": {"file_id": "f", "filepath": signed}},
        {"type": "video_url", "video_url": {"url": "https://example.com/v"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "agent_update", "agent_update": {"agentId": "agent_cook", "index": 0}},
        {"type": "summary", "content": [{"type": "text", "text": "in short"}]},
        {"type": "activity_label", "activity_label": "Looking", "status": "ok"},
        {"type": "steer", "steer": "more to port", "createdAt": 1},
        {"type": "error", "error": "it broke"}, {"type": "text_delta", "text": "rest"}, None,
    ]}  # fmt: skip
    yield {"text": "said", "content": [{"type": "text", "text": "and in parts"}]}
    yield {"text": "only holes", "content": [None, None]}
    yield {"content": "a text", "text": None}
    yield {"content": {"type": "text", "text": "not in a list"}}
    yield {"text": {"value": "an object"}}
    yield {"text": 42}
    yield {"text": HOSTILE + " \\ue202turn0search1 \ue202turn0file2"}
    yield {"text": '{"type":"token_balance","balance":0}', "error": True}
    yield {"text": "failed", "error": {"message": "overloaded"}}
    nested = {"type": "file_search", "file_search": {"sources": [{"metadata": {"path": signed}}]}}
    yield {"text": "found", "attachments": [{"filepath": signed, "file_id": "f"}, nested, "odd"]}
    yield {"text": "long " * 60_000}


def _types() -> Iterator[dict[str, Any]]:
    """Members that are sometimes one thing and sometimes another."""
    ratings: tuple[Any, ...] = (
        {"rating": "thumbsUp", "tag": "accurate", "text": "yes"},
        {"rating": "thumbsDown", "tag": {"key": "wrong", "label": "Wrong"}},
        "thumbsUp", True, 1, ["thumbsDown"], {"rating": 5},
    )  # fmt: skip
    for rating in ratings:
        yield {"text": "rated", "feedback": rating}
    for count in (float("nan"), "12", -3, 12.5, Int64(2**40), Decimal128("7")):
        yield {"text": "counted", "tokenCount": count}
    yield {"text": "whose", "isCreatedByUser": ABSENT, "sender": None, "model": None}
    yield {"text": "whose", "isCreatedByUser": "true", "unfinished": "false"}
    yield {"text": "files", "files": ["file-1", None, {"file_id": "f"}], "isCreatedByUser": True}
    yield {"text": "files", "files": {"file_id": "f"}, "quotes": "one", "metadata": ["a", "b"]}
    yield {"text": "kinds", "metadata": {
        "binary": Binary(b"\x00\xff"), "code": Code("x"), "least": MinKey(), "most": MaxKey(),
        "stamp": Timestamp(1_700_000_000, 1), "like": Regex("a", "i"), "ref": DBRef("users", "x"),
        "id": ObjectId("0" * 24), "when": OUTSIDE, "sum": Decimal128("NaN"), "a.b": {"$c": 1},
    }}  # fmt: skip


def _trees() -> Iterator[dict[str, Any]]:
    """Several first ones, and three in a circle."""
    yield {"text": "first", "parentMessageId": NO_PARENT}
    yield {"text": "first, too", "parentMessageId": ""}
    yield {"text": "first, three", "parentMessageId": 0}
    for number in range(3):
        yield {"text": f"circle {number}", "messageId": f"ring-{number}",
               "parentMessageId": f"ring-{(number + 1) % 3}"}  # fmt: skip
    yield {"text": "a name with a slash", "messageId": "msg_a/b", "parentMessageId": "chatcmpl-1"}
    yield {"text": "no name", "messageId": None}


def _ends() -> Iterator[dict[str, Any]]:
    yield {"text": "over", "expiredAt": LONG_AGO}
    yield {"text": "kept", "expiredAt": LATER, "isTemporary": False}
    yield {"text": "no time", "createdAt": OUTSIDE, "updatedAt": None}
    yield {"text": "a number as time", "createdAt": 1_709_280_000_000, "updatedAt": "soon"}
    # Of one name, and the emptier one is no older.
    yield {"text": "", "messageId": "odd-half", "updatedAt": BEGIN}
    yield {"text": "the fuller one", "messageId": "odd-half", "updatedAt": BEGIN}


# -- Files -----------------------------------------------------------------------------------


def files(owner: Person) -> Documents:
    folder = f"/uploads/{owner.id}"
    odd: tuple[dict[str, Any], ...] = (
        {"user": str(owner.id), "filename": HOSTILE, "bytes": "5", "type": None},
        {"filename": "over.txt", "expiredAt": LONG_AGO},
        {"filename": "unpacked.txt", "filepath": "/tmp/upload/1", "bytes": 0},  # noqa: S108
        {"filename": "ran.csv", "source": "execute_code", "context": "execute_code",
         "filepath": "/api/files/code/download/s/1"},
        {"filename": "read.pdf", "source": "text", "text": "page " * 100_000, "filepath": ""},
        {"filename": "../../etc/passwd", "filepath": f"{folder}/../../../etc/passwd"},
        {"filename": None, "file_id": None, "filepath": None, "status": "failed", "usage": -1},
        {"filename": "there.pdf", "source": "openai", "file_id": "file-abc", "model": "gpt-4o"},
    )  # fmt: skip
    for number, members in enumerate(odd):
        yield {"_id": oid("oddfile", number), "user": owner.id, "file_id": uuid("oddfile", number),
               "filepath": f"{folder}/odd{number}", "bytes": 4, "type": "text/plain",
               "source": "local", "metadata": [], **DATES, **members}  # fmt: skip
