"""What import_librechat has kept, as it came."""

from functools import partial

from gateway.models import ApiToken
from librechat_backend.lib import crypto
from librechat_backend.lib.crypto import UndecryptableSecret
from librechat_backend.lib.json import JSONDict
from moving.collections.api_keys import NAME as API_KEYS
from moving.collections.kept import KEPT
from moving.leaving.leave import Leave, Leaving, Rows
from moving.models import KeptDocument
from moving.overrides import COLLECTION as CONFIGS
from moving.sealing import Form, unsealed
from moving.targets import typed


def kept_rows(name: str, leave: Leave) -> Rows:
    """Of those who were asked for; what is the whole server's leaves with everybody. Keys that
    open nothing here any more stay.
    """
    rows = KeptDocument.objects.filter(collection=name)
    if name == API_KEYS:
        rows = rows.filter(document_id__in=ApiToken.objects.filter(is_active=True).values("pk"))
    return rows if leave.owners is None else rows.filter(user__in=leave.owners)


def document_of(row: KeptDocument, leave: Leave) -> JSONDict:
    lost: list[str] = []

    def reseal(sealed: str, form: Form) -> str | None:
        text = _resealed(sealed, form, leave)
        if text is None:
            lost.append(sealed)
        return text

    document: JSONDict = typed(unsealed(row.content(), reseal))
    for _ in lost:
        leave.tally.note("secrets need CREDS_KEY and CREDS_IV", str(row), is_lost=True)
    return document


def _resealed(sealed: str, form: Form, leave: Leave) -> str | None:
    """Under the key of the other server, in the form it is looked for there."""
    if form is not Form.PLAIN:
        seal = {
            Form.V1: leave.secrets.seal_v1,
            Form.V2: leave.secrets.seal_v2,
            Form.V3: leave.secrets.seal_v3,
        }
        return leave.sealed(sealed, seal[form])
    try:
        return crypto.decrypt(sealed)
    except UndecryptableSecret:
        return None


KEPT_LEAVING = tuple(
    Leaving(name, partial(kept_rows, name), document_of)
    for name in (CONFIGS, API_KEYS, *(each.name for each in KEPT))
)
