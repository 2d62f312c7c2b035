"""``aclentries``: those of links and prompts hold here; those of agents give their presets; the
rest is kept with what it is about.
"""

from collections.abc import Sequence

from accounts.access_roles import AccessBits, PrincipalType, ResourceType
from accounts.models.stamp import changing_rules
from librechat_backend.lib.json import JSONDict
from moving.collections.access import (
    NO_RESOURCE,
    bits_of,
    let_owners_in,
    principal_columns,
    write_shared,
)
from moving.collections.base import Collection
from moving.collections.giving import give
from moving.collections.kept import count
from moving.collections.role_groups import group_of_role
from moving.job import Job
from moving.keeping import keep, kept_id
from moving.models import KeptDocument
from moving.sources import Document
from moving.values import document_id, reference, text

NAME = "aclentries"
# What entries are about → the collection it is kept from.
KEPT_TYPES = {
    ResourceType.AGENT.value: "agents",
    ResourceType.REMOTE_AGENT.value: "agents",
    ResourceType.MCP_SERVER.value: "mcpservers",
    ResourceType.SKILL.value: "skills",
}
AS_GROUP = "a role may use it there; here the group “{}” may, of the people who have the role"
NOT_CHANGED = "may change it there; here administrators change presets (kept)"
Named = tuple[Document, JSONDict]


def write(documents: Sequence[Document], job: Job) -> None:
    about = [(each, text(each.data, "resourceType")) for each in documents]
    write_shared([each for each, type_ in about if type_ not in KEPT_TYPES], job)
    named = [
        (each, columns)
        for each, type_ in about
        if type_ in KEPT_TYPES and (columns := principal_columns(each.data, job)) is not None
    ]
    _write_kept(_about_what_is_here(named, job), job)


def _about_what_is_here(named: Sequence[Named], job: Job) -> list[Named]:
    wanted = [_resource(each) for each, _ in named]
    here = job.here.find(KeptDocument, wanted)
    for pk, (each, _) in zip(wanted, named, strict=True):
        if pk not in here:
            job.tally.skip(NO_RESOURCE, document_id(each.data))
    return [each for pk, each in zip(wanted, named, strict=True) if pk in here]


def _resource(document: Document) -> str:
    """The primary key under which it is kept."""
    collection = KEPT_TYPES[text(document.data, "resourceType")]
    return kept_id(collection, reference(document.data.get("resourceId")))


def _write_kept(named: Sequence[Named], job: Job) -> None:
    kept = keep(NAME, [(each, columns["user_id"]) for each, columns in named], job)
    count(kept, len(named), job)
    new = [
        (each.data, columns)
        for each, columns in named
        if document_id(each.data) in kept.new | kept.newer
        and text(each.data, "resourceType") == ResourceType.AGENT
    ]
    if new:
        with changing_rules():
            for document, columns in new:
                _give(document, columns, job)


def _give(document: JSONDict, columns: JSONDict, job: Job) -> None:
    group = columns["group_id"]
    if columns["principal_type"] == PrincipalType.ROLE:
        of_role = group_of_role(columns["role_id"])
        job.tally.note(AS_GROUP.format(of_role), document_id(document))
        group = of_role.pk
    give(reference(document.get("resourceId")), user=columns["user_id"], group=group)
    if bits_of(document) & AccessBits.EDIT:
        job.tally.note(NOT_CHANGED, document_id(document))


ACCESS = Collection(NAME, write, finish=let_owners_in, makes_rows=False)
