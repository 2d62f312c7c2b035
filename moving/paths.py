"""Where the source kept bytes, and under which address they are sent here. Pure."""

import re
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

# The last part of a key of any age: a class letter, a region and a tenant may stand before it.
_KEPT = re.compile(r"(?:^|/)(images|uploads|avatars)/([0-9a-f]{24})/([^/]+)$")
MAX_LENGTH = 1024


def location(address: str) -> str:
    """The key of an address: of a path, a signed one of S3, a storage's own; empty for others."""
    return kept_key(unquote(urlsplit(address).path))


def kept_key(key: str) -> str:
    """``key`` where it is one of those the source makes; empty for others, which may lead
    anywhere."""
    key = key.lstrip("/")
    is_kept = len(key) <= MAX_LENGTH and _KEPT.search(key) and ".." not in key.split("/")
    return key if is_kept else ""


def folder(address: str) -> str:
    """``images``, ``uploads`` or ``avatars``; empty where the source kept nothing."""
    found = _KEPT.search(location(address))
    return found[1] if found else ""


def name(address: str) -> str:
    found = _KEPT.search(location(address))
    return found[3] if found else ""


def moved(address: str, owner: str) -> str:
    """The address here of what ``owner`` has; what was never kept stays as it is."""
    found = _KEPT.search(location(address))
    if not found:
        return address
    place = "uploads" if found[1] == "uploads" else "images"
    return f"/{place}/{owner}/{found[3]}"


# Where a link of Markdown leads to, when it may be to something the source kept.
_LINK = re.compile(r"(?<=\]\()<?((?:https?://|/)[^\s()<>]*/[0-9a-f]{24}/[^\s()<>]+)>?")
Find = Callable[[str], str | None]


def moved_in_text(words: str, find: Find) -> str:
    """``words`` with the addresses of its links here; ``find``: a person of the source → here.

    What is no known person's stays as it is.
    """
    if "](" not in words:
        return words
    return _LINK.sub(lambda link: link[0].replace(link[1], moved_link(link[1], find)), words)


def moved_link(address: str, find: Find) -> str:
    """The address here of what some person of the source has."""
    found = _KEPT.search(location(address))
    owner = find(found[2]) if found else None
    is_same = found and owner == found[2] and address.startswith("/")
    return quote(moved(address, owner)) if owner and not is_same else address
