"""Files as other programs write them, made up for tests."""

from collections.abc import Mapping
from typing import Any

from librechat_backend.lib.ids import NO_PARENT

STARTED = 1_700_000_000.25  # 2023-11-14T22:13:20.250Z


def node(
    name: str,
    parent: str | None,
    text: str = "",
    *,
    role: str = "user",
    kind: str = "text",
    seconds: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    **content: Any,
) -> dict[str, Any]:
    """A node of ChatGPT's mapping."""
    parts: dict[str, Any] = {"parts": [text]} if kind == "text" else {}
    if text and kind != "text":
        parts = {"text": text}
    return {
        "id": name,
        "parent": parent,
        "children": [],
        "message": {
            "id": name,
            "author": {"role": role, "name": None, "metadata": {}},
            "create_time": seconds,
            "content": {"content_type": kind, **parts, **content},
            "metadata": metadata or {},
        },
    }


def chatgpt(*nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    values = {
        "id": "c-1", "title": "Tides", "create_time": STARTED, "update_time": STARTED + 500,
    }  # fmt: skip
    return {**values, **fields, "mapping": {each["id"]: each for each in nodes}}


def tides(**fields: Any) -> dict[str, Any]:
    """A question with two answers, one of them after some thought, and a question to that."""
    return chatgpt(
        {"id": "root", "parent": None, "children": ["s"], "message": None},
        node("s", "root", role="system"),
        node("q", "s", "When is high tide?", seconds=STARTED + 1),
        node("t", "q", role="assistant", kind="thoughts", thoughts=[{"content": "Moon first."}]),
        node("r", "t", role="assistant", kind="reasoning_recap", content="Thought for 2 s"),
        node("a1", "r", "At noon.", role="assistant", seconds=STARTED + 3,
             metadata={"model_slug": "gpt-4o"}),
        node("a2", "q", "At midnight.", role="assistant", seconds=STARTED + 9,
             metadata={"model_slug": "gpt-4o"}),
        node("q2", "a1", "And low tide?", seconds=STARTED + 2),
        **fields,
    )  # fmt: skip


def claude(**fields: Any) -> dict[str, Any]:
    return {
        "uuid": "cl-1",
        "name": "Sailing",
        "created_at": "2024-02-03T04:05:06.789Z",
        "updated_at": "2024-02-03T05:00:00Z",
        "chat_messages": [
            {"uuid": "m1", "sender": "human", "text": "How do I tack?",
             "created_at": "2024-02-03T04:05:07Z",
             "content": [{"type": "text", "text": "How do I tack?"}]},
            {"uuid": "m2", "sender": "assistant", "text": "", "created_at": "2024-02-03T04:05:07Z",
             "content": [{"type": "thinking", "thinking": "Wind."}, {"type": "tool_use", "id": 1},
                         {"type": "text", "text": "Turn "}, {"type": "text", "text": "the bow."}]},
            {"uuid": "m3", "sender": "human", "text": "", "content": []},
        ],
        **fields,
    }  # fmt: skip


def chatbotui() -> dict[str, Any]:
    return {
        "version": 4,
        "history": [
            {"id": "h-1", "name": "Knots", "model": {"id": "gpt-3.5-turbo"}, "prompt": "Be brief.",
             "messages": [{"role": "user", "content": "A bowline?"},
                          {"role": "system", "content": "no"},
                          {"role": "assistant", "content": "Rabbit, hole, tree."}]},
            {"id": "h-2", "name": "", "model": {"id": "gpt-4"}, "messages": []},
        ],
        "folders": [],
        "prompts": [],
    }  # fmt: skip


def said(name: str, parent: str | None, **fields: Any) -> dict[str, Any]:
    """A message of LibreChat's export."""
    return {
        "messageId": name,
        "parentMessageId": NO_PARENT if parent is None else parent,
        "isCreatedByUser": True,
        "sender": "User",
        "text": f"text of {name}",
        "endpoint": "openAI",
        "createdAt": "2025-03-04T05:06:07.890Z",
        **fields,
    }


def librechat(messages: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {
        "conversationId": "0b9c3a54-6d1e-4a77-9f3b-2f8f0e1d2c3b",
        "endpoint": "openAI",
        "title": "Tide tables",
        "exportAt": "10:11:12 GMT+0100",
        "branches": True,
        "recursive": False,
        "options": {"presetId": None, "model": "gpt-4o-mini", "temperature": 0.4,
                    "endpoint": "openAI", "title": "Tide tables", "promptPrefix": None},
        "messages": messages,
        **fields,
    }  # fmt: skip
