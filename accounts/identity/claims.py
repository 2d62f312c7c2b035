"""What a provider says about a person, and looking things up in it. Knows no Django."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Beyond this many values of one claim the rest is not looked at.
MAX_VALUES = 1000
SOURCES = ("userinfo", "id", "access")


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims by where they stand: ``userinfo``, ``id`` (token) or ``access`` (token).

    Providers other than OpenID Connect say everything in ``userinfo``.
    """

    by_source: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def values(self, path: str, source: str = "") -> tuple[str, ...]:
        """The texts at ``path`` (``groups``, ``realm_access.roles``), in the first place that
        has any; ``source`` names the only place to look. A list gives its texts and numbers, a
        text its words, true the word ``true``. Nothing there: empty.
        """
        for name in (source,) if source else SOURCES:
            if found := _texts(_at(self.by_source.get(name, {}), path)):
                return found
        return ()

    def text(self, path: str) -> str:
        """The first text at ``path``, whole; empty when there is none."""
        return clean(self._first(path))

    def exact_text(self, path: str) -> str:
        """As ``text``, but empty where anything would have to be cleaned away: of addresses, the
        rest could be somebody else's.
        """
        text = self._first(path).strip()
        return text if text == clean(text) else ""

    def _first(self, path: str) -> str:
        for name in SOURCES:
            value = _at(self.by_source.get(name, {}), path)
            value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str) and value.strip():
                return value
        return ""

    def is_cut_short(self, path: str) -> bool:
        """Whether the provider left a list out because it was too long (Entra: group overage)."""
        name = path.partition(".")[0]
        return any(
            name in _mapping(claims.get("_claim_names"))
            or (name == "groups" and bool(claims.get("hasgroups")))
            for claims in self.by_source.values()
        )


def clean(text: str) -> str:
    """Without what no database stores: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8").strip()


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The exact name first: names of SAML attributes have dots of their own."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for step in path.split("."):
        value = _mapping(value).get(step)
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true",) if value else ()
    if isinstance(value, int):
        return (str(value),)
    if isinstance(value, str):
        return tuple(_words(value))
    if isinstance(value, list):
        kept = (each for each in value[:MAX_VALUES] if isinstance(each, str | int))
        return tuple(text for each in kept if (text := clean(str(each))))
    return ()


def _words(value: str) -> list[str]:
    """A text with spaces or commas may be one value or several; it counts as both."""
    whole = clean(value)
    words = (word for word in re.split(r"[\s,]+", whole) if word)
    return list(dict.fromkeys([whole, *words]))[:MAX_VALUES] if whole else []
