"""Chats of ChatGPT's export (contract 03 §4.4). Pure."""

import re
from collections.abc import Mapping
from operator import itemgetter

from conversations.imports.chats import NotAChat, SourceChat, SourceMessage
from conversations.imports.values import items, members, moment, storable, text
from librechat_backend.lib.json import JSONDict, JSONValue, dumps_indented

ENDPOINT = "openAI"
# Nodes that say nothing themselves; what follows them answers what came before.
PASSED_OVER = ("thoughts", "reasoning_recap")

_GPT = re.compile("gpt-(.+)", re.IGNORECASE)


def chatgpt_chat(value: JSONDict) -> SourceChat:
    """``value`` has a ``mapping``. Raises NotAChat."""
    mapping = value["mapping"]
    if not isinstance(mapping, dict):
        raise NotAChat("mapping is not an object")
    nodes = {name: members(node) for name, node in mapping.items()}
    started = moment(value.get("create_time"))
    messages = [
        _message(name, node, nodes)
        for name, node in nodes.items()
        if _kind(node) and not _is_passed_over(node)
    ]
    for message in messages:
        message.created_at = message.created_at or started
    return SourceChat(
        source=f"chatgpt:{_name(value)}",
        title=text(value.get("title")),
        endpoint=ENDPOINT,
        messages=messages,
        created_at=started,
    )


def _name(value: JSONDict) -> str:
    """Its id; where there is none, what does not change when the chat goes on."""
    first = next(iter(value["mapping"]), "")
    own = text(value.get("conversation_id")) or text(value.get("id"))
    return own or f"{value.get('create_time')} {first}"


def _message(name: str, node: JSONDict, nodes: Mapping[str, JSONDict]) -> SourceMessage:
    message = node["message"]
    is_created_by_user = _role(node) == "user"
    model = text(members(message.get("metadata")).get("model_slug"))
    said = _text(message, is_created_by_user)
    thought = "" if is_created_by_user else _thoughts(node.get("parent"), nodes)
    return SourceMessage(
        key=name,
        parent_key=_parent(node, nodes),
        is_created_by_user=is_created_by_user,
        text=said,
        content=[{"type": "think", "think": thought}, {"type": "text", "text": said}]
        if thought
        else None,
        sender="user" if is_created_by_user else _sender(model),
        endpoint=ENDPOINT,
        model=model,
        created_at=moment(message.get("create_time")),
    )


def _sender(model: str) -> str:
    found = _GPT.search(model)
    return f"GPT-{found[1]}" if found else model or "assistant"


def _role(node: JSONDict) -> str:
    return text(members(members(node.get("message")).get("author")).get("role"))


def _kind(node: JSONDict) -> str:
    """Empty for a node without a message or without a content."""
    return text(members(members(node.get("message")).get("content")).get("content_type"))


def _is_passed_over(node: JSONDict) -> bool:
    return _role(node) == "system" or _kind(node) in PASSED_OVER


def _parent(node: JSONDict, nodes: Mapping[str, JSONDict]) -> str:
    """The nearest message above; empty where there is none."""
    seen: set[str] = set()
    name = node.get("parent")
    while isinstance(name, str) and name in nodes and name not in seen:
        if not _kind(nodes[name]):
            return ""
        if not _is_passed_over(nodes[name]):
            return name
        seen.add(name)
        name = nodes[name].get("parent")
    return ""


def _thoughts(name: JSONValue, nodes: Mapping[str, JSONDict]) -> str:
    """What was thought before an answer to the node ``name``."""
    seen: set[str] = set()
    while isinstance(name, str) and name in nodes and name not in seen:
        kind = _kind(nodes[name])
        if kind == "thoughts":
            thoughts = map(members, items(nodes[name]["message"]["content"].get("thoughts")))
            found = (text(t.get("content")) or text(t.get("summary")) for t in thoughts)
            return "\n\n".join(filter(None, found))
        if kind != "reasoning_recap":
            return ""
        seen.add(name)
        name = nodes[name].get("parent")
    return ""


def _text(message: JSONDict, is_created_by_user: bool) -> str:
    content = message["content"]
    kind, parts = content["content_type"], content.get("parts")
    if kind == "text" and isinstance(parts, list):
        said = " ".join(text(part) for part in parts)
        return said if is_created_by_user else _with_links(said, message)
    if kind == "code":
        return f"```{text(content.get('language'))}\n{text(content.get('text'))}\n```"
    if kind == "execution_output":
        return f"Execution Output:\n> {text(content.get('text'))}"
    return _mixed(parts) if isinstance(parts, list) else _fenced(content)


def _mixed(parts: list[JSONValue]) -> str:
    """Texts, and whatever else as JSON."""
    return " ".join(text(part) if isinstance(part, str) else _fenced(part) for part in parts)


def _fenced(value: JSONValue) -> str:
    return f"```json\n{dumps_indented(storable(value)).decode()}\n```"


def _with_links(said: str, message: JSONDict) -> str:
    """Places of citations become links, from the last to the first."""
    citations = map(members, items(members(message.get("metadata")).get("citations")))
    places = [place for citation in citations if (place := _place(citation))]
    for start, end, link in sorted(places, key=itemgetter(0), reverse=True):
        said = said[:start] + link + said[end:]
    return said


def _place(citation: JSONDict) -> tuple[int, int, str] | None:
    start, end = citation.get("start_ix"), citation.get("end_ix")
    page = members(citation.get("metadata"))
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end:
        return None
    if page.get("type") != "webpage":
        return None
    return start, end, f" ([{text(page.get('title'))}]({text(page.get('url'))}))"
