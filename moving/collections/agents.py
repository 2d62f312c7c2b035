"""Agents: presets for those who may use them. What a preset cannot hold is kept, and said."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from accounts.models.stamp import changing_rules
from files.models import File
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.json import JSONDict, JSONValue
from moving import paths
from moving.collections.base import Collection
from moving.collections.files import avatar_row, store_files
from moving.collections.giving import give
from moving.fitting import fitting_texts
from moving.job import Job
from moving.keeping import keep
from moving.rows import Row, insert
from moving.sources import Document
from moving.table import SEVERAL, Table
from moving.tally import Tally
from moving.values import (
    created_at,
    document_id,
    items,
    members,
    rows,
    text,
    texts,
    updated_at,
)
from presets.fields import LOOKS, PARAMETERS
from presets.foreign import short_name
from presets.models import Preset, PresetVersion, default_locked
from presets.services import snapshot_fields
from presets.spelling import parameter_name
from presets.validation import (
    MAX_STARTER_LENGTH,
    MAX_STARTERS,
    clean_parameters,
    value_problem,
)

FOLDER = "Agents"
REASON = "An agent of LibreChat"
NO_MODEL = "it has no model, so nobody can use it"
TOO_MANY_STARTERS = f"only the first {MAX_STARTERS} of its starters are here"
WITHOUT = "“{}” is here without its {} (kept)"
_COLUMNS = ("max_output_tokens", "max_context_tokens")
# What administrators decide here of a preset that is here already.
KEPT = (
    "slug", "menu_group", "menu_group_icon", "greeting", "model_label", "bounds", "locked", "tools",
    "cache_seconds", "extends_id", "owner_group_id", "is_active", *LOOKS,
)  # fmt: skip
TABLE = Table(Preset, ("id",), kept=KEPT)
# Members of an agent that a preset has nothing for → what to call them.
_UNTAKEN = {
    "artifacts": "artifacts",
    "subagents": "other agents",
    "hide_sequential_outputs": "hidden steps",
    "end_after_tools": "end after tools",
    "recursion_limit": "limit of steps",
    "memory_scope": "memories of its own",
    "support_contact": "contact",
}


def write(documents: Sequence[Document], job: Job) -> None:
    only = [each for each in documents if _is_newest(each.data, job)]
    owned = [(each, owner) for each in only if (owner := job.owner(each.data, "author"))]
    keep("agents", owned, job)
    with changing_rules():
        written = TABLE.store(_rows(owned, job), job.tally)
        remember_versions(written)
        job.here.add(Preset, (row["id"] for row in written))
        changed = {row["id"] for row in written}
        fresh = [(each.data, owner) for each, owner in owned if document_id(each.data) in changed]
        _give_as_before(fresh, job)
    _store_avatars(fresh, job)
    for data, _ in fresh:
        _tell(data, job)
    for row in written:
        job.agents[row["slug"]] = (row["endpoint"], row["model"])


def _is_newest(document: JSONDict, job: Job) -> bool:
    """Chats know agents by their names, so of several with one name the newest counts."""
    pk = document_id(document)
    is_newest = job.ahead.agents.get(text(document, "id"), pk) == pk
    if not is_newest:
        job.tally.merged += 1
        job.tally.note(SEVERAL, pk)
    return is_newest


def _rows(owned: Sequence[tuple[Document, str]], job: Job) -> list[Row]:
    pks = [document_id(each.data) for each, _ in owned]
    versions = dict(Preset.objects.filter(pk__in=pks).values_list("pk", "version"))
    return [
        {**_columns(each.data, owner, job), "version": versions.get(document_id(each.data), 0) + 1}
        for each, owner in owned
    ]


def _columns(document: JSONDict, owner: str, job: Job) -> Row:
    name = text(document, "id") or document_id(document)
    return {
        "id": document_id(document),
        "slug": short_name(name),
        "name": text(document, "name") or FOLDER[:-1],
        "description": text(document, "description"),
        "icon_url": paths.moved(_picture(document), owner),
        "menu_group": FOLDER,
        "conversation_starters": _starters(document, job),
        "endpoint": job.options.endpoint(text(document, "provider")),
        "model": text(document, "model"),
        "system_message": text(document, "instructions"),
        **_parameters(document),
        **_our_own(),
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


def _our_own() -> Row:
    """What an agent says nothing of."""
    return {
        **dict.fromkeys(("menu_group_icon", "greeting", "model_label"), ""),
        **dict.fromkeys(("cache_seconds", "extends_id", "owner_group_id", *LOOKS)),
        "bounds": {},
        "locked": default_locked(),
        "tools": {},
        "is_active": True,
    }


def _starters(document: JSONDict, job: Job) -> list[str]:
    said = fitting_texts(document, "conversation_starters", MAX_STARTER_LENGTH, job.tally)
    if len(said) > MAX_STARTERS:
        job.tally.repair(TOO_MANY_STARTERS, document_id(document))
    return said[:MAX_STARTERS]


def _picture(document: JSONDict) -> str:
    return text(members(document.get("avatar")), "filepath")


def _parameters(document: JSONDict) -> JSONDict:
    """The columns of those this server knows, where their values are ones."""
    found = {parameter_name(each): value for each, value in _said(document)}
    good = {n: v for n, v in found.items() if n in PARAMETERS and _is_good(n, v)}
    cleaned = clean_parameters(good)
    columns = {name: cleaned.pop(name, None) for name in _COLUMNS}
    return {**columns, "parameters": cleaned}


def _said(document: JSONDict) -> Iterator[tuple[str, JSONValue]]:
    for name, value in members(document.get("model_parameters")).items():
        if value not in (None, "", []) and name != "model":
            yield name, value


def _is_good(name: str, value: JSONValue) -> bool:
    return value_problem(PARAMETERS[name], value) is None


def remember_versions(written: Sequence[Row]) -> None:
    """A version each, as presets have."""
    versions = [
        {
            "id": new_object_id(),
            "preset_id": preset.pk,
            "version": preset.version,
            "fields": snapshot_fields(preset),
            "reason": REASON,
            "user_id": None,
            "created_at": preset.updated_at,
        }
        for preset in Preset.objects.filter(pk__in=[row["id"] for row in written])
    ]
    insert(PresetVersion, versions)


def _give_as_before(fresh: Sequence[tuple[JSONDict, str]], job: Job) -> None:
    """To whom the source gives it is said by entries; by the agent itself where there are none."""
    for data, owner in fresh:
        if not (text(data, "provider") and text(data, "model")):
            job.tally.note(NO_MODEL, document_id(data), is_lost=True)
        elif document_id(data) not in job.ahead.shared:
            give(document_id(data), user=owner)
            if text(data, "id") in job.ahead.everybodys:
                give(document_id(data))


def _store_avatars(fresh: Sequence[tuple[JSONDict, str]], job: Job) -> None:
    """Their pictures are files here; counted with nobody's documents."""
    found = [
        (row, picture)
        for data, owner in fresh
        if (picture := _picture(data))
        and (row := avatar_row({**data, "avatar": picture}, owner)) is not None
    ]
    here = set(File.objects.filter(pk__in=[row["id"] for row, _ in found]).values_list("pk"))
    locations = {row["id"]: paths.location(picture) for row, picture in found}
    new = [row for row, _ in found if (row["id"],) not in here]
    store_files(new, locations, replace(job, tally=Tally()))


