"""The library of prompts: what has a name first, then its versions."""

import re
from collections.abc import Sequence

from accounts.access_roles import ResourceType
from conversations.models import Prompt, PromptGroup
from conversations.models.prompt import COMMAND_MAX_LENGTH
from librechat_backend.lib.json import JSONDict
from moving.collections.access import let_in
from moving.collections.base import Collection
from moving.job import Job
from moving.rows import Row
from moving.sources import Document
from moving.table import Table
from moving.values import created_at, document_id, reference, text, texts, updated_at, whole

COMMAND = re.compile(r"[a-z0-9-]+")
NO_COMMAND = "its command is none, and became empty"
NO_VERSION = "it has no version"
NO_PROMPT = "its prompt is not here"
GROUPS = Table(PromptGroup, ("id",), kept=("production_id",))
VERSIONS = Table(Prompt, ("id",))


def write_groups(documents: Sequence[Document], job: Job) -> None:
    rows = [row for document in documents if (row := _group(document.data, job)) is not None]
    written = GROUPS.store(rows, job.tally)
    job.here.add(PromptGroup, (row["id"] for row in written))
    old = [row for row in written if row["id"] not in job.ahead.shared]
    let_in(ResourceType.PROMPT_GROUP, ((row, row["id"] in job.ahead.everybodys) for row in old))


def _group(document: JSONDict, job: Job) -> Row | None:
    if document_id(document) not in job.ahead.prompts:
        job.tally.skip(NO_VERSION, document_id(document))
        return None
    owner = job.owner(document, "author")
    if owner is None:
        return None
    return {
        "id": document_id(document),
        "user_id": owner,
        "author_name": text(document, "authorName"),
        "name": text(document, "name"),
        "oneliner": text(document, "oneliner"),
        "category": text(document, "category"),
        "command": _command(document, job),
        "production_id": None,
        "usage_count": whole(document.get("numberOfGenerations")) or 0,
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


def _command(document: JSONDict, job: Job) -> str:
    command = text(document, "command").lower()
    fits = len(command) <= COMMAND_MAX_LENGTH and COMMAND.fullmatch(command)
    if command and not fits:
        job.tally.repair(NO_COMMAND, document_id(document))
    return command if fits else ""


def write_versions(documents: Sequence[Document], job: Job) -> None:
    wanted = {reference(each.data.get("groupId")) for each in documents}
    here = job.here.find(PromptGroup, wanted)
    rows = []
    for document in documents:
        if reference(document.data.get("groupId")) in here:
            rows.append(_version(document.data, job))
        else:
            job.tally.skip(NO_PROMPT, document_id(document.data))
    VERSIONS.store(rows, job.tally)


def _version(document: JSONDict, job: Job) -> Row:
    """It stays when whoever wrote it is gone."""
    is_chat = document.get("type") == Prompt.Kind.CHAT
    return {
        "id": document_id(document),
        "group_id": reference(document.get("groupId")),
        "user_id": job.people.find(document.get("author")),
        "text": text(document, "prompt"),
        "kind": Prompt.Kind.CHAT.value if is_chat else Prompt.Kind.TEXT.value,
        "labels": texts(document.get("labels")),
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


def put_in_use(job: Job) -> None:
    """The version in use is that of the source where the prompt is as it is there.

    One that is gone is replaced by the newest.
    """
    for document in job.ahead.prompt_groups():
        group = PromptGroup.objects.filter(
            pk=document_id(document), updated_at=updated_at(document)
        ).first()
        if group is None:
            continue
        versions = Prompt.objects.filter(group=group).order_by("-created_at", "-id")
        named = versions.filter(pk=reference(document.get("productionId"))).first()
        version = named or versions.first()
        if version is not None and version.pk != group.production_id:
            PromptGroup.objects.filter(pk=group.pk).update(production=version)


PROMPT_GROUPS = Collection("promptgroups", write_groups, GROUPS)
PROMPTS = Collection("prompts", write_versions, VERSIONS, put_in_use)
