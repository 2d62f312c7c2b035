"""``configs``: what is for everybody was loaded with librechat.yaml; what is for groups and roles
becomes rules of groups, as far as there are some. All of it is kept.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from accounts.access_roles import PrincipalType
from accounts.models import Group, User
from librechat_backend.lib.json import JSONDict, JSONValue
from moving.collections.base import Collection
from moving.collections.group_specs import LIST, take_specs
from moving.collections.kept import count
from moving.collections.role_groups import group_of_role
from moving.job import Job
from moving.keeping import keep
from moving.overrides import COLLECTION, RULES, is_active, is_for_all, keys_of, rules_of
from moving.sources import Document
from moving.values import document_id, reference, text, texts
from presets.policies import PolicyRules, save_policy
from presets.startup import offered_endpoints

RULES_AND_SPECS = RULES | {LIST}
LOADED = "it was loaded with the configuration"
UNREADABLE = "what is set for {} cannot be read (kept)"
OFF = "it was switched off (kept)"
NOT_HERE = "{} is not set for {} here; see “Rules” (kept)"
NO_ENDPOINT = "there is no endpoint “{}” that works"


def write(documents: Sequence[Document], job: Job) -> None:
    kept = keep(COLLECTION, [(each, _owner(each.data, job)) for each in documents], job)
    count(kept, len(documents), job)
    for document in documents:
        if document_id(document.data) in kept.new | kept.newer:
            _apply(document.data, job)


def _owner(document: JSONDict, job: Job) -> str | None:
    is_of_person = document.get("principalType") == PrincipalType.USER
    return job.people.find(document.get("principalId")) if is_of_person else None


def _apply(document: JSONDict, job: Job) -> None:
    if not is_active(document):
        job.tally.note(OFF, document_id(document))
    elif is_for_all(document):
        job.tally.note(LOADED, document_id(document))
    else:
        taken = _set_rules(document, job)
        whom = _whom(document, job)
        if not isinstance(document.get("overrides"), dict):
            job.tally.note(UNREADABLE.format(whom), document_id(document), is_lost=True)
        for key in (*keys_of(document), *texts(document.get("tombstones"))):
            if key not in taken:
                reason = NOT_HERE.format(key, whom)
                job.tally.note(reason, document_id(document), is_lost=True)


def _whom(document: JSONDict, job: Job) -> str:
    """Whom it is for, as people know them."""
    kind, name = text(document, "principalType"), text(document, "principalId")
    if kind == PrincipalType.GROUP:
        name = _name(Group.objects.filter(object_id=reference(name)), "name") or name
    if kind == PrincipalType.USER:
        name = _name(User.objects.filter(pk=job.people.find(name)), "email") or name
    return f"{kind} {name}"


def _name(rows: QuerySet[Any], column: str) -> str | None:
    found: str | None = rows.values_list(column, flat=True).first()
    return found


def _set_rules(document: JSONDict, job: Job) -> frozenset[str]:
    """Those of a group, or of a role's; which keys they are. A key that was removed has none."""
    removed = frozenset(texts(document.get("tombstones")))
    group = _group(document, job)
    if group is None:
        is_coming = document.get("principalType") == PrincipalType.GROUP and job.options.is_dry_run
        return RULES - removed if is_coming else frozenset()
    taken = RULES | {LIST} if take_specs(document, group, job) else RULES
    rules = dict(rules_of(document))
    if rules.get("added_endpoints"):
        rules["added_endpoints"] = _offered(rules["added_endpoints"], job)
    if rules:
        wanted: PolicyRules = rules  # type: ignore[assignment]
        save_policy(actor=None, group=group, **wanted)
    return taken - removed


def _group(document: JSONDict, job: Job) -> Group | None:
    """Whose rules they become; None for those of single people, and of whom is not here."""
    name = document.get("principalId")
    match document.get("principalType"):
        case PrincipalType.GROUP:
            return Group.objects.filter(object_id=reference(name)).first()
        case PrincipalType.ROLE if name in job.roles and RULES_AND_SPECS & {*keys_of(document)}:
            return group_of_role(str(name))
    return None


def _offered(names: JSONValue, job: Job) -> list[str]:
    offered = {info.name for info in offered_endpoints()}
    for name in names:
        if name not in offered:
            job.tally.note(NO_ENDPOINT.format(name))
    return [name for name in names if name in offered]


CONFIGS = Collection(COLLECTION, write, makes_rows=False)
