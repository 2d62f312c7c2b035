"""Presets and who gets them."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from accounts.changes import because
from accounts.models import User
from librechat_backend.lib.errors import InvalidFields, NotFound
from librechat_backend.lib.json import JSONDict
from presets import giving
from presets.api import answers, serializers
from presets.api.bodies import AssignmentBody, NewPresetBody, PresetBody, PrincipalsBody, read_body
from presets.api.lookups import find_principals, preset_or_404
from presets.api.paging import page_of
from presets.api.requests import assignment_options, first_options, preset_fields
from presets.api.schema import operation, paged, query
from presets.api.views.base import AdminView
from presets.models import Assignment, Preset
from presets.permissions import (
    can_manage_preset,
    manageable_presets,
    visible_assignments,
    visible_presets,
)
from presets.services import delete_preset, save_preset

CHANGE, VIEW = "presets.change_preset", "presets.view_preset"


class Presets(AdminView):
    governs = "presets.preset"

    @operation(
        "listPresets",
        "The presets you may change or give",
        answer=answers.PresetPage,
        parameters=[query("search", "Part of the name, short name or model."), *paged()],
    )
    def get(self, request: Request) -> Response:
        user = user_of(request)
        presets = _found(visible_presets(user), request.query_params.get("search", ""))
        page = page_of(presets.select_related("owner_group"), request)
        own, readable = (_ids(manageable_presets(user, verb)) for verb in (CHANGE, VIEW))
        items = (
            serializers.preset_to_wire(
                row, can_change=row.pk in own, is_readable=row.pk in own | readable
            )
            for row in page.rows
        )
        return Response(serializers.page_to_wire("presets", page, items))

    @operation(
        "createPreset",
        "Make a preset, and give it to whom the body names",
        body=NewPresetBody,
        answer=answers.CreatedPreset,
        status=201,
    )
    def post(self, request: Request) -> Response:
        user, body = user_of(request), read_body(NewPresetBody, request)
        preset = giving.create_and_give(
            actor=user,
            fields=preset_fields(user, body),
            principals=find_principals(body),
            options=first_options(body),
            reason=body.get("reason") or "",
        )
        answer = {"success": True, "id": preset.pk, "preset": _detail(user, preset)}
        return Response(answer, status=201)


class PresetDetail(AdminView):
    governs = "presets.preset"

    @operation("getPreset", "A preset with its assignments", answer=answers.OnePreset)
    def get(self, request: Request, preset_id: str) -> Response:
        user = user_of(request)
        return Response({"preset": _detail(user, preset_or_404(user, preset_id))})

    @operation(
        "replacePreset", "Change a preset; what is left out becomes empty",
        body=PresetBody, answer=answers.CreatedPreset,
    )  # fmt: skip
    def put(self, request: Request, preset_id: str) -> Response:
        return self._save(request, preset_id, is_whole=True)

    @operation(
        "changePreset", "Change some fields of a preset",
        body=PresetBody, answer=answers.CreatedPreset,
    )  # fmt: skip
    def patch(self, request: Request, preset_id: str) -> Response:
        return self._save(request, preset_id, is_whole=False)

    @operation(
        "deletePreset", "Delete a preset with its history", answer=answers.Done, can_conflict=True
    )
    def delete(self, request: Request, preset_id: str) -> Response:
        user = user_of(request)
        delete_preset(actor=user, preset=preset_or_404(user, preset_id))
        return Response({"success": True})

    def _save(self, request: Request, preset_id: str, *, is_whole: bool) -> Response:
        user, body = user_of(request), read_body(PresetBody, request)
        preset = save_preset(
            actor=user,
            preset=preset_or_404(user, preset_id),
            fields=preset_fields(user, body, is_whole=is_whole),
            reason=body.get("reason") or "",
        )
        return Response({"success": True, "id": preset.pk, "preset": _detail(user, preset)})


class PresetAssignments(AdminView):
    governs = "presets.assignment"

    @operation(
        "assignPreset", "Give a preset; twice is once",
        body=AssignmentBody, answer=answers.Assigned,
    )  # fmt: skip
    def post(self, request: Request, preset_id: str) -> Response:
        defaults = {"effect": Assignment.Effect.ALLOW, "is_active": True}
        return self._give(request, preset_id, defaults)

    @operation(
        "changeAssignments", "Change how a preset is given",
        body=AssignmentBody, answer=answers.Assigned,
    )  # fmt: skip
    def patch(self, request: Request, preset_id: str) -> Response:
        return self._give(request, preset_id, None)

    @operation("removeAssignments", "As unassign", body=PrincipalsBody, answer=answers.Unassigned)
    def delete(self, request: Request, preset_id: str) -> Response:
        return take_preset(request, preset_id)

    def _give(
        self, request: Request, preset_id: str, defaults: Mapping[str, Any] | None
    ) -> Response:
        user, body = user_of(request), read_body(AssignmentBody, request)
        preset, principals = preset_or_404(user, preset_id), _somebody(body)
        if defaults is None:
            _require_assigned(preset, principals)
        options = assignment_options({**(defaults or {}), **body})
        with because(body.get("reason")):
            rows = giving.give(actor=user, preset=preset, principals=principals, **options)
        return Response(
            {"success": True, "assignments": [serializers.assignment_to_wire(row) for row in rows]}
        )


class PresetUnassignments(AdminView):
    governs = "presets.assignment"

    @operation(
        "unassignPreset", "Remove assignments; twice is once",
        body=PrincipalsBody, answer=answers.Unassigned,
    )  # fmt: skip
    def post(self, request: Request, preset_id: str) -> Response:
        return take_preset(request, preset_id)


def take_preset(request: Request, preset_id: str) -> Response:
    user, body = user_of(request), read_body(PrincipalsBody, request)
    preset = preset_or_404(user, preset_id)
    with because(body.get("reason")):
        removed = giving.take(actor=user, preset=preset, principals=_somebody(body))
    return Response({"success": True, "removed": removed})


def _somebody(body: JSONDict) -> giving.Principals:
    principals = find_principals(body)
    if not list(principals):
        raise InvalidFields(
            {"__all__": ["Say who: userId, groupId, userIds, groupIds or everyone."]}
        )
    return principals


def _require_assigned(preset: Preset, principals: giving.Principals) -> None:
    for each in principals:
        rows = Assignment.objects.filter(
            preset=preset, user=each.get("user"), group=each.get("group")
        )
        if not rows.exists():
            raise NotFound("Assignment not found")


def _found(presets: QuerySet[Preset], search: str) -> QuerySet[Preset]:
    presets = presets.order_by("name", "slug", "pk")
    if not search:
        return presets
    return presets.filter(
        Q(name__icontains=search) | Q(slug__icontains=search) | Q(model__icontains=search)
    )


def _ids(presets: QuerySet[Preset]) -> set[str]:
    return set(presets.values_list("pk", flat=True))


def _detail(user: User, preset: Preset) -> JSONDict:
    can_change, can_view = (can_manage_preset(user, preset, verb) for verb in (CHANGE, VIEW))
    wire = serializers.preset_to_wire(
        preset, can_change=can_change, is_readable=can_change or can_view
    )
    rows = visible_assignments(user).filter(preset=preset).select_related("user", "group")
    return wire | {"assignments": [serializers.assignment_to_wire(row) for row in rows]}
