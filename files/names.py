"""Names of uploaded files: what people see, and what addresses are made of. Pure (04 §1.7)."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

MAX_NAME_BYTES = 255
FALLBACK = "file"

# Controls, and the marks that turn the direction of writing: "txt.exe" would read "exe.txt".
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_UNSAFE_ASCII = re.compile(r"[\x00-\x2c\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]")
# Letters, digits, marks and symbols (emoji); everything else could mean something somewhere.
_KEPT_CATEGORIES = ("L", "N", "M", "S")


def display_name(sent: str) -> str:
    """The name a person sees. ``sent`` was percent-encoded once by the client."""
    decoded = unquote(sent, errors="replace")
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", decoded))[-1]
    shown = _shortened(_HIDDEN.sub("", base).strip(), MAX_NAME_BYTES)
    return FALLBACK if shown in ("", ".", "..") else shown


def quoted(name: str) -> str:
    """As the client sends names, for who sends them otherwise."""
    return quote(name, errors="replace")


def in_sentence(name: str) -> str:
    """``name`` for a message to people. The client drops what stands before a colon in one."""
    return name.replace(":", "\u2236")


def safe_name(name: str) -> str:
    """``name`` without a character that has a meaning in an address or a file system."""
    safe = "".join(map(_safe_character, unicodedata.normalize("NFC", name)))
    return _shortened(f"_{safe}" if safe.startswith(".") else safe or FALLBACK, MAX_NAME_BYTES)


def stored_name(file_id: str, name: str, extension: str = "") -> str:
    """``<file id>__<safe name>``; ``extension`` (without dot) takes the place of its own."""
    safe = safe_name(name)
    if extension:
        safe = f"{PurePosixPath(safe).stem or FALLBACK}.{extension}"
    return f"{file_id}__{_shortened(safe, MAX_NAME_BYTES - len(file_id) - 2)}"


def extension_of(name: str) -> str:
    """In lower case, without the dot; empty when there is none."""
    return PurePosixPath(name.lower()).suffix.removeprefix(".")


def _safe_character(character: str) -> str:
    if character.isascii():
        return "_" if _UNSAFE_ASCII.match(character) else character
    is_kept = unicodedata.category(character).startswith(_KEPT_CATEGORIES)
    return character if is_kept else "_"


def _shortened(name: str, limit: int) -> str:
    """At most ``limit`` bytes of UTF-8; a short extension is kept."""
    if len(name.encode()) <= limit:
        return name
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > 32:
        suffix = ""
    stem = name[: len(name) - len(suffix)].encode()[: limit - len(suffix.encode())]
    return stem.decode(errors="ignore") + suffix
