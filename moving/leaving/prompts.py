"""The library of prompts."""

from conversations.models import Prompt, PromptGroup
from librechat_backend.lib.json import JSONDict
from moving.leaving.leave import Leave, Leaving, Rows, said
from moving.targets import Id


def _groups(leave: Leave) -> Rows:
    return leave.owned(PromptGroup.objects.all())


def _group(group: PromptGroup, leave: Leave) -> JSONDict:
    return {
        "_id": Id(group.pk),
        "name": group.name,
        "author": Id(group.user_id),
        "authorName": group.author_name,
        "oneliner": group.oneliner,
        "category": group.category,
        "numberOfGenerations": group.usage_count,
        **said(command=group.command),
        **({"productionId": Id(group.production_id)} if group.production_id else {}),
        "createdAt": group.created_at,
        "updatedAt": group.updated_at,
        "__v": 0,
    }


PROMPT_GROUPS = Leaving("promptgroups", _groups, _group)


def _prompts(leave: Leave) -> Rows:
    return leave.owned(Prompt.objects.all(), "group__user")


def _prompt(prompt: Prompt, leave: Leave) -> JSONDict:
    """It may have lost its author; its group has one."""
    return {
        "_id": Id(prompt.pk),
        "groupId": Id(prompt.group_id),
        **({"author": Id(prompt.user_id)} if prompt.user_id else {}),
        "prompt": prompt.text,
        "type": prompt.kind,
        **({"labels": prompt.labels} if prompt.labels else {}),
        "createdAt": prompt.created_at,
        "updatedAt": prompt.updated_at,
        "__v": 0,
    }


PROMPTS = Leaving("prompts", _prompts, _prompt)
