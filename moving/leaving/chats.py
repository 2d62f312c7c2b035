"""Chats, messages, and what they are put in order with."""

from typing import Any
from urllib.parse import quote

from django.db.models import F

from conversations.models import Conversation, Message, Project, SharedLink, Tag
from files.models import File
from librechat_backend.lib.ids import is_object_id
from librechat_backend.lib.json import JSONDict
from moving.agent_chats import ORIGIN, agent_there
from moving.leaving.leave import Leave, Leaving, Rows, said
from moving.spec_names import MEMBER, spec_there
from moving.targets import Id
from presets.models import PersonalPreset

# What import_librechat keeps of old versions (moving/collections/messages.py).
LEGACY = "legacy"


def _chats(leave: Leave) -> Rows:
    return leave.owned(Conversation.objects.all())


def _chat(chat: Conversation, leave: Leave) -> JSONDict:
    leave.tags.update((chat.user_id, tag) for tag in set(chat.tags))
    return {
        **_settings(chat, leave),
        "_id": Id(chat.pk),
        "conversationId": chat.conversation_id,
        "user": chat.user_id,
        "title": chat.title,
        "messages": [],
        "tags": chat.tags,
        "files": chat.files,
        "chatProjectId": chat.project_id,
        "isArchived": chat.is_archived,
        "pinned": chat.is_pinned,
        "isTemporary": chat.is_temporary,
        **said(archivedAt=chat.archived_at, expiredAt=chat.expired_at),
        "createdAt": chat.created_at,
        "updatedAt": chat.updated_at,
        "__v": 0,
    }


def _settings(row: Conversation | PersonalPreset, leave: Leave) -> JSONDict:
    settings = {name: v for name, v in row.settings.items() if name not in (MEMBER, ORIGIN)}
    return {**settings, **said(iconURL=row.icon_url), **_where(row, leave)}


def _where(row: Conversation | PersonalPreset, leave: Leave) -> JSONDict:
    agent = agent_there(row.spec, row.settings, leave.agents)
    if agent is not None:
        return agent
    return {
        "endpoint": row.endpoint or None,
        **said(
            endpointType=row.endpoint_type,
            model=row.model,
            spec=spec_there(row.spec, row.settings),
        ),
    }


CONVERSATIONS = Leaving("conversations", _chats, _chat)


def _messages(leave: Leave) -> Rows:
    return leave.owned(Message.objects.annotate(chat_id=F("conversation__conversation_id")))


def _message(message: Any, leave: Leave) -> JSONDict:
    metadata = dict(message.metadata)
    return {
        **metadata.pop(LEGACY, {}),
        "_id": Id(message.pk),
        "messageId": message.message_id,
        "conversationId": message.chat_id,
        "user": message.user_id,
        "parentMessageId": message.parent_message_id,
        "isCreatedByUser": message.is_created_by_user,
        "text": message.text,
        "error": message.error,
        "unfinished": message.unfinished,
        **said(
            sender=message.sender,
            endpoint=message.endpoint,
            model=message.model,
            iconURL=message.icon_url,
            finish_reason=message.finish_reason,
            tokenCount=message.token_count,
            content=message.content,
            feedback=message.feedback,
            expiredAt=message.expired_at,
        ),
        **_lists(message),
        **({"metadata": metadata} if metadata else {}),
        **({"addedConvo": True} if message.is_parallel else {}),
        "isTemporary": message.is_temporary,
        "createdAt": message.created_at,
        "updatedAt": message.updated_at,
        "__v": 0,
    }


def _lists(message: Any) -> JSONDict:
    lists = {
        "files": message.files, "attachments": message.attachments, "quotes": message.quotes,
    }  # fmt: skip
    return {name: items for name, items in lists.items() if items}


MESSAGES = Leaving("messages", _messages, _message)


def _tags(leave: Leave) -> Rows:
    return leave.owned(Tag.objects.all())


def _tag(tag: Tag, leave: Leave) -> JSONDict:
    return {
        "_id": Id(tag.pk),
        "tag": tag.name,
        "user": tag.user_id,
        "description": tag.description,
        "count": leave.tags[tag.user_id, tag.name],
        "position": tag.position,
        "createdAt": tag.created_at,
        "updatedAt": tag.updated_at,
        "__v": 0,
    }


TAGS = Leaving("conversationtags", _tags, _tag)


def _projects(leave: Leave) -> Rows:
    return leave.owned(Project.objects.all())


def _project(project: Project, leave: Leave) -> JSONDict:
    last = project.conversations.order_by("-updated_at").first()
    return {
        "_id": Id(project.pk),
        "name": project.name,
        "description": project.description,
        "user": project.user_id,
        "conversationCount": project.conversations.count(),
        "lastConversationAt": last.updated_at if last else None,
        "lastConversationId": last.conversation_id if last else None,
        "createdAt": project.created_at,
        "updatedAt": project.updated_at,
        "__v": 0,
    }


PROJECTS = Leaving("chatprojects", _projects, _project)


def _presets(leave: Leave) -> Rows:
    return leave.owned(PersonalPreset.objects.all())


def _preset(preset: PersonalPreset, leave: Leave) -> JSONDict:
    return {
        **_settings(preset, leave),
        "_id": Id(preset.pk),
        "presetId": preset.preset_id,
        "user": preset.user_id,
        "title": preset.title,
        **said(order=preset.order),
        **({"defaultPreset": True} if preset.is_default else {}),
        "createdAt": preset.created_at,
        "updatedAt": preset.updated_at,
        "__v": 0,
    }


PRESETS = Leaving("presets", _presets, _preset)


def _links(leave: Leave) -> Rows:
    return leave.owned(SharedLink.objects.select_related("conversation"))


def _link(link: SharedLink, leave: Leave) -> JSONDict:
    return {
        "_id": Id(link.pk),
        "shareId": link.share_id,
        "conversationId": link.conversation.conversation_id,
        "user": link.user_id,
        "title": link.title,
        "messages": [Id(pk) for pk in link.message_ids if is_object_id(pk)],
        **said(targetMessageId=link.target_message_id, expiredAt=link.expired_at),
        "snapshotFiles": link.snapshot_files,
        "fileSnapshots": _snapshots(link),
        "createdAt": link.created_at,
        "updatedAt": link.updated_at,
        "__v": 0,
    }


def _snapshots(link: SharedLink) -> list[JSONDict]:
    """With all LibreChat asks of a file; this server looks it up."""
    ids = [each.get("file_id") for each in link.file_snapshots]
    if not ids:
        return []
    return [
        {
            "file_id": file.file_id,
            "source": "local",
            "filepath": quote(file.path),
            "type": file.media_type,
            "filename": file.filename,
            "bytes": file.byte_count,
        }
        for file in File.objects.filter(user=link.user_id, file_id__in=ids).order_by("pk")
    ]


SHARED_LINKS = Leaving("sharedlinks", _links, _link)
