"""Secrets inside of documents that are kept as they are.

A document is extended JSON as Python has it. A secret in it is opened with the source's key and
sealed with ours where it stands, so it is in clear nowhere, and leaves under the key of the server
that takes it over. Nothing here is ever printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from librechat_backend.lib import crypto
from librechat_backend.lib.crypto import UndecryptableSecret
from librechat_backend.lib.json import JSONDict, JSONValue
from moving.secrets import Secrets

MEMBER, FORM = "$sealed", "form"
HIDDEN = "…"
# What a value is called that nobody but its owner may read, and what holds such values.
_SECRET = re.compile(r"(?i)(?:key|secret|token|password|authorization|client_?id)$")
_HOLDERS = frozenset({"headers", "env", "oauth_headers"})
_PLACEHOLDER = re.compile(r"\$\{\w+\}|\{\{\w+\}\}|user_provided")
_V2 = re.compile(r"[0-9a-f]{32}:(?:[0-9a-f]{32})+")
_V3 = re.compile(r"v3:[0-9a-f]{32}:[0-9a-f]+")


class Form(StrEnum):
    """How the source had encrypted it."""

    PLAIN = "plain"
    V1 = "v1"
    V2 = "v2"
    V3 = "v3"


@dataclass(slots=True)
class Sealing:
    """Of one document. ``always`` names the members that are v1; ``lost`` counts secrets that
    could not be read, which are left empty.
    """

    secrets: Secrets
    always: frozenset[str] = frozenset()
    lost: int = 0

    def seal(self, value: JSONValue, name: str = "", *, is_held: bool = False) -> JSONValue:
        if isinstance(value, dict):
            is_held = is_held or name in _HOLDERS
            return {each: self.seal(v, each, is_held=is_held) for each, v in value.items()}
        if isinstance(value, list):
            return [self.seal(each, name, is_held=is_held) for each in value]
        is_named = name in self.always or is_held or _SECRET.search(name) is not None
        return self._sealed(value, name, is_named) if isinstance(value, str) and value else value

    def _sealed(self, value: str, name: str, is_named: bool) -> JSONValue:
        form = self._form(value, name)
        if form is Form.PLAIN and (not is_named or _PLACEHOLDER.fullmatch(value)):
            return value
        try:
            opened = value if form is Form.PLAIN else self.secrets.decrypt(value)
        except UndecryptableSecret:
            if not is_named:
                return value  # it only looked like one
            self.lost += 1
            return None
        return {MEMBER: crypto.encrypt(opened), FORM: form.value}

    def _form(self, value: str, name: str) -> Form:
        if name in self.always:
            return Form.V1
        if _V3.fullmatch(value):
            return Form.V3
        return Form.V2 if _V2.fullmatch(value) else Form.PLAIN


Reseal = Callable[[str, Form], str | None]


def unsealed(value: JSONValue, reseal: Reseal) -> JSONValue:
    """``value`` with what ``reseal`` makes of each secret of ours."""
    if isinstance(value, list):
        return [unsealed(each, reseal) for each in value]
    if not isinstance(value, dict):
        return value
    if MEMBER in value:
        return reseal(value[MEMBER], Form(value[FORM]))
    return {name: unsealed(each, reseal) for name, each in value.items()}


def hidden(document: JSONDict) -> JSONDict:
    """For people to look at."""
    shown: JSONDict = unsealed(document, lambda sealed, form: HIDDEN)
    return shown
