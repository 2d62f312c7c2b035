"""All a person has, as files of an archive (docs/moving-chats.md). Reads only, in small pieces.

Each app above contributes a file by a line in FILES; what is imported again is in
``services/restoring.py``.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from django.db.models import Q

from accounts.export import export_account
from accounts.models import User
from conversations.imports.librechat import OWN_FORMAT
from conversations.models import Conversation, Memory, Message, Project, Prompt, SharedLink, Tag
from conversations.serializers.export import exported_chat, exported_message
from conversations.serializers.memory import memory_wire
from conversations.serializers.project import project_wire
from conversations.serializers.tag import tag_wire
from files.models import File
from files.serializers import file_wire
from librechat_backend.lib.archives import zip_chunks
from librechat_backend.lib.json import JSONDict, dumps, dumps_indented
from librechat_backend.lib.times import to_iso
from presets.models import PersonalPreset
from presets.serializers import personal_preset_to_wire

CHATS_AT_ONCE = 100
MESSAGES_AT_ONCE = 200


def export_archive(user: User) -> Iterator[bytes]:
    """The archive in pieces. Each piece is made by itself: it may be asked for in any thread."""
    return zip_chunks(_files(user))


def archive_name(user: User) -> str:
    return f"librechat-export-{datetime.now(UTC):%Y-%m-%d}.zip"


def _files(user: User) -> Iterator[tuple[str, Iterator[bytes]]]:
    manifest = {"format": OWN_FORMAT, "exportedAt": to_iso(datetime.now(UTC)), "email": user.email}
    yield "manifest.json", iter([dumps_indented(manifest)])
    yield "account.json", iter([dumps_indented(export_account(user))])
    for name, rows in FILES.items():
        yield name, (dumps(row) + b"\n" for row in rows(user))
    yield "conversations.ndjson", _chats(user)


# -- Chats ---------------------------------------------------------------------------------


def _chats(user: User) -> Iterator[bytes]:
    """A line each. Temporary chats stay behind: they were promised to be gone."""
    last = ""
    kept = Conversation.objects.owned_by(user).listed().order_by("pk")
    while rows := list(kept.filter(pk__gt=last).rows()[:CHATS_AT_ONCE]):
        for row in rows:
            yield dumps(exported_chat(row))[:-1] + b',"messages":['
            yield from _messages(row["id"])
            yield b"]}\n"
        last = rows[-1]["id"]


def _messages(conversation_pk: str) -> Iterator[bytes]:
    messages = Message.objects.filter(conversation=conversation_pk).order_by("created_at", "pk")
    following, separator = messages, b""
    while rows := list(following.rows()[:MESSAGES_AT_ONCE]):
        for row in rows:
            yield separator + dumps(exported_message(row))
            separator = b","
        last = rows[-1]
        later = Q(created_at__gt=last["created_at"])
        following = messages.filter(later | Q(created_at=last["created_at"], pk__gt=last["id"]))


# -- Everything else -----------------------------------------------------------------------


def _projects(user: User) -> Iterator[JSONDict]:
    return map(project_wire, Project.objects.owned_by(user).order_by("pk").rows())


def _bookmarks(user: User) -> Iterator[JSONDict]:
    counts = Conversation.objects.owned_by(user).tag_counts()
    for row in Tag.objects.owned_by(user).order_by("position", "pk").rows():
        yield tag_wire(row, count=counts[row["name"]])


def _presets(user: User) -> Iterator[JSONDict]:
    presets = PersonalPreset.objects.filter(user=user).order_by("pk")
    return map(personal_preset_to_wire, presets)


def _memories(user: User) -> Iterator[JSONDict]:
    return map(memory_wire, Memory.objects.owned_by(user).order_by("pk").rows())


def _prompts(user: User) -> Iterator[JSONDict]:
    """A line for each version, with what its group is called."""
    prompts = Prompt.objects.filter(group__user=user).select_related("group")
    for prompt in prompts.order_by("group_id", "pk").iterator(MESSAGES_AT_ONCE):
        group = prompt.group
        yield {
            "groupId": group.pk,
            "name": group.name,
            "oneliner": group.oneliner,
            "category": group.category,
            "command": group.command,
            "prompt": prompt.text,
            "type": prompt.kind,
            "labels": prompt.labels,
            "isProduction": prompt.pk == group.production_id,
            "createdAt": to_iso(prompt.created_at),
        }


def _shared_links(user: User) -> Iterator[JSONDict]:
    for link in SharedLink.objects.filter(user=user).select_related("conversation").order_by("pk"):
        yield {
            "shareId": link.share_id,
            "conversationId": link.conversation.conversation_id,
            "title": link.title,
            "targetMessageId": link.target_message_id,
            "expiredAt": to_iso(link.expired_at),
            "createdAt": to_iso(link.created_at),
            "updatedAt": to_iso(link.updated_at),
        }


def _uploads(user: User) -> Iterator[JSONDict]:
    """What there is, not what is in it: contents are downloaded one by one."""
    return map(file_wire, File.objects.owned_by(user).order_by("pk").select_related("blob"))


FILES: dict[str, Callable[[User], Iterator[JSONDict]]] = {
    "projects.ndjson": _projects,
    "bookmarks.ndjson": _bookmarks,
    "presets.ndjson": _presets,
    "memories.ndjson": _memories,
    "prompts.ndjson": _prompts,
    "shared_links.ndjson": _shared_links,
    "files.ndjson": _uploads,
}
