"""Roles: which features their people see."""

from collections.abc import Mapping, Sequence

from accounts.models import Role
from accounts.permissions import USER_DEFAULTS, Matrix
from librechat_backend.lib.json import JSONDict
from moving.collections.base import Collection
from moving.fitting import fitted
from moving.job import Job
from moving.sources import Document
from moving.values import document_id, members, text

RENAMED_BITS = {"SHARED_GLOBAL": "SHARE"}
UNREADABLE = "its permissions cannot be read: it has those of everybody"
UNKNOWN = "there is no permission “{}.{}” here"
KNOWN = {str(type_): {str(bit) for bit in bits} for type_, bits in USER_DEFAULTS.items()}


def write(documents: Sequence[Document], job: Job) -> None:
    for document in documents:
        _store(document.data, job)


def _store(document: JSONDict, job: Job) -> None:
    """A role has no date, so what was set here is taken for newer."""
    said = {name: text(document, name) for name in ("name", "description")}
    columns = fitted(Role, said, job.tally, document_id(document))
    name = columns["name"]
    if not name:
        job.tally.skip("it has no name", document_id(document), is_lost=True)
        return
    role, is_new = Role.objects.get_or_create(name=name, defaults=columns)
    job.roles.add(name)
    _tell(document, job)
    merged = _merged(_matrix(document), role.permissions)
    if merged != role.permissions:
        role.permissions = merged
        role.save(update_fields=["permissions", "updated_at"])
    elif not is_new:
        job.tally.unchanged += 1
        return
    job.tally.written += is_new
    job.tally.updated += not is_new


def _tell(document: JSONDict, job: Job) -> None:
    """What it says that means nothing here."""
    said = document.get("permissions")
    if said is not None and not isinstance(said, dict):
        job.tally.note(UNREADABLE, document_id(document), is_lost=True)
    for type_, bits in members(said).items():
        for bit in members(bits):
            if RENAMED_BITS.get(bit, bit) not in KNOWN.get(type_, ()):
                job.tally.note(UNKNOWN.format(type_, bit), document_id(document))


def _matrix(document: JSONDict) -> Matrix:
    """Old versions have the features among the members of the role itself."""
    found = {**document, **members(document.get("permissions"))}
    return {
        type_: _bits(members(found[type_]), known)
        for type_, known in KNOWN.items()
        if isinstance(found.get(type_), dict)
    }


def _bits(stored: JSONDict, known: set[str]) -> dict[str, bool]:
    bits = {RENAMED_BITS.get(name, name): value for name, value in stored.items()}
    return {name: bits[name] for name in sorted(known) if isinstance(bits.get(name), bool)}


def _merged(theirs: Matrix, ours: object) -> Matrix:
    stored: Mapping[str, dict[str, bool]] = ours if isinstance(ours, dict) else {}
    return {
        type_: {**theirs.get(type_, {}), **stored.get(type_, {})}
        for type_ in sorted({*theirs, *stored})
    }


ROLES = Collection("roles", write)
