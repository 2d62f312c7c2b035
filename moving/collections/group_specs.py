"""``modelSpecs.list`` of a group, or of a role: presets for its people, in place of everybody's."""

import hashlib
from collections.abc import Sequence

from accounts.models import Group
from accounts.models.stamp import changing_rules
from librechat_backend.lib.json import JSONDict, JSONValue, dumps
from moving.collections.agents import NO_MODEL, TABLE, remember_versions
from moving.collections.giving import give
from moving.fitting import fitted
from moving.job import Job
from moving.librechat_yaml.plan import Plan, PresetPlan
from moving.librechat_yaml.source import Fate, Line, Source
from moving.librechat_yaml.specs import read_specs
from moving.models import LoadedThing
from moving.rows import Row
from moving.tally import Tally
from moving.values import created_at, document_id, members, rows, updated_at
from presets.files import InvalidFile, read_file
from presets.models import Assignment, Preset
from presets.services import default_fields

LIST = "modelSpecs.list"
FILE_NAME = "configs.json"
TAKEN = "its specs are presets of the group “{}” now, in place of those of everybody"
# What librechat.yaml has made is known by such marks.
LOADED = "preset:"


def take_specs(document: JSONDict, group: Group, job: Job) -> bool:
    """Whether there was a list that could be taken. What a preset cannot hold is noted."""
    every = members(members(document.get("overrides")).get("modelSpecs")).get("list")
    plan, lines = _read(every) if rows(every) else (Plan(), [])
    usable = [each for each in plan.presets if _is_usable(each)]
    if not usable:
        return False
    made = [(each, _row(each, document, group, job)) for each in usable]
    with changing_rules():
        remember_versions(TABLE.store([row for _, row in made], Tally()))
        for each, row in made:
            give(row["id"], group=group.pk, priority=each.given["priority"])
        _take_away([each.slug for each, _ in made], group)
    job.tally.note(TAKEN.format(group), document_id(document))
    _tell(plan, lines, group, job)
    return True


def _is_usable(plan: PresetPlan) -> bool:
    return bool(plan.fields.get("endpoint") and plan.fields.get("model"))


def _tell(plan: Plan, lines: Sequence[Line], group: Group, job: Job) -> None:
    hollow = [
        (".".join(map(str, each.place)), NO_MODEL) for each in plan.presets if not _is_usable(each)
    ]
    refused = [(x.key, x.text) for x in lines if x.fate in (Fate.REFUSED, Fate.UNKNOWN)]
    for key, why in (*hollow, *refused):
        job.tally.note(f"{key}, for the group “{group}”: {why}", is_lost=True)


def _read(specs: JSONValue) -> tuple[Plan, list[Line]]:
    """As of a librechat.yaml that says nothing else; nothing of what no file could say."""
    plan = Plan()
    try:
        source = Source(read_file(FILE_NAME, dumps({"modelSpecs": {"list": specs}})), {})
    except InvalidFile:
        return plan, []
    read_specs(source.root, plan)
    return plan, source.finish()


def _row(plan: PresetPlan, document: JSONDict, group: Group, job: Job) -> Row:
    """The same id each time."""
    name = hashlib.sha256(f"{group.object_id}\x00{plan.slug}".encode()).hexdigest()[:24]
    known = Preset.objects.filter(pk=name).values_list("version", flat=True).first()
    row = {
        **default_fields(),
        **plan.fields,
        "id": name,
        "extends_id": None,
        "owner_group_id": None,
        "is_active": True,
        "version": (known or 0) + 1,
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }
    del row["extends"]
    row["endpoint"] = job.options.endpoint(str(row["endpoint"]))
    return fitted(Preset, row, job.tally)


def _take_away(slugs: Sequence[str], group: Group) -> None:
    """From the group: what the file gives to everybody and the list does not name."""
    loaded = LoadedThing.objects.filter(mark__startswith=LOADED).values("row_id")
    others = Preset.objects.filter(pk__in=loaded).exclude(slug__in=slugs)
    for preset in others.order_by("pk").values_list("pk", flat=True):
        give(preset, group=group.pk, effect=Assignment.Effect.DENY)
