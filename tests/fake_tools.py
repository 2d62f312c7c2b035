"""What a provider of tests/fake_provider.py makes of tools' results: it says which tool said what.

Results of calls it did not make are refused, as real providers do.
"""

from typing import Any

JSON = dict[str, Any]


def said_by_tool(body: JSON) -> str:
    """``get_weather said: Sunny`` when the request ends with results, else nothing.

    Raises KeyError for the result of a call that is not in the conversation, and for calls that are
    not signed where they must be (Gemini).
    """
    if "contents" in body:
        return _in_gemini(body["contents"])
    if "messages" in body:
        return _in_messages(body["messages"])
    items = body.get("input")
    return _in_responses(items) if isinstance(items, list) else ""


def _in_messages(messages: list[JSON]) -> str:
    last = messages[-1] if messages else {}
    if last.get("role") == "tool":
        calls = [call for m in messages for call in m.get("tool_calls") or []]
        names = {call["id"]: call["function"]["name"] for call in calls}
        results = [m for m in messages if m["role"] == "tool"]
        return _told([(names[m["tool_call_id"]], m["content"]) for m in results])
    blocks = [b for m in messages for b in _blocks(m)]
    names = {block["id"]: block["name"] for block in blocks if block["type"] == "tool_use"}
    results = [block for block in _blocks(last) if block["type"] == "tool_result"]
    return _told([(names[block["tool_use_id"]], block["content"]) for block in results])


def _blocks(message: JSON) -> list[JSON]:
    content = message.get("content")
    return [block for block in content if "type" in block] if isinstance(content, list) else []


def _in_gemini(contents: list[JSON]) -> str:
    called: set[str] = set()
    for content in contents:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls:
            calls[0]["thoughtSignature"]  # since version 3 none goes without
        called |= {call["functionCall"]["name"] for call in calls}
    last = [p["functionResponse"] for p in contents[-1]["parts"] if "functionResponse" in p]
    if unknown := {result["name"] for result in last} - called:
        raise KeyError(unknown)
    return _told([(result["name"], result["response"]) for result in last])


def _in_responses(items: list[JSON]) -> str:
    if not items or items[-1].get("type") != "function_call_output":
        return ""
    names = {i["call_id"]: i["name"] for i in items if i.get("type") == "function_call"}
    results = [item for item in items if item.get("type") == "function_call_output"]
    return _told([(names[item["call_id"]], item["output"]) for item in results])


def _told(results: list[tuple[str, Any]]) -> str:
    return ", ".join(f"{name} said: {_text(output)}" for name, output in results)


def _text(output: Any) -> str:
    if isinstance(output, list):
        return "".join(part["text"] for part in output)
    return str(output["output"] if isinstance(output, dict) else output)
