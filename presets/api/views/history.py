"""What presets, assignments, groups and rules were, and bringing it back."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from accounts.changes import Kind
from accounts.group_permissions import may
from accounts.models import Group, RuleChange, User
from librechat_backend.lib.errors import Forbidden, NotFound
from presets.api import answers, serializers
from presets.api.bodies import RevertAssignmentBody, RevertBody, read_body
from presets.api.lookups import find_group, find_person, group_or_404, preset_or_404
from presets.api.paging import page_of
from presets.api.schema import operation, paged, query
from presets.api.views.base import AdminView
from presets.history import revert_rule, subject_of_group
from presets.models import Assignment, Preset
from presets.permissions import can_manage_policy, can_manage_preset, visible_assignments
from presets.services import assignment_subject, revert_preset

_GROUP_ID = query("groupId", "A group's id")


class PresetHistory(AdminView):
    governs = "presets.preset"

    @operation(
        "listPresetChanges", "What was changed about a preset, newest first",
        answer=answers.ChangePage, parameters=[*paged()],
    )  # fmt: skip
    def get(self, request: Request, preset_id: str) -> Response:
        user = user_of(request)
        preset = preset_or_404(user, preset_id)
        # Who may only give a preset does not read what was in it.
        if not can_manage_preset(user, preset):
            raise Forbidden("Forbidden")
        page = page_of(preset.versions.select_related("user").order_by("-version"), request)
        oldest = page.rows[-1].version if page.rows else 0
        before = preset.versions.filter(version__lt=oldest).order_by("-version").first()
        items = serializers.versions_to_wire(page.rows, before)
        return Response(serializers.page_to_wire("changes", page, items))


class PresetRevert(AdminView):
    governs = "presets.preset"

    @operation(
        "revertPreset", "Bring a version back, as a new version",
        body=RevertBody, answer=answers.CreatedPreset,
    )  # fmt: skip
    def post(self, request: Request, preset_id: str) -> Response:
        user, body = user_of(request), read_body(RevertBody, request)
        preset = preset_or_404(user, preset_id)
        reason = body.get("reason") or ""
        preset = revert_preset(actor=user, preset=preset, version=body["version"], reason=reason)
        shown = serializers.preset_to_wire(preset, can_change=True, is_readable=True)
        return Response({"success": True, "id": preset.pk, "preset": shown})


class AssignmentHistory(AdminView):
    governs = "presets.assignment"

    @operation(
        "listAssignmentChanges", "What was changed about how a preset is given to somebody",
        answer=answers.ChangePage,
        parameters=[query("userId", "A person; without both: everyone"), _GROUP_ID, *paged()],
    )  # fmt: skip
    def get(self, request: Request, preset_id: str) -> Response:
        names = {"user_id": "userId", "group_id": "groupId"}
        given = {name: request.query_params.get(wire) for name, wire in names.items()}
        subject = _assignment(user_of(request), preset_id, given)
        return _changes(request, Kind.ASSIGNMENT, subject)


class AssignmentRevert(AdminView):
    governs = "presets.assignment"

    @operation(
        "revertAssignment", "Give a preset to somebody as after a change",
        body=RevertAssignmentBody, answer=answers.Done,
    )  # fmt: skip
    def post(self, request: Request, preset_id: str) -> Response:
        user, body = user_of(request), read_body(RevertAssignmentBody, request)
        return _revert(user, Kind.ASSIGNMENT, _assignment(user, preset_id, body), body)


class GroupHistory(AdminView):
    governs = "accounts.group"

    @operation(
        "listGroupChanges", "What was changed about a group and its members",
        answer=answers.ChangePage, parameters=[*paged()],
    )  # fmt: skip
    def get(self, request: Request, group_id: str) -> Response:
        group = group_or_404(user_of(request), group_id)
        return _changes(request, Kind.GROUP, subject_of_group(group))


class GroupRevert(AdminView):
    governs = "accounts.group"

    @operation(
        "revertGroup", "A group and its members as after a change",
        body=RevertBody, answer=answers.Done,
    )  # fmt: skip
    def post(self, request: Request, group_id: str) -> Response:
        user, body = user_of(request), read_body(RevertBody, request)
        group = group_or_404(user, group_id)
        return _revert(user, Kind.GROUP, subject_of_group(group), body)


class PolicyHistory(AdminView):
    governs = "presets.policy"

    @operation(
        "listPolicyChanges", "What was changed about the rules for everyone, or for a group",
        answer=answers.ChangePage, parameters=[_GROUP_ID, *paged()],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        return _changes(request, Kind.POLICY, subject_of_group(_ruled_group(request)))


class PolicyRevert(AdminView):
    governs = "presets.policy"

    @operation(
        "revertPolicy", "The rules as after a change",
        body=RevertBody, answer=answers.Done, parameters=[_GROUP_ID],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body, subject = read_body(RevertBody, request), subject_of_group(_ruled_group(request))
        return _revert(user_of(request), Kind.POLICY, subject, body)


def _changes(request: Request, kind: Kind, subject: str) -> Response:
    rows = RuleChange.objects.filter(kind=kind, subject=subject).select_related("user")
    page = page_of(rows.order_by("-version"), request)
    items = (serializers.change_to_wire(row) for row in page.rows)
    return Response(serializers.page_to_wire("changes", page, items))


def _revert(user: User, kind: Kind, subject: str, body: dict[str, Any]) -> Response:
    reason = body.get("reason") or ""
    revert_rule(actor=user, kind=kind, subject=subject, version=body["version"], reason=reason)
    return Response({"success": True})


def _ruled_group(request: Request) -> Group | None:
    """Whose rules are meant. Raises Forbidden, NotFound."""
    user = user_of(request)
    if not can_manage_policy(user):
        raise Forbidden("Forbidden")
    group_id = request.query_params.get("groupId") or request.query_params.get("group_id")
    return group_or_404(user, group_id) if group_id else None


def _assignment(user: User, preset_id: str, given: dict[str, Any]) -> str:
    """What an assignment is called in the history, also one that was taken away since.

    Raises NotFound where it is none of ``user``'s, InvalidFields.
    """
    row = _named_assignment(preset_or_404(user, preset_id), given)
    seen = visible_assignments(user).filter(preset=row.preset, user=row.user, group=row.group)
    if not may(user, "presets.view_assignment") and not seen.exists():
        raise NotFound("Assignment not found")
    return assignment_subject(row)


def _named_assignment(preset: Preset, given: dict[str, Any]) -> Assignment:
    """Unsaved; of a person, a group or everyone."""
    person = find_person(given["user_id"], "user_id") if given.get("user_id") else None
    group = find_group(given["group_id"], "group_id") if given.get("group_id") else None
    return Assignment(preset=preset, user=person, group=None if person else group)
