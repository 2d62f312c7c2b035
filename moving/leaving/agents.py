"""Agents, as their presets are by now, and who may use them."""

from accounts.access_roles import PrincipalType, ResourceType
from librechat_backend.lib.json import JSONDict
from moving.collections.entries import NAME as ENTRIES
from moving.leaving.kept import document_of, kept_rows
from moving.leaving.leave import Leave, Leaving, Rows, derived_id
from moving.models import KeptDocument
from moving.targets import Id
from presets.fields import Dialect, to_wire
from presets.models import Assignment, Preset

_DIALECTS = {"anthropic": Dialect.ANTHROPIC, "google": Dialect.GOOGLE}
_MODELS = {
    PrincipalType.USER: "User", PrincipalType.GROUP: "Group", PrincipalType.ROLE: "Role",
}  # fmt: skip


def _agents(leave: Leave) -> Rows:
    """Those whose presets are still here."""
    return kept_rows("agents", leave).filter(document_id__in=Preset.objects.values("pk"))


def _agent(row: KeptDocument, leave: Leave) -> JSONDict:
    document = document_of(row, leave)
    preset = Preset.objects.get(pk=row.document_id)
    return document | _changed(preset) if preset.updated_at > row.changed_at else document


def _changed(preset: Preset) -> JSONDict:
    """What can have been changed here since."""
    limits = {name: getattr(preset, name) for name in ("max_output_tokens", "max_context_tokens")}
    said = preset.parameters | {name: value for name, value in limits.items() if value is not None}
    return {
        "name": preset.name,
        "description": preset.description,
        "instructions": preset.system_message,
        "provider": preset.endpoint,
        "model": preset.model,
        "model_parameters": to_wire(said, _DIALECTS.get(preset.endpoint, Dialect.OPENAI)),
        "conversation_starters": preset.conversation_starters,
        "updatedAt": preset.updated_at,
    }


AGENTS = Leaving("agents", _agents, _agent)


def _entries(leave: Leave) -> Rows:
    return kept_rows(ENTRIES, leave)


def _entry(row: KeptDocument, leave: Leave) -> JSONDict | None:
    """Of agents, those whose presets are still given."""
    document = document_of(row, leave)
    kind, name = document["principalType"], str(document.get("principalId") or "")
    is_given = (str(document["resourceId"]), kind, name) in leave.given
    is_about_agent = document["resourceType"] == ResourceType.AGENT
    if is_about_agent and not is_given:
        leave.tally.skip("its preset was taken away here", row.document_id)
        return None
    leave.entered.add((str(document["resourceId"]), kind, name))
    return document


KEPT_ACCESS = Leaving(ENTRIES, _entries, _entry)


def _assignments(leave: Leave) -> Rows:
    agents = _agents(leave).values("document_id")
    given = Assignment.objects.filter(preset__in=agents, effect=Assignment.Effect.ALLOW)
    return given.filter(is_active=True).select_related("group")


def _assignment(row: Assignment, leave: Leave) -> JSONDict | None:
    """Given here, or by an agent from before there were entries: others have come along."""
    kind, name = leave.principal_of(row)
    if (row.preset_id, kind.value, name) in leave.entered:
        leave.tally.merged += 1
        return None
    whom_id = name if kind is PrincipalType.ROLE else Id(name)
    whom = {"principalId": whom_id, "principalModel": _MODELS[kind]} if name else {}
    return {
        "_id": derived_id("assignment", row.pk),
        "principalType": kind.value,
        **whom,
        "resourceType": ResourceType.AGENT.value,
        "resourceId": Id(row.preset_id),
        "permBits": 1,
        "grantedAt": row.created_at,
        "createdAt": row.created_at,
        "updatedAt": row.created_at,
        "__v": 0,
    }


# Behind the entries that were kept.
GIVEN = Leaving(ENTRIES, _assignments, _assignment)
