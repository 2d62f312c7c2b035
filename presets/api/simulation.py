"""Changes to try out: each is the body of the request that would make it, with its kind."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from accounts.group_permissions import can_manage_group
from accounts.models import Membership, User
from accounts.services.groups import add_member, remove_member
from librechat_backend.lib.errors import InvalidFields, NotFound
from librechat_backend.lib.json import JSONDict
from presets import giving
from presets.api.bodies import (
    AssignmentBody,
    PolicyBody,
    PresetBody,
    PrincipalsBody,
    SpelledFields,
    read,
)
from presets.api.lookups import (
    find_group,
    find_person,
    find_preset,
    find_principals,
    group_or_404,
    person_or_404,
)
from presets.api.requests import assignment_options, preset_fields
from presets.models import Assignment
from presets.policies import PolicyRules, save_policy
from presets.services import save_preset
from presets.spelling import field_name, in_callers_spelling
from presets.whatif import MAX_PEOPLE, Change, people_of


def people_to_compare(user: User, body: JSONDict) -> list[User]:
    """Whom the body names, at most MAX_PEOPLE. Raises InvalidFields, NotFound."""
    references = [*body.get("user_ids", ())]
    if body.get("user_id"):
        references.insert(0, body["user_id"])
    people = [person_or_404(user, reference) for reference in references]
    groups = [*body.get("group_ids", ()), *filter(None, [body.get("group_id")])]
    for reference in groups:
        group = group_or_404(user, reference)
        if not can_manage_group(user, group, "accounts.view_group"):
            raise NotFound("Group not found")
        people += people_of(group)
    if body.get("everyone") or not people:
        raise InvalidFields({"user_id": ["Name people or groups to compare."]})
    return list({person.pk: person for person in people}.values())[:MAX_PEOPLE]


def changes_of(user: User, bodies: list[JSONDict]) -> list[Change]:
    """Each makes one change, on behalf of ``user``; what a change needs may come of those before.

    Errors stand beside ``changes.<number>.…``.
    """
    return [
        _placed(number, body, partial(_change, user, body)) for number, body in enumerate(bodies)
    ]


def _change(user: User, body: JSONDict) -> object:
    named = {field_name(key): value for key, value in body.items()}
    kind = named.pop("kind", None)
    make = _KINDS.get(kind) if isinstance(kind, str) else None
    if make is None:
        raise InvalidFields({"kind": [f"Choose one of: {', '.join(_KINDS)}."]})
    return make(user, named)()


def _placed(number: int, body: JSONDict, act: Change) -> Change:
    """``act``, with its errors beside the fields of the change."""

    def placed() -> object:
        try:
            return act()
        except InvalidFields as error:
            errors = in_callers_spelling(error.errors, body)
            raise SpelledFields(
                {
                    f"changes.{number}" + ("" if name == "__all__" else f".{name}"): messages
                    for name, messages in errors.items()
                }
            ) from error

    return placed


def _text(body: JSONDict, name: str) -> str:
    value = body.pop(name, None)
    if not isinstance(value, str) or not value:
        raise InvalidFields({name: ["This change needs it."]})
    return value


def _assign(user: User, body: JSONDict) -> Change:
    preset = find_preset(user, _text(body, "preset_id"), "preset_id")
    given = read(AssignmentBody, body, partial=False)
    options = assignment_options({"effect": Assignment.Effect.ALLOW, "is_active": True} | given)
    principals = find_principals(given)
    return partial(giving.give, actor=user, preset=preset, principals=principals, **options)


def _unassign(user: User, body: JSONDict) -> Change:
    preset = find_preset(user, _text(body, "preset_id"), "preset_id")
    principals = find_principals(read(PrincipalsBody, body, partial=False))
    return partial(giving.take, actor=user, preset=preset, principals=principals)


def _add_member(user: User, body: JSONDict) -> Change:
    role = body.pop("role", Membership.Role.MEMBER)
    group = find_group(_text(body, "group_id"), "group_id")
    person = find_person(_text(body, "user_id"), "user_id")
    return partial(add_member, actor=user, group=group, user=person, role=role)


def _remove_member(user: User, body: JSONDict) -> Change:
    group = find_group(_text(body, "group_id"), "group_id")
    person = find_person(_text(body, "user_id"), "user_id")
    return partial(remove_member, actor=user, group=group, user=person)


def _policy(user: User, body: JSONDict) -> Change:
    reference = body.pop("group_id", None)
    group = find_group(str(reference), "group_id") if reference else None
    given = read(PolicyBody, body, partial=False)
    given.pop("reason", None)
    rules = cast(PolicyRules, given)
    return partial(save_policy, actor=user, group=group, **rules)


def _preset(user: User, body: JSONDict) -> Change:
    preset = find_preset(user, _text(body, "preset_id"), "preset_id")
    fields = preset_fields(user, read(PresetBody, body, partial=False))
    return partial(save_preset, actor=user, preset=preset, fields=fields)


_KINDS: Mapping[str, Callable[[User, JSONDict], Change]] = {
    "assign": _assign,
    "unassign": _unassign,
    "addMember": _add_member,
    "removeMember": _remove_member,
    "policy": _policy,
    "preset": _preset,
}
