"""Finding people, groups and roles to share with (contract 04 §12.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from accounts.access_roles import PrincipalType
from accounts.models import Group, Role, User
from accounts.permissions import PermissionType, matrix_of
from accounts.services.access import PICKER_BITS, SharingRefused
from librechat_backend.lib.errors import InvalidRequest

QUERY_MIN_LENGTH = 2
QUERY_MAX_LENGTH = 200
LIMIT_DEFAULT, LIMIT_MAX = 20, 50

_EXACT, _BEGINS, _CONTAINS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Search:
    """``types``: as asked for; None where nothing was asked."""

    query: str
    limit: int
    types: tuple[PrincipalType, ...] | None


@dataclass(frozen=True, slots=True)
class Found:
    """``row`` is what the rest is read from; groups count their members."""

    type: PrincipalType
    rank: int
    row: User | Group | Role
    member_count: int = 0


def parse_search(query: str, limit: str, types: list[str]) -> Search:
    """``types``: names, single or separated by commas; unknown ones are ignored.

    Raises InvalidRequest.
    """
    text = query.replace("\0", "").strip()
    if not text:
        raise _invalid('Query parameter "q" is required and must not be empty')
    if len(text) < QUERY_MIN_LENGTH:
        raise _invalid(f"Query must be at least {QUERY_MIN_LENGTH} characters long")
    names = {name.strip() for each in types for name in each.split(",")}
    asked = tuple(type_ for type_ in PICKER_BITS if type_ in names)
    return Search(text[:QUERY_MAX_LENGTH], _parse_limit(limit), asked or None)


def search_principals(user: User, search: Search) -> list[Found]:
    """The best first: what is called so, what begins so, what contains it.

    One query a type, and one for the role of ``user``. Raises SharingRefused for a type the role
    does not show, and when it shows none.
    """
    types = _require_types(user, search.types)
    found = [each for type_ in types for each in _FINDERS[type_](search)]
    order = list(PICKER_BITS)
    found.sort(key=lambda each: (each.rank, order.index(each.type)))
    return found[: search.limit]


def _require_types(user: User, asked: tuple[PrincipalType, ...] | None) -> list[PrincipalType]:
    shown = matrix_of(user)[PermissionType.PEOPLE_PICKER]
    allowed = [type_ for type_, bit in PICKER_BITS.items() if shown[bit]]
    refused = [type_ for type_ in asked or () if type_ not in allowed]
    if refused:
        raise SharingRefused(f"Insufficient permissions to search for {refused[0]}s")
    if not allowed:
        raise SharingRefused("Insufficient permissions to search for users, groups, or roles")
    return list(asked or allowed)


def _find_users(search: Search) -> list[Found]:
    rows = _ranked(User.objects.filter(is_active=True), search, ("name", "username", "email"))
    return [Found(PrincipalType.USER, row.rank, row) for row in rows]


def _find_groups(search: Search) -> list[Found]:
    groups = Group.objects.filter(is_active=True).annotate(members=Count("memberships"))
    rows = _ranked(groups, search, ("name", "description"))
    return [Found(PrincipalType.GROUP, row.rank, row, row.members) for row in rows]


def _find_roles(search: Search) -> list[Found]:
    rows = _ranked(Role.objects.all(), search, ("name", "description"))
    return [Found(PrincipalType.ROLE, row.rank, row) for row in rows]


_FINDERS: dict[PrincipalType, Callable[[Search], list[Found]]] = {
    PrincipalType.USER: _find_users,
    PrincipalType.GROUP: _find_groups,
    PrincipalType.ROLE: _find_roles,
}


def _ranked(rows: QuerySet[Any], search: Search, fields: tuple[str, ...]) -> QuerySet[Any]:
    """Those where any of ``fields`` contains the text, with ``rank``, the best ones only."""
    contains = _any(fields, "icontains", search.query)
    rank = Case(
        When(_any(fields, "iexact", search.query), then=Value(_EXACT)),
        When(_any(fields, "istartswith", search.query), then=Value(_BEGINS)),
        default=Value(_CONTAINS),
        output_field=IntegerField(),
    )
    found: QuerySet[Any] = rows.filter(contains).annotate(rank=rank)
    return found.order_by("rank", fields[0], "pk")[: search.limit]


def _any(fields: tuple[str, ...], lookup: str, text: str) -> Q:
    matches = Q()
    for name in fields:
        matches |= Q(**{f"{name}__{lookup}": text})
    return matches


def _parse_limit(text: str) -> int:
    try:
        return min(max(1, int(text)), LIMIT_MAX) if len(text) < 10 else LIMIT_MAX
    except ValueError:
        return LIMIT_DEFAULT


def _invalid(problem: str) -> InvalidRequest:
    return InvalidRequest(problem, key="error")
