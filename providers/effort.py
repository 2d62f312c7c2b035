"""How long a model is to think, from one dialect's words into another's. Pure.

OpenAI and Anthropic have efforts, Gemini levels from version 3 on and before that budgets in
tokens, as Anthropic's models had. A model gets the most it knows that is not above what was asked
for, else the least it knows; budgets are Google's own for its OpenAI-compatible address.
"""

import re

from providers.types import Parameters

SCALE = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
LEVELS = ("minimal", "low", "medium", "high")

_BUDGETS = {
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 32_768,
}

_OPENAI_MODEL = re.compile(r"(?:^|/)(?:gpt-(\d+)(?:\.(\d+))?|(o)[134](?:-|$)|chatgpt)")


def asked_effort(parameters: Parameters) -> str | None:
    """On OpenAI's scale; None: nothing was said that has a place on it."""
    effort = parameters.reasoning_effort or parameters.thinking_level
    if effort in SCALE:
        return "none" if parameters.thinking is False else effort
    return None if effort else effort_of_budget(parameters.thinking_budget)


def effort_of_budget(tokens: int | None) -> str | None:
    """None where the model is to choose by itself."""
    if tokens is None or tokens < 0:
        return None
    if tokens == 0:
        return "none"
    return next((each for each in ("low", "medium") if tokens <= _BUDGETS[each]), "high")


def budget_of_effort(effort: str) -> int:
    """``effort`` is one of SCALE, and not "none"."""
    return _BUDGETS[effort]


def nearest(effort: str, known: tuple[str, ...]) -> str:
    """Of ``known``, in the order of SCALE; thinking is switched off only where that was asked."""
    places = [each for each in known if each != "none" or effort == "none"]
    below = [each for each in places if SCALE.index(each) <= SCALE.index(effort)]
    return below[-1] if below else places[0]


def openai_efforts(model: str) -> tuple[str, ...] | None:
    """What OpenAI's model takes, empty where it takes none; None for a name of somebody else's."""
    match = _OPENAI_MODEL.search(model)
    if match is None:
        return None
    if match[3]:
        return ("low", "medium", "high")
    version = (int(match[1] or 0), int(match[2] or 0))
    if version < (5, 0) or "-chat" in model:
        return ()
    if version == (5, 0):
        return ("high",) if "-pro" in model else LEVELS
    if version == (5, 1) and "-max" not in model:
        return ("none", "low", "medium", "high")
    return SCALE if version >= (5, 6) else ("none", "low", "medium", "high", "xhigh")


def openai_effort(model: str, parameters: Parameters, *, takes_any: bool = False) -> str | None:
    """What is sent to a service that speaks OpenAI's dialect.

    A model nobody knows here gets an effort as it was asked for, and none that would have to be
    made of a budget: it may not know the field. ``takes_any``: the service translates by itself.
    """
    known = SCALE if takes_any else openai_efforts(model)
    asked = asked_effort(parameters)
    if known is None or asked is None:
        return parameters.reasoning_effort or parameters.thinking_level or None
    return nearest(asked, known) if known else None
