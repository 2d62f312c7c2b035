"""Tags, which the client calls bookmarks. Chats name them; how many do is counted, not kept."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from operator import attrgetter, itemgetter

from django.db.models import Count, Max

from conversations.models import Conversation, Tag
from librechat_backend.lib.json import JSONDict
from moving.collections.base import Collection
from moving.job import Job
from moving.rows import Row, upsert
from moving.sources import Document
from moving.table import Table
from moving.values import created_at, document_id, text, updated_at, whole

TABLE = Table(Tag, ("user_id", "name"), arranged=("position",))


def write(documents: Sequence[Document], job: Job) -> None:
    rows = [row for document in documents if (row := _row(document.data, job)) is not None]
    TABLE.store(rows, job.tally)


def _row(document: JSONDict, job: Job) -> Row | None:
    name = text(document, "tag")
    if not name:
        job.tally.skip("it has no name", document_id(document))
        return None
    owner = job.owner(document, "user")
    if owner is None:
        return None
    return {
        "id": document_id(document),
        "user_id": owner,
        "name": name,
        "description": text(document, "description"),
        "position": whole(document.get("position")) or 0,
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


def put_in_order(job: Job) -> None:
    """Where two tags of a person have one place, all are counted anew."""
    places = Tag.objects.values("user_id", "position").annotate(count=Count("pk"))
    crowded = set(places.filter(count__gt=1).values_list("user_id", flat=True))
    tags = Tag.objects.filter(user__in=crowded).order_by("user_id", "position", "created_at", "id")
    for _, own in groupby(tags, attrgetter("user_id")):
        for place, tag in enumerate(own, start=1):
            Tag.objects.filter(pk=tag.pk).update(position=place)


def make_missing_tags(job: Job) -> None:
    """Of names that only chats mention."""
    chats = Conversation.objects.exclude(tags=[]).order_by("user_id", "created_at", "id")
    named = chats.values_list("user_id", "tags", "created_at").iterator()
    for owner, own in groupby(named, itemgetter(0)):
        upsert(Tag, list(_missing(owner, own)))


def _missing(owner: str, chats: Iterable[tuple[str, list[str], object]]) -> Iterator[Row]:
    tags = Tag.objects.filter(user=owner)
    known = set(tags.values_list("name", flat=True))
    last = tags.aggregate(last=Max("position"))["last"] or 0
    for _, names, began in chats:
        for name in names:
            if name not in known:
                known.add(name)
                last += 1
                yield {
                    "id": sha256(f"{owner}\x00{name}".encode()).hexdigest()[:24],
                    "user_id": owner,
                    "name": name,
                    "description": "",
                    "position": last,
                    "created_at": began,
                    "updated_at": began,
                }


TAGS = Collection("conversationtags", write, TABLE, put_in_order)
