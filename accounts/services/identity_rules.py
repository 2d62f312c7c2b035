"""Groups and roles that follow from claims.

What an identity gave is noted beside it, so that the next sign-in takes away what its claims no
longer say, and nothing that somebody gave by hand.
"""

import structlog
from allauth.socialaccount.models import SocialAccount

from accounts.exceptions import InvalidGroup
from accounts.identity.claims import Claims
from accounts.identity.rules import RuleSet
from accounts.models import Group, Membership, Role, User
from accounts.models.stamp import changing_rules
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from accounts.services import groups

# Of one claim; more would rather be a mistake than groups of people.
MAX_NAMED_GROUPS = 200
NAME_MAX_LENGTH = 100

log = structlog.get_logger(__name__)


def apply(*, account: SocialAccount, rules: RuleSet, claims: Claims) -> None:
    """Within a transaction; the caller saves ``account``."""
    _apply_role(account, rules.role(claims))
    wanted = rules.group_ids(claims) | _named_groups(rules, claims)
    if rules.is_group_unknown(claims):
        log.warning("groups_left_out_by_provider", user=account.user_id)
        wanted |= _noted(account)
    _apply_groups(account, wanted)


def withdraw(*, account: SocialAccount) -> None:
    """All that the identity gave, because it goes."""
    _apply_role(account, "")
    _apply_groups(account, set())


def _apply_role(account: SocialAccount, role: str) -> None:
    """A role somebody gave by hand stays when the claims name none; ADMIN in any case."""
    user: User = account.user
    noted = account.extra_data.get("role", "")
    if role and not _is_role(role):
        log.warning("unknown_role", user=user.pk, role=role)
        role = ""
    is_by_hand = user.role != noted
    if is_by_hand and (not role or user.role in (ROLE_ADMIN, role)):
        account.extra_data["role"] = ""
        return
    account.extra_data["role"] = role
    new = role or ROLE_USER
    if new != user.role:
        log.info("role_by_claim", user=user.pk, old=user.role, new=new)
        user.role = new
        user.save(update_fields=["role", "updated_at"])


def _is_role(name: str) -> bool:
    return name in (ROLE_USER, ROLE_ADMIN) or Role.objects.filter(name=name).exists()


def _apply_groups(account: SocialAccount, wanted: set[int]) -> None:
    user: User = account.user
    noted = _noted(account)
    rows = dict(user.memberships.values_list("group_id", "source"))
    missing = Group.objects.filter(pk__in=wanted - rows.keys())
    by_claim = {pk for pk, source in rows.items() if source == Membership.Source.CLAIM}
    gone = ((noted & by_claim) - wanted) - _given_elsewhere(account)
    account.extra_data["groups"] = sorted(wanted)
    if gone or (wanted - rows.keys()):
        with changing_rules():
            Membership.objects.filter(
                user=user, group_id__in=gone, source=Membership.Source.CLAIM
            ).delete()
            for group in missing:
                groups.add_member(
                    actor=None, group=group, user=user, source=Membership.Source.CLAIM
                )


def _noted(account: SocialAccount) -> set[int]:
    return set(account.extra_data.get("groups", ()))


def _given_elsewhere(account: SocialAccount) -> set[int]:
    others = account.user.socialaccount_set.exclude(pk=account.pk)
    return {pk for other in others for pk in _noted(other)}


def _named_groups(rules: RuleSet, claims: Claims) -> set[int]:
    """Those there are, and new ones for the other names."""
    found: set[int] = set()
    for parent_id, values in rules.named_groups(claims).items():
        names = {value.strip("/ ") for value in values}
        usable = sorted(name for name in names if 0 < len(name) <= NAME_MAX_LENGTH)
        found |= _below(parent_id, usable[:MAX_NAMED_GROUPS])
    return found


def _below(parent_id: int | None, names: list[str]) -> set[int]:
    found, missing = _existing(parent_id, names)
    if not missing:
        return found
    with changing_rules():  # nobody else makes them meanwhile
        found, missing = _existing(parent_id, names)
        parent = Group.objects.get(pk=parent_id) if parent_id else None
        return found | {pk for name in missing for pk in _make(name, parent)}


def _existing(parent_id: int | None, names: list[str]) -> tuple[set[int], list[str]]:
    """Groups by name or short name, and the names that have none."""
    rows = Group.objects.filter(parent_id=parent_id).values_list("pk", "name", "slug")
    by_name = {text.casefold(): pk for pk, name, slug in rows for text in (slug, name)}
    wanted = {name.casefold(): name for name in reversed(names)}
    missing = [name for folded, name in wanted.items() if folded not in by_name]
    return {by_name[folded] for folded in wanted if folded in by_name}, missing


def _make(name: str, parent: Group | None) -> list[int]:
    try:
        made = groups.create_group(
            actor=None, name=name, parent=parent, description="Made at a sign-in by its claims."
        )
    except InvalidGroup as error:
        log.warning("group_not_made", reason=str(error))
        return []
    return [made.pk]
