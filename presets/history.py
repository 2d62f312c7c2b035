"""What groups, assignments and rules were, and bringing it back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from accounts.changes import Kind, because
from accounts.models import Group, Membership, RuleChange, User
from accounts.models.stamp import changing_rules
from accounts.services import groups
from librechat_backend.lib.errors import InvalidFields
from librechat_backend.lib.json import JSONDict
from presets.group_changes import change_group
from presets.models import Policy, Preset
from presets.policies import EVERYONE, PolicyRules, delete_policy, save_policy
from presets.services import AssignmentOptions, assign_preset, unassign_preset


def changes_of(kind: str, subject: str) -> list[RuleChange]:
    """Newest first. One query."""
    rows = RuleChange.objects.filter(kind=kind, subject=subject)
    return list(rows.select_related("user").order_by("-version"))


def subject_of_group(group: Group | None) -> str:
    return group.object_id if group else EVERYONE


def revert_rule(
    *, actor: User | None, kind: str, subject: str, version: int, reason: str = ""
) -> None:
    """As it was after change ``version``, as a new change; what was deleted comes back.

    Raises Forbidden, and InvalidFields where it cannot be as it was.
    """
    with changing_rules(), because(reason or f"Back to change {version}"):
        changes = changes_of(kind, subject)
        if version not in {change.version for change in changes}:
            raise InvalidFields({"version": [f"There is no change {version}."]})
        state = state_after(changes, version)
        _RESTORE[Kind(kind)](actor, subject, state)


def state_after(changes: Sequence[RuleChange], version: int) -> JSONDict | None:
    """The fields that have changed since, as they were then; None: there was nothing.

    ``changes`` come newest first. Undoing one after the other leads there from what is now.
    """
    state: JSONDict | None = {}
    for change in changes:
        if change.version <= version:
            break
        state = None if change.before is None else {**(state or {}), **change.before}
    return state


# -- Groups ----------------------------------------------------------------------------------


def _restore_group(actor: User | None, subject: str, state: JSONDict | None) -> None:
    group = Group.objects.filter(object_id=subject).first()
    if state is None:
        if group is not None:
            groups.delete_group(actor=actor, group=group)
        return
    members = {
        name.removeprefix(groups.MEMBER): role
        for name, role in state.items()
        if name.startswith(groups.MEMBER)
    }
    fields: Any = {name: each for name, each in state.items() if not name.startswith(groups.MEMBER)}
    if "parent" in fields:
        fields["parent"] = _group_then(fields["parent"], "parent")
    if group is None:
        group = groups.create_group(actor=actor, object_id=subject, **fields)
    elif fields:
        group = change_group(actor=actor, group=group, fields=fields)
    _restore_members(actor, group, members)


def _restore_members(actor: User | None, group: Group, members: dict[str, Any]) -> None:
    """People who are gone stay gone."""
    for person in User.objects.filter(pk__in=members):
        role = members[person.pk]
        if role is None:
            groups.remove_member(actor=actor, group=group, user=person)
        else:
            groups.add_member(
                actor=actor, group=group, user=person, role=Membership.Role(role).value
            )


def _group_then(object_id: str | None, field: str) -> Group | None:
    group = Group.objects.filter(object_id=object_id).first() if object_id else None
    if object_id and group is None:
        raise InvalidFields({field: ["The group it belonged to then has been deleted."]})
    return group


# -- Assignments -----------------------------------------------------------------------------


def _restore_assignment(actor: User | None, subject: str, state: JSONDict | None) -> None:
    preset_id, _, principal = subject.partition(":")
    preset = Preset.objects.filter(pk=preset_id).first()
    if preset is None:
        raise InvalidFields({"preset": ["The preset has been deleted."]})
    receiver = _receiver(principal)
    if state is None:
        unassign_preset(actor=actor, preset=preset, **receiver)
        return
    moments = {
        name: datetime.fromisoformat(state[name]) if state[name] else None
        for name in ("starts_at", "ends_at")
        if name in state
    }
    options = cast(AssignmentOptions, state | moments)
    assign_preset(actor=actor, preset=preset, **receiver, **options)


def _receiver(principal: str) -> Any:
    kind, _, reference = principal.partition(":")
    if kind == "user":
        user = User.objects.filter(pk=reference).first()
        if user is None:
            raise InvalidFields({"user": ["This person has been deleted."]})
        return {"user": user}
    return {"group": _group_then(reference, "group")} if kind == "group" else {"everyone": True}


# -- Rules -----------------------------------------------------------------------------------


def _restore_policy(actor: User | None, subject: str, state: JSONDict | None) -> None:
    group = None if subject == EVERYONE else _group_then(subject, "group")
    if state is not None:
        save_policy(actor=actor, group=group, **cast(PolicyRules, state))
        return
    policy = Policy.objects.filter(group=group).first()
    if policy is not None:
        delete_policy(actor=actor, policy=policy)


_RESTORE = {
    Kind.GROUP: _restore_group,
    Kind.ASSIGNMENT: _restore_assignment,
    Kind.POLICY: _restore_policy,
}
