"""What a preset came to, in one short text: the same whichever way it was used. Pure."""

import hashlib
from dataclasses import asdict

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONValue
from providers.types import Parameters


def resolved_hash(*, endpoint: str, model: str, system_message: str, parameters: Parameters) -> str:
    """SHA-256 in hex of what a model is asked beside the messages.

    ``system_message`` is as the preset has it: variables and memories, which differ from person to
    person and from day to day, are filled in later.
    """
    asked = {
        "endpoint": endpoint,
        "model": model,
        "system": system_message,
        "parameters": {name: _plain(value) for name, value in asdict(parameters).items()},
    }
    return hashlib.sha256(json.dumps_sorted(asked)).hexdigest()


def _plain(value: JSONValue) -> JSONValue:
    """1.0 is 1: callers write numbers in either way."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
