"""What a preset was: every change with who, when, why, and what differs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.models import Group
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.fields import PARAMETERS
from presets.models import Preset, PresetVersion

VERSIONS_SHOWN = 200
_NESTED = ("parameters", "bounds")
_LABELS = {
    "icon_url": "Icon",
    "menu_group": "Menu folder",
    "menu_group_icon": "Icon of the folder",
    "slug": "Short name",
    "extends_id": "Extends",
    "owner_group_id": "Managed by",
    "is_active": "Active",
    "locked": "Locked",
    "model_label": "Name of the assistant",
    "cache_seconds": "Remember answers for (seconds)",
}


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """Empty text: nothing was set."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    version: int
    who: str
    at: datetime
    reason: str
    changes: tuple[FieldDiff, ...]
    is_current: bool


def show(admin: Any, request: HttpRequest, preset: Preset) -> HttpResponse:
    admin.require_view(request, preset)
    may_change = admin.has_change_permission(request, preset)
    context = {
        **admin.admin_site.each_context(request),
        "title": f"History of “{preset}”",
        "opts": Preset._meta,
        "original": preset,
        "preset": preset,
        "may_change": may_change,
        # Those who may not change a preset do not read what was in it (system messages).
        "lines": version_lines(preset) if may_change else [],
    }
    return TemplateResponse(request, "presets/admin/history.html", context)


def version_lines(preset: Preset) -> list[VersionLine]:
    """Newest first."""
    rows = preset.versions.select_related("user").order_by("-version")
    versions = list(rows[: VERSIONS_SHOWN + 1])
    names = _names(versions)
    older: list[PresetVersion | None] = [*versions[1:], None]
    lines = [
        VersionLine(
            version=row.version,
            who=str(row.user or "the server"),
            at=row.created_at,
            reason=row.reason,
            changes=diff(before.fields if before else {}, row.fields, names),
            is_current=row.version == preset.version,
        )
        for row, before in zip(versions, older, strict=True)
    ]
    return lines[:VERSIONS_SHOWN]


def _names(versions: list[PresetVersion]) -> dict[JSONValue, str]:
    """What ids in the versions stand for."""
    presets = {row.fields.get("extends_id") for row in versions} - {None}
    groups = {row.fields.get("owner_group_id") for row in versions} - {None}
    return {
        **{row.pk: str(row) for row in Preset.objects.filter(pk__in=presets)},
        **{row.pk: str(row) for row in Group.objects.filter(pk__in=groups)},
    }


def diff(before: JSONDict, after: JSONDict, names: dict[JSONValue, str]) -> tuple[FieldDiff, ...]:
    """The fields that differ, parameters and bounds one by one."""
    old, new = _readable(before), _readable(after)
    return tuple(
        FieldDiff(label_of(name), text_of(old.get(name), names), text_of(new.get(name), names))
        for name in dict.fromkeys((*new, *old))
        if _given(old.get(name)) != _given(new.get(name))
    )


def _given(value: JSONValue) -> JSONValue:
    return None if value in ("", [], {}) else value


def _readable(fields: JSONDict) -> JSONDict:
    """Nested fields as fields of their own, locks under the names people know."""
    flat = {name: value for name, value in fields.items() if name not in _NESTED}
    flat["locked"] = [label_of(f"parameters.{name}") for name in fields.get("locked") or []]
    flat["tools"] = field_text("tools", fields.get("tools"))
    for outer in _NESTED:
        inner = fields.get(outer) or {}
        flat |= {f"{outer}.{name}": value for name, value in inner.items()}
    return flat


def label_of(name: str) -> str:
    outer, _, inner = name.partition(".")
    if not inner:
        return _LABELS.get(name, name.replace("_", " ").capitalize())
    label = PARAMETERS[inner].label if inner in PARAMETERS else label_of(inner)
    return f"Bounds of {label}" if outer == "bounds" else label


def field_text(name: str, value: JSONValue) -> str:
    """As people read it; of tools, ``{}`` sets nothing and an empty list allows none of them."""
    if name != "tools" or not isinstance(value, dict) or not value:
        return text_of(value)
    allowed = value.get("allowed_tools")
    if value.get("enabled") is False or allowed == []:
        return "none"
    return "all" if allowed is None else "only " + ", ".join(allowed)


def text_of(value: JSONValue, names: dict[JSONValue, str] | None = None) -> str:
    """A value as people read it; an empty one as nothing."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return "\n".join(text_of(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {text_of(item)}" for key, item in value.items())
    if names and value in names:
        return names[value]
    return str(value)
