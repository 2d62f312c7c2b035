"""What every endpoint of a librechat.yaml can say of itself, as columns of a channel. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from moving.librechat_yaml.source import Node, WrongValue, filled_in, needs, text, texts

_ADDRESS = re.compile(r"^https?://[^\s/]+")
_LONGEST_ADDRESS = 500
_TITLES = "Titles are made one way here; see TITLE_CONVO and the channel’s “titles by”."
_ACTIVITY = "There are no labels of activity here."
OPTIONS_REFUSED: Mapping[str, str] = {
    "streamRate": "Words are passed on as they come.",
    "titleMethod": _TITLES,
    "titleEndpoint": "A title is made by the endpoint of its chat.",
    "titlePrompt": _TITLES,
    "titlePromptTemplate": _TITLES,
    "titleMessageRole": _TITLES,
    "titleTiming": "Titles are made beside the answer.",
    "summarize": "Summaries are switched on for all chats: SUMMARIZE_HISTORY.",
    "summaryModel": "One model makes all summaries: SUMMARY_MODEL.",
    "forcePrompt": "It is out of use in LibreChat, too.",
    "maxToolResultChars": "Results of tools are not cut here.",
    **dict.fromkeys(
        ("activityLabel", "activityModel", "activityEndpoint", "activityPrompt", "activityPhase"),
        _ACTIVITY,
    ),
}


def is_address(value: str) -> bool:
    """Whether a channel can have it."""
    try:
        is_whole = urlsplit(value).port != 0
    except ValueError:
        return False
    return is_whole and len(value) <= _LONGEST_ADDRESS and bool(_ADDRESS.match(value))


def read_options(node: Node) -> JSONDict:
    """What every endpoint can say, as columns of a channel."""
    fields = node.fields(
        {
            "baseURL": ("base_url", base_url),
            "titleModel": ("title_model", _title_model),
        },
        "channel: {}",
    )
    if "models" in node and isinstance(node["models"].value, list):
        fields["model_names"] = node.read("models", texts, "channel: model_names") or []
    if "titleConvo" in node and node["titleConvo"].place not in node.source.lines:
        _read_titles(node["titleConvo"])
    if "headers" in node and needs(node["headers"], dict, "Names with values are"):
        fields["headers"] = read_headers(node["headers"])
    node.refuse_known(OPTIONS_REFUSED)
    return fields


def _read_titles(node: Node) -> None:
    if node.value is True:
        node.take("as always")
    else:
        node.refuse("Titles are made for all chats or none: TITLE_CONVO.")


def _title_model(node: Node) -> str:
    name = text(node)
    return "" if name == "current_model" else name[:200]


def base_url(node: Node) -> str:
    value = filled_in(node).rstrip("/")
    if not is_address(value):
        raise WrongValue("An address such as https://… is expected here.")
    return value


def read_headers(node: Node) -> JSONDict:
    """Those that can be sent as they are; the others are refused one by one."""
    found: JSONDict = {}
    for name, _ in node.children:
        value = node.read(str(name), filled_in, f"channel: header {name}")
        if value is not None:
            found[str(name)] = value
    return found


def read_added(node: Node) -> JSONDict:
    """Values as they are; texts with their variables."""
    found: JSONDict = {}
    for name, child in node.children:
        check = filled_in if isinstance(child.value, str) else _any
        value = node.read(str(name), check, f"channel: fixed parameter {name}")
        if value is not None:
            found[str(name)] = value
    return found


def _any(node: Node) -> object:
    """YAML knows dates and numbers that JSON does not."""
    try:
        data = json.dumps(node.value)
    except TypeError as error:
        raise WrongValue("It cannot be written as JSON.") from error
    if json.loads(data) != node.value or not json.is_storable(data, node.value):
        raise WrongValue("It cannot be written as JSON.")
    return node.value
