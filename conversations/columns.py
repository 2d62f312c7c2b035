"""Two models side by side in one answer: whose its parts are (contract 02 §10.6). Pure.

Each part names the ``agentId`` that said it and the ``groupId`` of the columns beside each other.
The client makes up the same ids before the first part arrives.
"""

from collections.abc import Sequence

from librechat_backend.lib.json import JSONDict

GROUP_ID = 1
_ADDED = "____1"


def agent_id(*, endpoint: str, model: str, sender: str, is_added: bool = False) -> str:
    """``sender`` is the label the client shows, empty where it shows the model's name."""
    named = f"___{_without_colons(sender)}" if sender else ""
    return _without_colons(f"{endpoint}:{model}") + named + (_ADDED if is_added else "")


def _without_colons(text: str) -> str:
    return text.replace(":", "__")


def is_added(agent: str) -> bool:
    return agent.endswith(_ADDED)


def is_parallel(parts: Sequence[JSONDict]) -> bool:
    return any(part.get("groupId") is not None for part in parts)


def parts_of(parts: Sequence[JSONDict], agent: str) -> list[JSONDict]:
    return [part for part in parts if part.get("agentId", "") == agent]


def primary_parts(parts: Sequence[JSONDict]) -> list[JSONDict]:
    """What goes on in later turns: the first model's parts, and those of no column."""
    grouped = [part for part in parts if part.get("groupId") is not None]
    agents = dict.fromkeys(str(part.get("agentId", "")) for part in grouped)
    first = next((agent for agent in agents if not is_added(agent)), next(iter(agents), ""))
    return [
        part for part in parts if part.get("groupId") is None or part.get("agentId", "") == first
    ]
