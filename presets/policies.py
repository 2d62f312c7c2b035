"""Changes of the rules, for everyone and for groups.

``actor`` is who changes them, None the server itself. All raise Forbidden where they may not.
"""

from collections.abc import Callable
from typing import TypedDict, Unpack

from accounts.changes import Kind, remember
from accounts.group_permissions import require
from accounts.models import Group, User
from accounts.models.stamp import changing_rules
from librechat_backend.lib.errors import InvalidFields
from librechat_backend.lib.json import JSONDict
from presets import permissions, validation
from presets.exceptions import InvalidPolicy
from presets.gone import gone
from presets.models import Policy
from presets.resolution import Scope
from presets.startup import offered_endpoints

EVERYONE = "everyone"


class PolicyRules(TypedDict, total=False):
    allows_personal_presets: bool | None
    allows_override: bool | None
    allows_group_presets: bool | None
    scope_precedence: list[str] | None
    enforce: bool | None
    prioritize: bool | None
    default_is_soft: bool | None
    added_endpoints: list[str] | None


def save_policy(
    *, actor: User | None, group: Group | None = None, **rules: Unpack[PolicyRules]
) -> Policy:
    """The rules for a group, or for everyone; None: inherited. What is left out stays.

    Raises InvalidPolicy.
    """
    checks = PolicyRules.__annotations__
    errors = {name: _rule_problems(name, value) for name, value in rules.items()}
    unknown = {name: [f"There is no rule “{name}”."] for name in rules if name not in checks}
    _raise_any(InvalidPolicy, errors | unknown)
    with changing_rules():
        require(actor is None or permissions.can_manage_policy(actor))
        _raise_any(InvalidPolicy, gone(group=group))
        old = Policy.objects.filter(group=group).first()
        policy, _ = Policy.objects.update_or_create(group=group, defaults=dict(rules))
        remember_policy(actor, policy, old)
        return policy


def delete_policy(*, actor: User | None, policy: Policy) -> None:
    """Every rule is inherited again."""
    with changing_rules():
        require(actor is None or permissions.can_manage_policy(actor))
        remember_policy(actor, policy, policy, is_deleted=True)
        policy.delete()


def policy_state(policy: Policy) -> JSONDict:
    """What the history keeps."""
    return {name: getattr(policy, name) for name in PolicyRules.__annotations__}


def remember_policy(
    actor: User | None, policy: Policy, old: Policy | None, *, is_deleted: bool = False
) -> None:
    """``old``: as it was before, None where there was none."""
    remember(
        actor=actor,
        kind=Kind.POLICY,
        subject=policy.group.object_id if policy.group else EVERYONE,
        name=str(policy),
        before=policy_state(old) if old else None,
        after=None if is_deleted else policy_state(policy),
    )


def _rule_problems(name: str, value: object) -> list[str]:
    if value is None:
        return []
    if name == "scope_precedence":
        is_complete = isinstance(value, list) and sorted(map(str, value)) == sorted(Scope)
        return (
            [] if is_complete else ["Name user, group and system once each, first the strongest."]
        )
    if name == "added_endpoints":
        return _endpoint_problems(value)
    return [] if isinstance(value, bool) else ["Choose yes, no, or inherited."]


def _endpoint_problems(names: object) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ["Enter a list of names."]
    offered = [info.name for info in offered_endpoints()]
    unknown = [name for name in names if name not in offered]
    known = validation.named(offered)
    return [f"There is no “{name}”. There are: {known}." for name in unknown]


def _raise_any(
    error: Callable[[validation.Errors], InvalidFields], errors: validation.Errors
) -> None:
    if any(errors.values()):
        raise error(errors)
