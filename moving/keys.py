"""Does CREDS_KEY belong to this database? Asked before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from librechat_backend.lib.crypto import UndecryptableSecret
from librechat_backend.lib.json import JSONDict
from moving.secrets import Secrets
from moving.sources import Document, Source

METADATA = "librechatCredentialMetadata"
TRIED = 20
# Collection → member that is encrypted without exception. A wrong key of CBC shows in the padding.
ENCRYPTED = {"keys": "value", "pluginauths": "value"}


class WrongKey(Exception):
    """The credentials are not those of the source."""


def require_right_key(source: Source, secrets: Secrets) -> None:
    """No key at all is allowed: then secrets are left out. Raises WrongKey."""
    if not secrets.key:
        return
    if not secrets.is_usable:
        raise WrongKey("CREDS_KEY is not hexadecimal, or not 16, 24 or 32 bytes long.")
    metadata = list(islice(_documents(source, METADATA), 1))
    if metadata:
        if wrong := secrets.contradicts(metadata[0]):
            raise WrongKey(f"{' and '.join(wrong)} is not what this database was encrypted with.")
        return
    tried = [_opens(secrets, value) for value in _encrypted(source)]
    if tried and not any(tried):
        raise WrongKey("CREDS_KEY and CREDS_IV open none of the secrets of this database.")


def _encrypted(source: Source) -> Iterator[str]:
    for collection, name in ENCRYPTED.items():
        for document in islice(_documents(source, collection), TRIED):
            if isinstance(document.get(name), str):
                yield document[name]


def _documents(source: Source, collection: str) -> Iterator[JSONDict]:
    return (item.data for item in source.read(collection) if isinstance(item, Document))


def _opens(secrets: Secrets, value: str) -> bool:
    try:
        secrets.decrypt(value)
    except UndecryptableSecret:
        return False
    return True
