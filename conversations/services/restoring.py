"""What an archive of this server holds besides chats → rows; what is here already stays so."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from uuid import uuid5

from accounts.models import User
from conversations.imports.files import ChatFile
from conversations.imports.reading import Broken, read_elements
from conversations.imports.values import line, members, text, texts
from conversations.models import Project, Prompt, PromptGroup
from conversations.models.project import PROJECT_DESCRIPTION_MAX_LENGTH, PROJECT_NAME_MAX_LENGTH
from conversations.models.prompt import (
    CATEGORY_MAX_LENGTH,
    COMMAND_MAX_LENGTH,
    NAME_MAX_LENGTH,
    ONELINER_MAX_LENGTH,
)
from conversations.models.tag import TAG_DESCRIPTION_MAX_LENGTH, TAG_MAX_LENGTH
from conversations.services import prompts
from conversations.services.memories import create_memory
from conversations.services.projects import create_project
from conversations.services.storing import NAMESPACE
from conversations.services.tags import create_tag
from librechat_backend.lib.errors import AppError, Conflict
from librechat_backend.lib.json import JSONDict
from presets.models import PersonalPreset
from presets.personal import save_personal_preset

ROWS_MAX = 10_000
COMMAND = re.compile("[a-z0-9-]*")  # contract 03 §1.7


@dataclass(slots=True)
class Restored:
    """``projects``: what they were called in the archive → the user's own. ``refused``: name and
    reason of what could not be taken.
    """

    projects: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    # Groups of prompts of the archive → the user's own, empty for those that were here before.
    groups: dict[str, str] = field(default_factory=dict)


def restore(*, user: User, files: Mapping[str, ChatFile]) -> Restored:
    """``files`` by the names in PARTS. One that cannot be read keeps nothing else from coming."""
    restored = Restored()
    for name in PARTS:
        if name in files:
            try:
                _restore(user, files[name], restored)
            except Broken as error:
                restored.refused.append((name, str(error)))
    return restored


def _restore(user: User, file: ChatFile, restored: Restored) -> None:
    """Raises Broken."""
    for found in islice(read_elements(file.open, lambda _: None), ROWS_MAX):
        try:
            PARTS[file.name](user, members(found.value), restored)
        except Conflict:
            continue  # it is here already
        except AppError as error:
            restored.refused.append((file.name, str(error)))


def _project(user: User, row: JSONDict, restored: Restored) -> None:
    name = line(row.get("name"), PROJECT_NAME_MAX_LENGTH)
    if not name:
        return
    own = Project.objects.owned_by(user)
    known = own.filter(pk=text(row.get("_id"), 24)).first() or own.filter(name=name).first()
    description = text(row.get("description"), PROJECT_DESCRIPTION_MAX_LENGTH)
    pk = known.pk if known else create_project(user=user, name=name, description=description)
    restored.projects[text(row.get("_id"))] = pk


def _bookmark(user: User, row: JSONDict, restored: Restored) -> None:
    if name := line(row.get("tag"), TAG_MAX_LENGTH):
        description = text(row.get("description"), TAG_DESCRIPTION_MAX_LENGTH)
        create_tag(user=user, name=name, description=description)


def _preset(user: User, row: JSONDict, restored: Restored) -> None:
    """Its id may be somebody else's here: ids of presets are for all."""
    preset_id = text(row.get("presetId"))
    derived = str(uuid5(NAMESPACE, f"{user.pk}\x00preset:{preset_id}"))
    ids = [preset_id, derived]
    if PersonalPreset.objects.filter(user=user, preset_id__in=ids).exists():
        return
    is_taken = PersonalPreset.objects.filter(preset_id=preset_id).exists()
    body = {**row, "presetId": derived if is_taken or not preset_id else preset_id}
    save_personal_preset(user=user, body=body)


def _memory(user: User, row: JSONDict, restored: Restored) -> None:
    agent_id = text(row.get("agentId"), 64)
    create_memory(
        user=user, key=text(row.get("key")), value=text(row.get("value")), agent_id=agent_id
    )


def _prompt(user: User, row: JSONDict, restored: Restored) -> None:
    """A version; the first of a group makes the group, unless there is one of its name."""
    archived, name = text(row.get("groupId")), line(row.get("name"), NAME_MAX_LENGTH)
    kind = Prompt.Kind.CHAT if row.get("type") == Prompt.Kind.CHAT else Prompt.Kind.TEXT
    version = prompts.Version(text(row.get("prompt")), kind)
    if not name or not version.text:
        return
    if archived not in restored.groups:
        is_here = PromptGroup.objects.filter(user=user, name=name).exists()
        restored.groups[archived] = "" if is_here else _new_group(user, name, row, version)
    elif group_id := restored.groups[archived]:
        prompt = prompts.add_version(user=user, group_id=group_id, version=version)
        if row.get("isProduction") is True:
            prompts.put_in_use(user=user, prompt_id=prompt.pk)


def _new_group(user: User, name: str, row: JSONDict, version: prompts.Version) -> str:
    command = line(row.get("command"), COMMAND_MAX_LENGTH)
    columns = {
        "name": name,
        "oneliner": line(row.get("oneliner"), ONELINER_MAX_LENGTH),
        "category": line(row.get("category"), CATEGORY_MAX_LENGTH),
        "command": command if COMMAND.fullmatch(command) else "",
    }
    group = prompts.create_group(user=user, version=version, columns=columns)
    labels = texts(row.get("labels"), count=20, length=60)
    if labels and group.production_id:
        prompts.set_labels(user=user, prompt_id=group.production_id, labels=labels)
    return str(group.pk)


PARTS: dict[str, Callable[[User, JSONDict, Restored], None]] = {
    "projects.ndjson": _project,
    "bookmarks.ndjson": _bookmark,
    "presets.ndjson": _preset,
    "memories.ndjson": _memory,
    "prompts.ndjson": _prompt,
}
