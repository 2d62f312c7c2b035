"""Presets people saved for themselves."""

from collections.abc import Sequence

from django.db.models import Count

from conversations.imports.librechat import SETTINGS
from librechat_backend.lib.json import JSONDict
from moving import paths
from moving.agent_chats import with_agent
from moving.collections.base import Collection
from moving.collections.conversations import in_shape
from moving.job import Job
from moving.rows import Row
from moving.sources import Document
from moving.spec_names import spec_columns
from moving.table import Table
from moving.values import (
    chosen,
    created_at,
    document_id,
    fitting_id,
    text,
    updated_at,
    whole,
)
from presets.models import PersonalPreset

PRESET_ID_LENGTH = 64
TABLE = Table(PersonalPreset, ("preset_id",), arranged=("is_default",))


def write(documents: Sequence[Document], job: Job) -> None:
    owned = [(each.data, owner) for each in documents if (owner := _owner(each.data, job))]
    rows = [with_agent(data, _columns(data, owner, job), job.agents) for data, owner in owned]
    TABLE.store(rows, job.tally)


def _owner(document: JSONDict, job: Job) -> str | None:
    if not document.get("user"):
        job.tally.skip("it belongs to nobody", document_id(document))
        return None
    return job.owner(document, "user")


def _columns(document: JSONDict, owner: str, job: Job) -> Row:
    document = in_shape(document, job)
    name = text(document, "presetId") or document_id(document)
    return {
        "id": document_id(document),
        "preset_id": fitting_id(owner, name, PRESET_ID_LENGTH),
        "user_id": owner,
        "title": text(document, "title") or "New Chat",
        "endpoint": job.options.endpoint(text(document, "endpoint")),
        "endpoint_type": text(document, "endpointType"),
        "model": text(document, "model"),
        "icon_url": paths.moved_link(text(document, "iconURL"), job.people.find),
        **spec_columns(document, chosen(document, sorted(SETTINGS))),
        "is_default": True if document.get("defaultPreset") is True else None,
        "order": whole(document.get("order")),
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


def keep_one_default(job: Job) -> None:
    """Of several, the one that was changed last."""
    defaults = PersonalPreset.objects.filter(is_default=True)
    counted = defaults.order_by().values("user_id").annotate(count=Count("pk"))
    for owner in counted.filter(count__gt=1).values_list("user_id", flat=True):
        own = defaults.filter(user=owner).order_by("-updated_at", "-pk")
        own.exclude(pk=own[0].pk).update(is_default=None)


PRESETS = Collection("presets", write, TABLE, keep_one_default)
