"""Who may change presets and who gets them. What nobody allows here is denied.

Administrators may change everything; staff what Django's model permissions say. The managers of a
group may change the presets that belong to it or to a group below it, and what those groups and
their members are given.
"""

from django.db.models import Q, QuerySet

from accounts.group_permissions import can_manage_group, can_see_person, managed_groups, may
from accounts.groups import groups_above
from accounts.models import Group, Membership, User
from presets.models import Assignment, Preset
from presets.resolver import offer_for


def manageable_presets(user: User, permission: str = "presets.change_preset") -> QuerySet[Preset]:
    """The presets ``user`` may change."""
    if may(user, permission):
        return Preset.objects.all()
    return Preset.objects.filter(owner_group__in=managed_groups(user))


def assignable_presets(user: User) -> QuerySet[Preset]:
    """The presets ``user`` may give, take and extend.

    For managers: their own, and those that reach one of their groups.
    """
    if may(user, "presets.view_preset"):
        return Preset.objects.all()
    managed = managed_groups(user)
    if not managed:
        return Preset.objects.none()
    given = Assignment.objects.filter(
        Q(group__in=managed | groups_above(managed)) | Q(group=None, user=None),
        effect=Assignment.Effect.ALLOW,
        is_active=True,
    )
    return Preset.objects.filter(
        Q(owner_group__in=managed) | Q(pk__in=given.values("preset_id"), is_active=True)
    )


def visible_presets(user: User) -> QuerySet[Preset]:
    """The presets ``user`` may look at: to change, or to give."""
    return Preset.objects.filter(
        Q(pk__in=manageable_presets(user).values("pk"))
        | Q(pk__in=assignable_presets(user).values("pk"))
    )


def visible_assignments(user: User) -> QuerySet[Assignment]:
    """Those of everyone and, for managers, of their groups and the people in them."""
    if may(user, "presets.view_assignment"):
        return Assignment.objects.all()
    managed = managed_groups(user)
    people = Membership.objects.filter(group__in=managed).values("user_id")
    return Assignment.objects.filter(
        Q(group__in=managed) | Q(user__in=people) | Q(group=None, user=None)
    )


def presets_with_readable_instructions(user: User) -> set[str]:
    """Ids of the presets whose instructions ``user`` may read, those they inherit among them.

    Who may give a preset may not for that reason read it. At most three queries.
    """
    if may(user, "presets.view_preset"):
        return set(Preset.objects.values_list("pk", flat=True))
    own = set(manageable_presets(user).values_list("pk", flat=True))
    parents = dict(Preset.objects.values_list("pk", "extends_id"))
    foreign = parents.keys() - own
    while heirs := {pk for pk in own - foreign if parents[pk] in foreign}:
        foreign |= heirs
    return own - foreign


def can_manage_preset(
    user: User, preset: Preset, permission: str = "presets.change_preset"
) -> bool:
    return may(user, permission) or can_own_preset(user, preset.owner_group_id, permission)


def can_own_preset(
    user: User, group_id: int | None, permission: str = "presets.change_preset"
) -> bool:
    """Whether ``user`` may have presets belong to the group; None: to the administrators."""
    return may(user, permission) or (group_id is not None and group_id in managed_groups(user))


def can_extend(user: User, preset: Preset) -> bool:
    return assignable_presets(user).filter(pk=preset.pk).exists()


def can_assign(
    user: User,
    preset: Preset,
    *,
    group: Group | None = None,
    person: User | None = None,
    permission: str = "presets.change_assignment",
) -> bool:
    """Whether ``user`` may give ``preset`` to (or take it from) a group, a person or everyone."""
    return may(user, permission) or (
        can_reach(user, group=group, person=person, permission=permission)
        and can_extend(user, preset)
    )


def can_reach(
    user: User,
    *,
    group: Group | None = None,
    person: User | None = None,
    permission: str = "presets.change_assignment",
) -> bool:
    """Whether it is for ``user`` to say what the group, the person or everyone is given."""
    if may(user, permission):
        return True
    if person is not None:
        return can_see_person(user, person)
    return group is not None and can_manage_group(user, group, permission)


def can_manage_policy(user: User) -> bool:
    """Rules are for administrators, those of a group too: a manager could lift what binds them."""
    return may(user, "presets.change_policy")


def can_use_model(user: User, endpoint: str, model: str) -> bool:
    """Whether ``user`` may build presets on this model: managers only on what they may use."""
    if may(user, "presets.change_preset"):
        return True
    offer = offer_for(user)
    named = {(preset.endpoint, preset.model) for preset in offer.presets}
    info = offer.endpoint(endpoint)
    return (endpoint, model) in named or (info is not None and model in info.models)
