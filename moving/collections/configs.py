"""``configs``: what is for everybody was loaded with librechat.yaml; what is for groups becomes
their rules, as far as there are some. All of it is kept.
"""

from collections.abc import Sequence

from accounts.access_roles import PrincipalType
from accounts.models import Group
from librechat_backend.lib.json import JSONDict, JSONValue
from moving.collections.base import Collection
from moving.collections.kept import count
from moving.job import Job
from moving.keeping import keep
from moving.overrides import COLLECTION, RULES, is_active, is_for_all, keys_of, rules_of
from moving.sources import Document
from moving.values import document_id, reference, text
from presets.policies import PolicyRules, save_policy
from presets.startup import offered_endpoints

LOADED = "it was loaded with the configuration"
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
        whom = f"{text(document, 'principalType')} {text(document, 'principalId')}"
        for key in keys_of(document):
            if key not in taken:
                reason = NOT_HERE.format(key, whom)
                job.tally.note(reason, document_id(document), is_lost=True)


def _set_rules(document: JSONDict, job: Job) -> frozenset[str]:
    """Those of a group; which keys they are."""
    if document.get("principalType") != PrincipalType.GROUP:
        return frozenset()
    group = Group.objects.filter(object_id=reference(document.get("principalId"))).first()
    if group is None:
        return RULES if job.options.is_dry_run else frozenset()
    rules = dict(rules_of(document))
    if rules.get("added_endpoints"):
        rules["added_endpoints"] = _offered(rules["added_endpoints"], job)
    if rules:
        wanted: PolicyRules = rules  # type: ignore[assignment]
        save_policy(actor=None, group=group, **wanted)
    return RULES


def _offered(names: JSONValue, job: Job) -> list[str]:
    offered = {info.name for info in offered_endpoints()}
    for name in names:
        if name not in offered:
            job.tally.note(NO_ENDPOINT.format(name))
    return [name for name in names if name in offered]


CONFIGS = Collection(COLLECTION, write)
