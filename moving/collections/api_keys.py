"""Keys of the agents API: here they open the presets their people may use, and nothing else.

The hash is of the same text, so programs go on with the key they have. A key that was deleted here
does not come back.
"""

import re
from collections.abc import Sequence

from gateway.models import ApiToken
from gateway.services import announce_change
from librechat_backend.lib.json import JSONDict
from moving.collections.base import Collection
from moving.collections.kept import count
from moving.fitting import fitted
from moving.job import EXPIRED, Job
from moving.keeping import keep
from moving.rows import Row, insert
from moving.sources import Document
from moving.table import SEVERAL
from moving.values import created_at, document_id, is_past, moment, text

NAME = "agentapikeys"
NO_KEY = "it holds no key"
SAME_ADDRESS = "it opens presets, at /v1 of this server"
_HASH = re.compile(r"[0-9a-f]{64}")
Owned = list[tuple[Document, str]]


def write(documents: Sequence[Document], job: Job) -> None:
    due = [each for each in documents if _is_key(each.data, job)]
    owned = [(each, owner) for each in due if (owner := job.owner(each.data, "userId"))]
    only = _first_of_each(owned, job)
    kept = keep(NAME, only, job)
    count(kept, len(only), job)
    new = [_row(each.data, o, job) for each, o in only if document_id(each.data) in kept.new]
    if new:
        announce_change()
        insert(ApiToken, new)


def _is_key(document: JSONDict, job: Job) -> bool:
    if is_past(document, "expiresAt", job.now):
        job.tally.skip(EXPIRED, document_id(document))
    elif not _HASH.fullmatch(text(document, "keyHash")):
        job.tally.skip(NO_KEY, document_id(document), is_lost=True)
    else:
        return True
    return False


def _first_of_each(owned: Owned, job: Job) -> Owned:
    """A hash is one key's alone, also of those that are here."""
    hashes = [text(each.data, "keyHash") for each, _ in owned]
    taken = dict(ApiToken.objects.filter(token_hash__in=hashes).values_list("token_hash", "pk"))
    found: Owned = []
    for (document, owner), hash_ in zip(owned, hashes, strict=True):
        pk = document_id(document.data)
        if taken.setdefault(hash_, pk) == pk:
            found.append((document, owner))
        else:
            job.tally.merged += 1
            job.tally.note(SEVERAL, pk)
    return found


def _row(document: JSONDict, owner: str, job: Job) -> Row:
    job.tally.note(SAME_ADDRESS, document_id(document))
    row = {
        **{field.attname: field.get_default() for field in ApiToken._meta.concrete_fields},
        "id": document_id(document),
        "user_id": owner,
        "name": text(document, "name"),
        "token_hash": text(document, "keyHash"),
        "prefix": text(document, "keyPrefix"),
        "model_names": [],
        "expires_at": moment(document.get("expiresAt")),
        "last_used_at": moment(document.get("lastUsedAt")),
        "created_at": created_at(document),
    }
    return fitted(ApiToken, row, job.tally)


API_KEYS = Collection(NAME, write)
