"""Changes of presets, of who gets them, and of the rules.

``actor`` is who changes it, None the server itself (a command). All raise Forbidden where the
actor may not, and a subclass of InvalidFields with what is wrong beside each field. Nothing is
saved unless everything is right.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.text import slugify

from accounts.changes import REASON_MAX_LENGTH, Kind, given_reason, remember
from accounts.group_permissions import require
from accounts.models import Group, User
from accounts.models.stamp import changing_rules
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso
from presets import permissions, validation
from presets.exceptions import InvalidAssignment, InvalidPreset, PresetInUse
from presets.fields import LOOKS
from presets.gone import gone
from presets.models import Assignment, Preset, PresetVersion
from presets.resolution import lineage, merge
from presets.snapshot import preset_data
from presets.startup import offered_endpoints

# The columns people set, and a version remembers; ``extends`` and ``owner_group`` besides.
COLUMNS = (
    "slug", "name", "description", "icon_url", "menu_group", "menu_group_icon",
    "conversation_starters", "endpoint", "model", "system_message", "greeting", "model_label",
    "parameters", "bounds", "locked", "tools", "max_output_tokens", "max_context_tokens",
    "cache_seconds", "is_active", *LOOKS,
)  # fmt: skip
FIELDS = (*COLUMNS, "extends", "owner_group")
_TOKEN_COLUMNS = ("max_output_tokens", "max_context_tokens")


# Stands in the history for whoever the subject names.
A_PERSON = "a person"


class AssignmentOptions(TypedDict, total=False):
    effect: str
    is_final: bool
    priority: int
    is_default: bool
    is_active: bool
    starts_at: datetime | None
    ends_at: datetime | None
    rollout_percent: int


# -- Presets ---------------------------------------------------------------------------------


def save_preset(
    *,
    actor: User | None,
    preset: Preset | None,
    fields: Mapping[str, Any],
    reason: str = "",
    new_id: str = "",
) -> Preset:
    """A new preset for None, else ``preset`` with ``fields`` changed; what they leave out stays.

    ``fields`` are named as in FIELDS; ``extends`` is a Preset or None, ``owner_group`` a Group or
    None. ``new_id`` is of a new preset, for those who remember it by one. Parameters replace all
    parameters. A change makes a new version; none makes none.
    Raises InvalidPreset.
    """
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise InvalidPreset({name: [f"A preset has no “{name}”."] for name in unknown})
    with changing_rules():
        row = _current(preset) if preset else Preset(**({"pk": new_id} if new_id else {}))
        old = None if preset is None else snapshot_fields(row)
        # Before the change: whoever may not change this preset cannot make it theirs.
        _require_change(actor, row, is_new=preset is None)
        _apply(row, fields)
        _require_references(actor, row, fields, is_new=preset is None)
        _validate(row, is_new=preset is None)
        _require_model(actor, row, fields)
        if snapshot_fields(row) != old:
            _save_version(row, actor, reason)
        return row


def revert_preset(*, actor: User | None, preset: Preset, version: int, reason: str = "") -> Preset:
    """``preset`` as it was in ``version``, as a new version. Who manages it stays."""
    then = PresetVersion.objects.filter(preset_id=preset.pk, version=version).first()
    if then is None:
        raise InvalidPreset({"version": [f"“{preset}” has no version {version}."]})
    fields = {name: then.fields[name] for name in COLUMNS if name in then.fields}
    extends_id = then.fields.get("extends_id")
    fields["extends"] = Preset.objects.filter(pk=extends_id).first() if extends_id else None
    if extends_id and fields["extends"] is None:
        raise InvalidPreset({"extends": ["What it extended then has been deleted."]})
    return save_preset(
        actor=actor, preset=preset, fields=fields, reason=reason or f"Back to version {version}"
    )


def duplicate_preset(
    *, actor: User | None, preset: Preset, slug: str = "", name: str = ""
) -> Preset:
    """A copy that nobody is given yet."""
    require(actor is None or permissions.can_manage_preset(actor, preset))
    fields = {column: getattr(preset, column) for column in COLUMNS}
    fields |= {
        "extends": preset.extends,
        "owner_group": preset.owner_group,
        "name": name or f"{preset} (copy)"[:200],
        "slug": slug or free_slug(f"{preset.slug}-copy"),
    }
    reason = f"Copy of “{preset}”, version {preset.version}"
    return save_preset(actor=actor, preset=None, fields=fields, reason=reason)


def delete_preset(*, actor: User | None, preset: Preset) -> None:
    """With its history and assignments. Raises PresetInUse while others extend it."""
    with changing_rules():
        preset = _current(preset)
        permission = "presets.delete_preset"
        require(actor is None or permissions.can_manage_preset(actor, preset, permission))
        extensions = ", ".join(f"“{extension}”" for extension in preset.extensions.all())
        if extensions:
            raise PresetInUse(
                f"“{preset}” is extended by {extensions}. Change or delete them first."
            )
        for row in preset.assignments.select_related("preset", "group", "user"):
            remember_assignment(actor, row, assignment_state(row), None)
        preset.delete()


def snapshot_fields(preset: Preset) -> JSONDict:
    """What a version remembers."""
    fields = {name: getattr(preset, name) for name in COLUMNS}
    return fields | {"extends_id": preset.extends_id, "owner_group_id": preset.owner_group_id}


def default_fields() -> JSONDict:
    """Of a preset that says nothing but its short name; a fresh copy."""
    columns = (column for column in COLUMNS if column != "slug")
    defaults = {column: Preset._meta.get_field(column).get_default() for column in columns}  # type: ignore[union-attr]
    return defaults | {"extends": None}


def free_slug(name: str) -> str:
    """A short name for ``name`` that no preset has."""
    base = slugify(name)[:90] or "preset"
    taken = set(Preset.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (base, *numbered) if slug not in taken)


def _current(preset: Preset) -> Preset:
    """As it is now that nobody else can change it."""
    current = Preset.objects.select_related("extends", "owner_group").filter(pk=preset.pk).first()
    if current is None:
        raise InvalidPreset({"__all__": [f"“{preset}” has been deleted."]})
    return current


def _require_change(actor: User | None, row: Preset, *, is_new: bool) -> None:
    if actor is not None and not is_new:
        require(permissions.can_manage_preset(actor, row))


def _require_references(
    actor: User | None, row: Preset, fields: Mapping[str, Any], *, is_new: bool
) -> None:
    """A preset is put below, and made of, only what the actor may use."""
    if actor is None:
        return
    permission = f"presets.{'add' if is_new else 'change'}_preset"
    require(permissions.can_own_preset(actor, row.owner_group_id, permission))
    if fields.get("extends") is not None:
        require(permissions.can_extend(actor, fields["extends"]), "You may not extend this preset.")


def _require_model(actor: User | None, row: Preset, fields: Mapping[str, Any]) -> None:
    """Nobody gives others a model they may not use themselves."""
    if actor is None or not fields.keys() & {"endpoint", "model", "extends"}:
        return
    presets = {preset.id: preset_data(preset) for preset in Preset.objects.all()}
    new = preset_data(row)
    merged, _, _ = merge(lineage(new, {**presets, row.id: new}))
    endpoint, model = merged.get("endpoint"), merged.get("model")
    if endpoint and model and not permissions.can_use_model(actor, endpoint, model):
        raise InvalidPreset({"model": ["You may not use this model yourself."]})


def _apply(row: Preset, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    if not row.slug:
        row.slug = free_slug(row.name)
    if not isinstance(row.parameters, dict):
        raise InvalidPreset({"parameters": ["Enter a value for each parameter."]})
    parameters = validation.clean_parameters(row.parameters)
    for name in _TOKEN_COLUMNS:
        value = parameters.pop(name, None)
        if value is not None and fields.get(name) is None:
            setattr(row, name, value)
    row.parameters = parameters


def _validate(row: Preset, *, is_new: bool) -> None:
    """Raises InvalidPreset."""
    forms = (
        _column_errors(row),
        validation.unknown_names(row.parameters),
        validation.bounds_errors(row.bounds),
        validation.locked_errors(row.locked),
    )
    errors = {field: messages for form in forms for field, messages in form.items()}
    if not errors:  # else it cannot even be read
        presets = {preset.id: preset_data(preset) for preset in Preset.objects.all()}
        old = None if is_new else presets.pop(row.id, None)
        new = preset_data(row)
        errors = validation.preset_errors(new, old, {**presets, row.id: new}, offered_endpoints())
    if errors:
        raise InvalidPreset(errors)


def _column_errors(row: Preset) -> validation.Errors:
    """Lengths, forms and types of the columns."""
    try:
        row.clean_fields(exclude=["extends", "owner_group", "version"])
    except ValidationError as error:
        return error.message_dict
    return {}


def _save_version(row: Preset, actor: User | None, reason: str) -> None:
    is_new = row._state.adding
    row.version = 1 if is_new else row.version + 1
    row.save()
    PresetVersion.objects.create(
        preset=row,
        version=row.version,
        fields=snapshot_fields(row),
        reason=(reason or given_reason())[:REASON_MAX_LENGTH],
        user=actor,
    )


# -- Assignments -----------------------------------------------------------------------------


def assign_preset(
    *,
    actor: User | None,
    preset: Preset,
    group: Group | None = None,
    user: User | None = None,
    everyone: bool = False,
    **options: Unpack[AssignmentOptions],
) -> Assignment:
    """Give ``preset`` to one of group, user, everyone, or change how; twice is once.

    Options that are left out stay as they are. Raises InvalidAssignment.
    """
    _check_principal(group, user, everyone=everyone)
    with changing_rules():
        if missing := gone(preset=preset, group=group, user=user):
            raise InvalidAssignment(missing)
        row = Assignment.objects.filter(preset=preset, group=group, user=user).first()
        permission = f"presets.{'change' if row else 'add'}_assignment"
        require(
            actor is None
            or permissions.can_assign(
                actor, preset, group=group, person=user, permission=permission
            )
        )
        before = assignment_state(row) if row else None
        row = row or Assignment(preset=preset, group=group, user=user)
        _apply_options(row, options)
        _validate_assignment(row)
        row.save()
        remember_assignment(actor, row, before, assignment_state(row))
        return row


def unassign_preset(
    *,
    actor: User | None,
    preset: Preset,
    group: Group | None = None,
    user: User | None = None,
    everyone: bool = False,
) -> bool:
    """Whether there was such an assignment."""
    _check_principal(group, user, everyone=everyone)
    with changing_rules():
        permission = "presets.delete_assignment"
        require(
            actor is None
            or permissions.can_reach(actor, group=group, person=user, permission=permission)
        )
        row = Assignment.objects.filter(preset=preset, group=group, user=user).first()
        if row is None:
            return False
        remember_assignment(actor, row, assignment_state(row), None)
        row.delete()
        return True


def assignment_state(row: Assignment) -> JSONDict:
    """What the history keeps: the options; moments as texts."""
    values = {name: getattr(row, name) for name in AssignmentOptions.__annotations__}
    moments = {
        name: to_iso(values[name]) if values[name] else None for name in ("starts_at", "ends_at")
    }
    return values | moments


def assignment_subject(row: Assignment) -> str:
    """The preset and whom it is given to: a row that comes again goes on with its history."""
    if row.user_id:
        return f"{row.preset_id}:user:{row.user_id}"
    return f"{row.preset_id}:" + (f"group:{row.group.object_id}" if row.group else "everyone")


def remember_assignment(
    actor: User | None, row: Assignment, before: JSONDict | None, after: JSONDict | None
) -> None:
    remember(
        actor=actor,
        kind=Kind.ASSIGNMENT,
        subject=assignment_subject(row),
        # Their address goes with a person who leaves.
        name=f"{row.preset} → {A_PERSON}" if row.user_id else str(row),
        before=before,
        after=after,
    )


def _check_principal(group: Group | None, user: User | None, *, everyone: bool) -> None:
    if (group is not None) + (user is not None) + everyone != 1:
        raise InvalidAssignment({"__all__": ["Choose one: a group, a person, or everyone."]})


def _apply_options(row: Assignment, options: AssignmentOptions) -> None:
    known = AssignmentOptions.__annotations__
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InvalidAssignment({name: [f"An assignment has no “{name}”."] for name in unknown})
    for name, value in options.items():
        setattr(row, name, value)


def _validate_assignment(row: Assignment) -> None:
    errors: validation.Errors = {}
    try:
        row.clean_fields(exclude=["preset", "group", "user"])
    except ValidationError as error:
        raise InvalidAssignment(error.message_dict) from error
    if row.starts_at and row.ends_at and row.ends_at <= row.starts_at:
        errors["ends_at"] = ["This must be after the beginning."]
    gives = row.is_active and row.effect == Assignment.Effect.ALLOW
    if gives and row.is_default and (other := _other_default(row)):
        errors["is_default"] = [f"“{other.preset}” is already the default of {_principal(row)}."]
    if row.is_default and row.effect == Assignment.Effect.DENY:
        errors["is_default"] = ["What is taken away cannot be the default."]
    if gives and (missing := _missing(row.preset)):
        errors["preset"] = [
            f"“{row.preset}” has no {missing}, neither its own nor an inherited one."
        ]
    if errors:
        raise InvalidAssignment(errors)


def _principal(row: Assignment) -> str:
    return f"“{row.user or row.group}”" if row.user or row.group else "everyone"


def _other_default(row: Assignment) -> Assignment | None:
    """Another default of the same principal at the same time."""
    others = Assignment.objects.select_related("preset").filter(
        group=row.group, user=row.user, is_default=True, is_active=True,
        effect=Assignment.Effect.ALLOW,
    )  # fmt: skip
    others = others.exclude(pk=row.pk)
    if row.starts_at:
        others = others.filter(Q(ends_at=None) | Q(ends_at__gt=row.starts_at))
    if row.ends_at:
        others = others.filter(Q(starts_at=None) | Q(starts_at__lt=row.ends_at))
    return others.first()


def _missing(preset: Preset) -> str:
    """What it lacks to be used, of its own and inherited."""
    presets = {each.id: preset_data(each) for each in Preset.objects.all()}
    fields, _, _ = merge(lineage(presets[preset.id], presets))
    return " and no ".join(name for name in ("endpoint", "model") if not fields.get(name))
