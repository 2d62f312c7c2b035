"""What the claims of a person lead to. Evaluation is pure; rules come from the admin and the
environment, whose own stay beside the rows and cannot be edited there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.identity.claims import Claims
from accounts.identity.configuration import TOKEN_KINDS
from accounts.models import IdentityRule
from accounts.models.identity_rule import IdentityRule as Row
from accounts.models.user import ROLE_ADMIN
from librechat_backend.lib.env import Env

Effect = Row.Effect


@dataclass(frozen=True, slots=True)
class Rule:
    """``values``: any of them will do. ``source`` as in Claims.values."""

    effect: Effect
    claim: str
    values: tuple[str, ...] = ()
    source: str = ""
    group_id: int | None = None
    role: str = ""

    def is_met(self, claims: Claims) -> bool:
        return not set(self.values).isdisjoint(claims.values(self.claim, self.source))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """``required``: each set needs one rule that is met; an empty set asks for nothing."""

    required: tuple[tuple[Rule, ...], ...]
    rules: tuple[Rule, ...]
    fallback_role: str = ""

    def are_requirements_met(self, claims: Claims) -> bool:
        return all(
            any(rule.is_met(claims) for rule in alternatives)
            for alternatives in self.required
            if alternatives
        )

    def role(self, claims: Claims) -> str:
        """The first that matches; empty: none does."""
        roles = (rule for rule in self.rules if rule.effect == Effect.ROLE)
        return next((rule.role for rule in roles if rule.is_met(claims)), self.fallback_role)

    def group_ids(self, claims: Claims) -> set[int]:
        return {
            rule.group_id
            for rule in self.rules
            if rule.effect == Effect.GROUP and rule.group_id and rule.is_met(claims)
        }

    def named_groups(self, claims: Claims) -> dict[int | None, set[str]]:
        """Names of groups by the group they belong to."""
        named: dict[int | None, set[str]] = {}
        for rule in self.rules:
            if rule.effect == Effect.GROUPS:
                values = claims.values(rule.claim, rule.source)
                named.setdefault(rule.group_id, set()).update(values)
        return named

    def is_group_unknown(self, claims: Claims) -> bool:
        """Whether the provider left out a list of groups: then nobody loses one for it."""
        return any(
            claims.is_cut_short(rule.claim)
            for rule in self.rules
            if rule.effect in {Effect.GROUP, Effect.GROUPS}
        )


def rules_for(provider: str) -> RuleSet:
    """One query. Raises ImproperlyConfigured."""
    rows = IdentityRule.objects.filter(is_active=True, provider__in=("", provider))
    in_admin = [_from_row(row) for row in rows]
    in_environment = environment_rules() if provider == "openid" else []
    return RuleSet(
        required=(
            tuple(rule for rule in in_environment if rule.effect == Effect.REQUIRE),
            tuple(rule for rule in in_admin if rule.effect == Effect.REQUIRE),
        ),
        rules=tuple(rule for rule in (*in_environment, *in_admin)),
        fallback_role=_fallback_role() if provider == "openid" else "",
    )


def environment_rules() -> list[Rule]:
    """LibreChat's OPENID_REQUIRED_ROLE, OPENID_ADMIN_ROLE and OPENID_ROLE_SYNC_*."""
    env = Env(settings.IDENTITY_ENVIRONMENT)
    rules = []
    if values := env.items("OPENID_REQUIRED_ROLE"):
        claim, source = _place(env, "OPENID_REQUIRED_ROLE")
        rules.append(Rule(Effect.REQUIRE, claim, tuple(values), source))
    if value := env.text("OPENID_ADMIN_ROLE"):
        claim, source = _place(env, "OPENID_ADMIN_ROLE")
        rules.append(Rule(Effect.ROLE, claim, (value,), source, role=ROLE_ADMIN))
    return [*rules, *_synchronised_roles(env)]


def _synchronised_roles(env: Env) -> Iterable[Rule]:
    """Roles named as at the provider, the most important first; ADMIN is not among them."""
    if not env.boolean("OPENID_ROLE_SYNC_ENABLED", default=False):
        return []
    claim = env.text("OPENID_ROLE_SYNC_CLAIM")
    if not claim:
        raise ImproperlyConfigured("OPENID_ROLE_SYNC_CLAIM: which claim names the roles?")
    source = env.choice("OPENID_ROLE_SYNC_SOURCE", "id", TOKEN_KINDS)
    names = env.items("OPENID_ROLE_SYNC_ROLE_PRIORITY")
    return [
        Rule(Effect.ROLE, claim, (name,), source, role=name) for name in names if name != ROLE_ADMIN
    ]


def _fallback_role() -> str:
    env = Env(settings.IDENTITY_ENVIRONMENT)
    role = env.text("OPENID_ROLE_SYNC_FALLBACK_ROLE")
    is_on = env.boolean("OPENID_ROLE_SYNC_ENABLED", default=False)
    return role if is_on and role != ROLE_ADMIN else ""


def _place(env: Env, name: str) -> tuple[str, str]:
    path = env.text(f"{name}_PARAMETER_PATH")
    if not path:
        raise ImproperlyConfigured(f"{name}_PARAMETER_PATH: which claim holds {name}?")
    kind = env.text(f"{name}_TOKEN_KIND")
    return path, env.choice(f"{name}_TOKEN_KIND", "id", TOKEN_KINDS) if kind else ""


def _from_row(row: IdentityRule) -> Rule:
    return Rule(
        effect=Effect(row.effect),
        claim=row.claim,
        values=(row.value,) if row.value else (),
        group_id=row.group_id,
        role=row.role,
    )
