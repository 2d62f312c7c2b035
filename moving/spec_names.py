"""Names of specs: short names here have no dots and no blanks. Pure.

A chat knows its preset by the short name, as librechat.yaml is read; how the source spelt it stays
among the settings of the chat, for the way out.
"""

from librechat_backend.lib.json import JSONDict
from moving.values import text
from presets.foreign import short_name

MEMBER = "spec"


def spec_columns(document: JSONDict, settings: JSONDict) -> JSONDict:
    """The columns ``spec`` and ``settings`` of a chat or a preset."""
    there = text(document, MEMBER)
    here = short_name(there) if there else ""
    return {"spec": here, "settings": settings | ({MEMBER: there} if there != here else {})}


def spec_there(spec: str, settings: JSONDict) -> str:
    """As the source spelt ``spec``; as it is where it has become another one since."""
    there = text(settings, MEMBER)
    return there if there and short_name(there) == spec else spec
