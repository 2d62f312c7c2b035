"""From what callers name to rows: nothing outside their scope is found."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from accounts.group_permissions import can_see_person, managed_groups, may
from accounts.models import Group, User
from accounts.models.user import normalize_email
from librechat_backend.lib.errors import InvalidFields, NotFound
from librechat_backend.lib.json import JSONDict
from presets.giving import Principals
from presets.models import Preset
from presets.permissions import visible_presets


def preset_or_404(user: User, preset_id: str) -> Preset:
    """By id. Raises NotFound."""
    presets = visible_presets(user).select_related("extends", "owner_group")
    preset = presets.filter(pk=preset_id).first()
    if preset is None:
        raise NotFound("Preset not found")
    return preset


def find_preset(user: User, reference: str, field: str) -> Preset:
    """By id, or by a short name that is one preset's alone. Raises InvalidFields."""
    found = list(visible_presets(user).filter(Q(pk=reference) | Q(slug=reference))[:2])
    exact = [preset for preset in found if preset.pk == reference] or found
    if len(exact) != 1:
        problem = (
            "Several presets have this short name: use the id."
            if exact
            else "There is no such preset."
        )
        raise InvalidFields({field: [problem]})
    return exact[0]


def visible_groups(user: User, permission: str = "accounts.view_group") -> QuerySet[Group]:
    if may(user, permission) or may(user, "accounts.change_group"):
        return Group.objects.all()
    return Group.objects.filter(pk__in=managed_groups(user))


def group_or_404(user: User, group_id: str) -> Group:
    group = _group(visible_groups(user), group_id)
    if group is None:
        raise NotFound("Group not found")
    return group


def find_group(reference: str, field: str) -> Group:
    """Any group: whether it may be used is for the services to say. Raises InvalidFields."""
    group = _group(Group.objects.all(), reference)
    if group is None:
        raise InvalidFields({field: ["There is no such group."]})
    return group


def _group(groups: QuerySet[Group], reference: str) -> Group | None:
    return groups.filter(Q(object_id=reference) | Q(slug=reference)).first()


def _person(reference: str) -> User | None:
    return User.objects.filter(Q(pk=reference) | Q(email=normalize_email(reference))).first()


def person_or_404(user: User, reference: str) -> User:
    """Somebody ``user`` may look at. Raises NotFound."""
    person = _person(reference)
    if person is None or not can_see_person(user, person):
        raise NotFound("User not found")
    return person


def find_person(reference: str, field: str) -> User:
    person = _person(reference)
    if person is None:
        raise InvalidFields({field: ["There is no such person."]})
    return person


def find_people(references: Iterable[str], field: str) -> tuple[User, ...]:
    return tuple(find_person(reference, field) for reference in references)


def find_principals(body: JSONDict) -> Principals:
    """Whom ``body`` names. Raises InvalidFields."""
    user_id, group_id = body.get("user_id"), body.get("group_id")
    users = [find_person(user_id, "user_id")] if user_id else []
    groups = [find_group(group_id, "group_id")] if group_id else []
    users += find_people(body.get("user_ids", ()), "user_ids")
    groups += [find_group(each, "group_ids") for each in body.get("group_ids", ())]
    return Principals(tuple(users), tuple(groups), body.get("everyone", False))
