"""What all sources have in common. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from librechat_backend.lib.json import JSONDict, JSONValue

# MongoDB's limit is 16 MB; whatever says it is larger than this is no document.
DOCUMENT_BYTES_MAX = 48 * 1024 * 1024


class SourceUnreadable(Exception):
    """The source cannot be read at all; says why, without a password."""


@dataclass(frozen=True, slots=True)
class Document:
    """``data`` is plain: no types of BSON, nothing a database refuses (moving.sources.plain).

    ``position`` is a JSON value; reading ``after`` it goes on behind this document. ``done`` says
    how far the collection is read, in the unit of ``Source.collections()``. ``repairs`` names what
    had to be changed. ``extended`` makes extended JSON (canonical, ASCII) of the document as it is
    in the source, of which nothing is lost.
    """

    data: JSONDict
    position: JSONValue
    done: int
    size: int
    extended: Callable[[], str] = field(repr=False, compare=False)
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Damage:
    """A place that could not be read; ``position`` None: nothing behind it can be, either."""

    problem: str
    position: JSONValue = None
    done: int = 0


class Source(Protocol):
    name: str
    """For people; holds no password."""
    fingerprint: str
    """Another one as soon as the same positions might mean something else."""
    notes: tuple[str, ...]
    """What should be said about the source as a whole."""

    def collections(self) -> Mapping[str, int]:
        """Their names, and how much there is of each, in a unit of the source's own."""
        ...

    def read(self, collection: str, after: JSONValue = None) -> Iterator[Document | Damage]:
        """In an order that is always the same; nothing for a collection there is not.

        Raises SourceUnreadable when the source is gone for good.
        """
        ...

    def close(self) -> None: ...
