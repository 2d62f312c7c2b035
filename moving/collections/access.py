"""Who may do what with single things."""

from collections.abc import Iterable, Sequence
from itertools import islice

from django.db.models import Exists, Model, OuterRef

from accounts.access_roles import (
    OWNER_BITS,
    PUBLIC,
    AccessBits,
    Principal,
    PrincipalType,
    ResourceType,
)
from accounts.models import AccessEntry
from conversations.models import PromptGroup, SharedLink
from librechat_backend.lib.json import JSONDict
from moving.job import EXPIRED, NOT_CHOSEN, Job
from moving.keyed import KeyedTable
from moving.rows import Row
from moving.sources import Document
from moving.tally import Tally
from moving.values import document_id, is_past, moment, reference, text, updated_at, whole

SHARED: dict[str, type[Model]] = {
    ResourceType.SHARED_LINK: SharedLink,
    ResourceType.PROMPT_GROUP: PromptGroup,
}
NOTHING_LIKE_IT = "there is nothing like “{}” here"
NO_RESOURCE = "what it is about is not here"
NO_PRINCIPAL = "whom it is for is not here"
OWNERS_AT_ONCE = 500
KEY = ("resource_type", "resource_id", "principal_type", "user_id", "group_id", "role_id")


def _together(one: Row, other: Row) -> Row:
    """What any of several entries allows is allowed."""
    newer = max(one, other, key=lambda row: row["granted_at"])
    return {**newer, "bits": one["bits"] | other["bits"]}


TABLE = KeyedTable(AccessEntry, KEY, by="resource_id", changed="granted_at", merge=_together)


def write_shared(documents: Sequence[Document], job: Job) -> None:
    rows = [row for document in documents if (row := _row(document.data, job)) is not None]
    here = {
        (type_, pk)
        for type_, model in SHARED.items()
        for pk in job.here.find(model, _ids(rows, type_))
    }
    missing = [row for row in rows if (row["resource_type"], row["resource_id"]) not in here]
    for row in missing:
        job.tally.skip(NO_RESOURCE, row["resource_id"])
    TABLE.store([row for row in rows if row not in missing], job.tally)


def _ids(rows: Iterable[Row], type_: str) -> set[str]:
    return {row["resource_id"] for row in rows if row["resource_type"] == type_}


def _row(document: JSONDict, job: Job) -> Row | None:
    type_ = text(document, "resourceType")
    if type_ not in SHARED:
        job.tally.skip(NOTHING_LIKE_IT.format(type_), document_id(document))
        return None
    columns = principal_columns(document, job)
    if columns is None:
        return None
    return {
        "resource_type": type_,
        "resource_id": reference(document.get("resourceId")),
        **columns,
        "bits": bits_of(document),
        "granted_by_id": job.people.find(document.get("grantedBy")),
        "granted_at": moment(document.get("grantedAt")) or updated_at(document),
    }


def bits_of(document: JSONDict) -> int:
    return (whole(document.get("permBits")) or 0) & OWNER_BITS.value


def principal_columns(document: JSONDict, job: Job) -> JSONDict | None:
    """The columns that name whom an entry is for; None for one that holds no more, which is
    counted as skipped.
    """
    if is_past(document, "expiredAt", job.now):
        job.tally.skip(EXPIRED, document_id(document))
    elif not bits_of(document):
        job.tally.skip("it allows nothing", document_id(document))
    else:
        return _principal(document, job)
    return None


def _principal(document: JSONDict, job: Job) -> JSONDict | None:
    """The columns that name it; None is counted as skipped."""
    value, pk = document.get("principalId"), None
    match document.get("principalType"):
        case PrincipalType.PUBLIC:
            return _columns(PUBLIC)
        case PrincipalType.USER:
            pk = job.people.find(value)
            if pk is not None and job.people.is_left_out(pk):
                job.tally.skip(NOT_CHOSEN)
                return None
            if pk is not None:
                return _columns(Principal(PrincipalType.USER, pk))
        case PrincipalType.GROUP:
            if (group := job.groups.get(reference(value))) is not None:
                return _columns(Principal(PrincipalType.GROUP), group)
        case PrincipalType.ROLE:
            if value in job.roles:
                return _columns(Principal(PrincipalType.ROLE, str(value)))
    job.tally.skip(NO_PRINCIPAL, document_id(document))
    return None


def _columns(principal: Principal, group: int | None = None) -> JSONDict:
    type_ = principal.type
    return {
        "principal_type": type_.value,
        "user_id": principal.id if type_ is PrincipalType.USER else None,
        "group_id": group,
        "role_id": principal.id if type_ is PrincipalType.ROLE else None,
    }


def let_in(type_: ResourceType, owned: Iterable[tuple[Row, bool]]) -> None:
    """The owner of each row, and everybody who may look at it where there is a True beside it."""
    entries: list[Row] = []
    for row, is_for_everybody in owned:
        mine = Principal(PrincipalType.USER, row["user_id"])
        entries.append(_given(type_, row, mine, OWNER_BITS))
        if is_for_everybody:
            entries.append(_given(type_, row, PUBLIC, AccessBits.VIEW))
    TABLE.store(entries, Tally())


def _given(type_: ResourceType, row: Row, principal: Principal, bits: AccessBits) -> Row:
    return {
        "resource_type": type_.value,
        "resource_id": row["id"],
        **_columns(principal),
        "bits": bits.value,
        "granted_by_id": row["user_id"],
        "granted_at": row["created_at"],
    }


def let_owners_in(job: Job) -> None:
    """Where the source says nothing of them."""
    for type_, model in SHARED.items():
        entries = AccessEntry.objects.filter(
            resource_type=type_, resource_id=OuterRef("pk"), user=OuterRef("user")
        )
        rows = model._default_manager.filter(~Exists(entries))
        alone = rows.values("id", "user_id", "created_at").iterator()
        while batch := list(islice(alone, OWNERS_AT_ONCE)):
            let_in(ResourceType(type_), ((row, False) for row in batch))
