"""Changes of experiments: planned, begun, grown step by step, taken back, ended."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from accounts.group_permissions import may, require
from accounts.models import User
from accounts.models.stamp import changing_rules
from librechat_backend.lib.errors import InvalidFields
from presets.experiments import CONTROL
from presets.models import Experiment, Preset

PERMISSION = "presets.change_experiment"
STEPS = (5, 25, 50, 100)
_NAME_MAX_LENGTH = 100
_PLANNED = ("name", "notes", "preset", "variants")


class InvalidExperiment(InvalidFields):
    """With what is wrong beside each field."""


def save_experiment(
    *, actor: User | None, experiment: Experiment | None, fields: Mapping[str, Any]
) -> Experiment:
    """A new one for None. ``fields`` of _PLANNED; once it runs, only ``notes`` can change: results
    of what was changed meanwhile would mean nothing. Raises Forbidden, InvalidExperiment.
    """
    with changing_rules():
        require(actor is None or may(actor, PERMISSION))
        row = _current(experiment) if experiment else Experiment()
        if row.state != Experiment.State.DRAFT and fields.keys() - {"notes"}:
            raise InvalidExperiment({"__all__": ["It has begun: only the notes can change."]})
        for name in _PLANNED:
            if name in fields:
                setattr(row, name, fields[name])
        _check(row)
        row.save()
        return row


def set_share(*, actor: User | None, experiment: Experiment, percent: int) -> Experiment:
    """Begin it, let more people take part, or fewer; 0 takes it back for everybody at once.

    Raises Forbidden, InvalidExperiment.
    """
    with changing_rules():
        require(actor is None or may(actor, PERMISSION))
        row = _current(experiment)
        if row.state == Experiment.State.ENDED:
            raise InvalidExperiment({"__all__": ["It has ended."]})
        if not 0 <= percent <= 100:
            raise InvalidExperiment({"share_percent": ["From 0 to 100."]})
        if row.state == Experiment.State.DRAFT:
            _check(row)
            _require_free(row)
            row.state, row.started_at = Experiment.State.RUNNING, timezone.now()
        row.share_percent = percent
        row.save()
        return row


def end_experiment(*, actor: User | None, experiment: Experiment) -> Experiment:
    """Everybody gets the preset itself again; the results stay."""
    with changing_rules():
        require(actor is None or may(actor, PERMISSION))
        row = _current(experiment)
        if row.state == Experiment.State.RUNNING:
            row.state, row.ended_at = Experiment.State.ENDED, timezone.now()
            row.save()
        return row


def next_step(experiment: Experiment) -> int | None:
    """None: everybody takes part already."""
    return next((step for step in STEPS if step > experiment.share_percent), None)


def _current(experiment: Experiment) -> Experiment:
    return Experiment.objects.select_for_update().select_related("preset").get(pk=experiment.pk)


def _require_free(row: Experiment) -> None:
    running = Experiment.objects.filter(preset=row.preset, state=Experiment.State.RUNNING)
    other = running.exclude(pk=row.pk).first()
    if other is not None:
        raise InvalidExperiment({"preset": [f"The experiment “{other}” runs on it."]})


def _check(row: Experiment) -> None:
    variants = row.variants
    if not isinstance(variants, list) or not variants:
        raise InvalidExperiment({"variants": ["There is nothing to compare with."]})
    names = [each.get("name") for each in variants if isinstance(each, dict)]
    if len(names) != len(variants) or len(set(names)) != len(names):
        raise InvalidExperiment({"variants": ["Each variant needs a name of its own."]})
    problems = [problem for each in variants if (problem := _problem(each, row))]
    if problems:
        raise InvalidExperiment({"variants": problems})


def _problem(variant: Mapping[str, Any], row: Experiment) -> str | None:
    name, weight = variant.get("name"), variant.get("weight", 1)
    if not isinstance(name, str) or not name.strip() or len(name) > _NAME_MAX_LENGTH:
        return "Each variant needs a name of its own."
    if name == CONTROL:
        return f"“{CONTROL}” is the name of those who do not take part."
    if not isinstance(weight, int) or isinstance(weight, bool) or not 1 <= weight <= 1000:
        return f"{name}: the weight is a whole number from 1 to 1000."
    other = variant.get("preset")
    if not other and not variant.get("model"):
        return f"{name}: name another preset, or another model."
    if other and variant.get("model"):
        return f"{name}: name another preset or another model, not both."
    if other and (other == row.preset_id or not Preset.objects.filter(pk=other).exists()):
        return f"{name}: this is no other preset."
    return None
