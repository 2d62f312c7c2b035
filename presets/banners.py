"""The announcement above the chat: which one there is, and its text without anything dangerous."""

import hashlib
from datetime import datetime
from html import escape
from html.parser import HTMLParser

from django.db.models import Q

from presets.models import Banner

# What may be in a text; of attributes only where a link leads to.
_TAGS = frozenset({
    "a", "b", "br", "code", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "s", "small",
    "span", "strong", "sub", "sup", "u", "ul",
})  # fmt: skip
_SINGLE = frozenset({"br", "hr"})
# Of these nothing is shown, their contents neither.
_SILENT = frozenset({"script", "style", "template", "title", "iframe", "noscript"})
_ADDRESSES = ("https://", "http://", "mailto:", "/")


def current_banner(now: datetime, *, is_signed_in: bool) -> Banner | None:
    """The newest of those that are due. One query."""
    due = Banner.objects.filter(
        Q(display_to=None) | Q(display_to__gte=now), kind=Banner.Kind.BANNER, display_from__lte=now
    )
    return (due if is_signed_in else due.filter(is_public=True)).first()


def id_of_text(message: str) -> str:
    return hashlib.sha256(message.encode()).hexdigest()[:32]


def harmless(message: str) -> str:
    """``message`` with the tags of _TAGS alone; the text of all others stays."""
    cleaner = _Cleaner()
    cleaner.feed(message)
    cleaner.close()
    return cleaner.finished()


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _TAGS and not self._silent:
            self._parts.append(f"<{tag}{_link(dict(attrs)) if tag == 'a' else ''}>")
            if tag not in _SINGLE:
                self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag in self._open and not self._silent:
            while (inner := self._open.pop()) != tag:
                self._parts.append(f"</{inner}>")
            self._parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(escape(data, quote=False))

    def finished(self) -> str:
        return "".join([*self._parts, *(f"</{tag}>" for tag in reversed(self._open))])


def _link(attributes: dict[str, str | None]) -> str:
    address = (attributes.get("href") or "").strip()
    is_safe = address.lower().startswith(_ADDRESSES) and not address.startswith("//")
    if not is_safe:
        return ""
    return f' href="{escape(address)}" target="_blank" rel="noopener noreferrer"'