def _tell(document: JSONDict, job: Job) -> None:
    """One line for each agent: what it does not have here."""
    missing = list(_missing(document))
    if missing:
        name = text(document, "name") or document_id(document)
        job.tally.note(WITHOUT.format(name, "; ".join(missing)), document_id(document))


def _missing(document: JSONDict) -> Iterator[str]:
    if tools := _tools(document):
        yield f"tools {', '.join(tools)}"
    if actions := texts(document.get("actions")):
        yield f"actions {', '.join(actions)}"
    if files := list(_files(document)):
        yield f"files {', '.join(files)}"
    if rows(document.get("edges")) or texts(document.get("agent_ids")):
        yield "chain of agents"
    if skills := texts(document.get("skills")):
        yield f"skills {', '.join(skills)}"
    for name, value in _said(document):
        if parameter_name(name) not in PARAMETERS or not _is_good(parameter_name(name), value):
            yield f"parameter {name}"
    yield from (words for name, words in _UNTAKEN.items() if document.get(name))


def _tools(document: JSONDict) -> list[str]:
    """Old versions have objects in place of names."""
    every = items(document.get("tools"))
    return texts([text(members(each), "pluginKey") or each for each in every])


def _files(document: JSONDict) -> Iterator[str]:
    for resource, held in members(document.get("tool_resources")).items():
        for file_id in items(members(held).get("file_ids")):
            if isinstance(file_id, str):
                yield f"{file_id} ({resource})"


AGENTS = Collection("agents", write, TABLE)
