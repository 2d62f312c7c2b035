"""``speech`` → channels whose models listen or speak. Pure."""

from librechat_backend.lib.json import JSONDict
from moving.librechat_yaml.options import is_address
from moving.librechat_yaml.plan import ChannelPlan, Plan
from moving.librechat_yaml.source import Node, WrongValue, filled_in, text, texts
from providers.speech import hears, speaks

_KIND = "Speech goes through services of OpenAI’s interface: enter its address as a channel."
_PATHS = ("/audio/speech", "/audio/transcriptions")


def read_speech(root: Node, plan: Plan) -> None:
    node = root["speech"]
    for part, label in (("stt", "listens"), ("tts", "speaks")):
        channel = _read_part(node[part], part, label)
        if channel is not None:
            plan.channels.append(channel)
    node.refuse_known({"speechTab": "Each person chooses in the client’s settings."})


def _read_part(node: Node, part: str, label: str) -> ChannelPlan | None:
    node.refuse_known(dict.fromkeys(("azureOpenAI", "elevenlabs", "localai"), _KIND))
    service = node["openai"]
    if "openai" not in node:
        return None
    model = service.read("model", _listens if part == "stt" else _speaks, "channel: models")
    secret = service.read("apiKey", filled_in, "channel: key")
    address = service.read("url", _address, "channel: base_url") or ""
    if not model:
        return None
    fields: JSONDict = {
        "name": f"Speech: {label}",
        "kind": "openai",
        "base_url": address,
        "model_names": [model],
        "options": _voices(service),
        "is_active": bool(secret),
    }
    return ChannelPlan(f"channel:speech:{part}", node.place, fields, secret)


def _voices(node: Node) -> JSONDict:
    names = node.read("voices", texts, "channel: voices") or []
    # In LibreChat “ALL” stands for those it knows.
    return {"voices": ",".join(names)} if names and names != ["ALL"] else {}


def _address(node: Node) -> str:
    """Given with the path of the call there, without it here."""
    value = filled_in(node).rstrip("/")
    for path in _PATHS:
        value = value.removesuffix(path)
    if value and not is_address(value):
        raise WrongValue("An address such as https://… is expected here.")
    return value


def _listens(node: Node) -> str:
    name = text(node)
    if not hears(name):
        raise WrongValue("Here a model that listens has “whisper” or “transcribe” in its name.")
    return name


def _speaks(node: Node) -> str:
    name = text(node)
    if not speaks(name):
        raise WrongValue("Here a model that speaks has “tts” in its name.")
    return name
