"""Chats with agents: here they are chats with the presets the agents became. Pure.

What such a chat said of its endpoint stays among its settings, for the way out.
"""

from collections.abc import Container, Mapping

from librechat_backend.lib.json import JSONDict
from moving.spec_names import MEMBER
from moving.values import chosen, members, text
from presets.foreign import short_name

ENDPOINT, AGENT = "agents", "agent_id"
# Among the settings of a chat here: what the source has in place of the preset's.
ORIGIN = "librechat"
_REPLACED = ("endpointType", "model", "spec")
_BUILT_IN = frozenset({"openAI", "azureOpenAI", "google", "anthropic", "bedrock"})


def with_agent(
    document: JSONDict, row: JSONDict, agents: Mapping[str, tuple[str, str]]
) -> JSONDict:
    """``row`` of a chat or a saved preset, led to the preset if its agent became one.

    ``agents``: short names of such presets → endpoint and model.
    """
    agent = text(document, AGENT)
    known = agents.get(short_name(agent)) if agent else None
    if known is None or document.get("endpoint") != ENDPOINT:
        return row
    endpoint, model = known
    settings = {name: value for name, value in row["settings"].items() if name != MEMBER}
    return row | {
        "endpoint": endpoint,
        "endpoint_type": "" if endpoint in _BUILT_IN else "custom",
        "model": model,
        "spec": short_name(agent),
        "settings": settings | {AGENT: agent, ORIGIN: chosen(document, _REPLACED)},
    }


def agent_there(spec: str, settings: JSONDict, agents: Container[str]) -> JSONDict | None:
    """The members of a chat whose preset was an agent, as the source has them; None for others.

    One that was begun here knows its agent by the preset alone.
    """
    if spec not in agents:
        return None
    named = text(settings, AGENT)
    agent = named if named and short_name(named) == spec else spec
    return {**members(settings.get(ORIGIN)), "endpoint": ENDPOINT, AGENT: agent}
