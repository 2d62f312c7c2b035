"""Experiments on presets: who takes part, and what they are given. Pure.

A person's number is a hash of the experiment and the person, so it is the same in the chat and in
the API, in every process and on every day. Those below the share of people take part and are
divided among the variants by weight with a second number; so a growing share only ever adds people
to variants, and moves nobody from one to another. All others are the comparison.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from librechat_backend.lib.json import JSONValue
from presets.fields import LOOKS
from presets.resolution import Fields, PresetData, ResolvedPreset, Served, fill_in

# Who does not take part, under a name no variant may have.
CONTROL = "control"
# How a preset looks stays: people are not to notice.
KEPT = ("name", "description", "icon_url", "greeting", "conversation_starters", *LOOKS)
_NUMBERS = 10_000


@dataclass(frozen=True, slots=True)
class VariantData:
    """Another preset (its id), or another model for the same preset."""

    name: str
    weight: int = 1
    preset_id: str = ""
    endpoint: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentData:
    """One that runs. ``share_percent`` of the people who have the preset take part."""

    name: str
    share_percent: int
    variants: tuple[VariantData, ...]


def read_variants(stored: Sequence[Mapping[str, JSONValue]]) -> tuple[VariantData, ...]:
    return tuple(
        VariantData(
            name=str(each["name"]),
            weight=weight if isinstance(weight := each.get("weight", 1), int) else 1,
            preset_id=str(each.get("preset") or ""),
            endpoint=str(each.get("endpoint") or ""),
            model=str(each.get("model") or ""),
        )
        for each in stored
    )


def variant_for(experiment: ExperimentData, user_id: str) -> VariantData | None:
    """None: the person is of the comparison."""
    if _number(experiment.name, "share", user_id) >= experiment.share_percent * _NUMBERS // 100:
        return None
    total = sum(variant.weight for variant in experiment.variants)
    place = _number(experiment.name, "variant", user_id) * total
    for variant in experiment.variants:
        place -= variant.weight * _NUMBERS
        if place < 0:
            return variant
    return None


def _number(experiment: str, question: str, user_id: str) -> int:
    """From 0 to 9,999."""
    digest = hashlib.sha256(f"{experiment}:{question}:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _NUMBERS


def in_experiment(
    preset: ResolvedPreset,
    user_id: str,
    presets: Mapping[str, PresetData],
    served: Served,
) -> ResolvedPreset:
    """``preset`` as the person gets it while an experiment runs on it.

    Where nothing serves the variant, the person gets the preset itself and does not count.
    """
    experiment = preset.preset.experiment
    if experiment is None:
        return preset
    known = frozenset(
        _with_variant(preset, variant, presets).endpoint for variant in experiment.variants
    )
    variant = variant_for(experiment, user_id)
    if variant is None:
        return replace(preset, experiment=experiment.name, variant=CONTROL, other_endpoints=known)
    changed = _with_variant(preset, variant, presets)
    if served is not None and (changed.endpoint, changed.model) not in served:
        return replace(preset, other_endpoints=known)
    return replace(
        changed,
        experiment=experiment.name,
        variant=variant.name,
        other_endpoints=known | {preset.endpoint},
    )


def _with_variant(
    preset: ResolvedPreset, variant: VariantData, presets: Mapping[str, PresetData]
) -> ResolvedPreset:
    """What stands in another preset under the name and looks of this one."""
    if not variant.preset_id:
        changed = {"endpoint": variant.endpoint or preset.endpoint, "model": variant.model}
        return _changed(preset, preset, variant, changed)
    stored = presets.get(variant.preset_id)
    if stored is None or not stored.is_active:
        return replace(preset, fields={**preset.fields, "model": ""})
    other = fill_in(stored, presets, preset.assignment)
    fields = {name: value for name, value in other.fields.items() if name not in KEPT}
    looks = {name: preset.fields[name] for name in KEPT if name in preset.fields}
    return _changed(preset, replace(other, fields=fields), variant, looks)


def _changed(
    preset: ResolvedPreset, base: ResolvedPreset, variant: VariantData, fields: Fields
) -> ResolvedPreset:
    """``base`` with ``fields`` under the name of ``preset``.

    In the explanation they are set by the variant, and no lock of the presets holds against it.
    """
    own = replace(preset.preset, name=variant.name, fields=fields, locked=frozenset())
    above = (replace(each, locked=each.locked - fields.keys()) for each in base.chain)
    return replace(
        preset,
        chain=(own, *above),
        fields={**base.fields, **fields},
        locked=base.locked,
        bounds=base.bounds,
    )
