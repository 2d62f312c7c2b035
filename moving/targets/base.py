"""What all targets have in common. Pure."""

from collections.abc import Sequence
from typing import Protocol

from librechat_backend.lib.json import JSONDict

# MongoDB's limit; what is larger cannot be restored.
DOCUMENT_BYTES_MAX = 16 * 1024 * 1024


class Id(str):
    """An ObjectId: 24 hexadecimal digits. As a member of a document, or in a list that is one."""

    __slots__ = ()


class Unwritable(ValueError):
    """Why MongoDB could not hold a document."""


class Target(Protocol):
    def begin(self, collections: Sequence[str]) -> None:
        """Once, before anything else: what will be written, in this order."""
        ...

    def write(self, collection: str, document: JSONDict) -> None:
        """Raises Unwritable; then nothing was written."""
        ...

    def end(self, collection: str) -> None: ...

    def close(self) -> None: ...
