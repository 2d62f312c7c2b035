"""Groups and who is in them."""

from collections.abc import Iterator, Sequence

from accounts.models import Group, User
from accounts.models.stamp import changing_rules
from accounts.services.groups import add_member, create_group, remove_member, update_group
from librechat_backend.lib.ids import is_object_id
from librechat_backend.lib.json import JSONDict
from moving.collections.base import Collection
from moving.fitting import fitted
from moving.job import Job
from moving.sources import Document
from moving.values import document_id, reference, text, texts, updated_at

NAMELESS = "group"
# What groups have there and not here.
LEFT_OUT = ("email", "avatar")


def write(documents: Sequence[Document], job: Job) -> None:
    for document in documents:
        with changing_rules():
            _store(document.data, job)


def _store(document: JSONDict, job: Job) -> None:
    """A group that is here and was changed later keeps its name and its members."""
    pk = document_id(document)
    group = Group.objects.filter(object_id=pk).first()
    if group is not None and group.updated_at >= updated_at(document):
        job.tally.unchanged += 1
        return
    said = {name: text(document, name).strip() for name in ("name", "description")}
    columns = fitted(Group, said, job.tally, pk)
    columns["name"] = columns["name"] or NAMELESS
    if group is None:
        group = create_group(actor=None, object_id=pk, **columns)
        job.tally.written += 1
    else:
        group = update_group(actor=None, group=group, **columns)
        job.tally.updated += 1
    job.groups[pk] = group.pk
    for name in LEFT_OUT:
        if document.get(name):
            job.tally.note(f"groups have no “{name}” here", pk)
    _set_members(group, set(_members(document, job)))


def _set_members(group: Group, wanted: set[str]) -> None:
    present = set(group.memberships.values_list("user_id", flat=True))
    for user in User.objects.filter(pk__in=wanted - present).order_by("pk"):
        add_member(actor=None, group=group, user=user)
    for user in User.objects.filter(pk__in=present - wanted).order_by("pk"):
        remove_member(actor=None, group=group, user=user)


def _members(document: JSONDict, job: Job) -> Iterator[str]:
    """An entry is a person's id here, or the one they have in the directory of their company."""
    for name in texts(document.get("memberIds")):
        pk = job.people.find(name)
        if pk is None and not is_object_id(reference(name)):
            pk = job.people.find(job.ahead.directory_ids.get(name))
        if pk is None:
            job.tally.note("a member who has no account here", document_id(document))
        elif not job.people.is_left_out(pk):
            yield pk


GROUPS = Collection("groups", write)
