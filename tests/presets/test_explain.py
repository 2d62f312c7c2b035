"""Where each value comes from, and what it has beaten."""

from datetime import UTC, datetime
from typing import Any

from presets.explain import State
from presets.explain import explain_resolution as explain
from presets.explain_fields import FieldExplanation, Loss, Source, explain_fields
from presets.resolution import (
    AssignmentData,
    PolicyData,
    PresetData,
    ResolvedPreset,
    Rule,
    Scope,
    resolve,
)

NOW = datetime(2026, 3, 15, tzinfo=UTC)
BASE = PresetData(
    id="base",
    slug="base",
    name="Base",
    version=3,
    fields={"endpoint": "openAI", "model": "o3", "temperature": 0.2, "top_p": 0.9},
    locked=frozenset({"temperature"}),
    bounds={"top_p": (0.1, 0.5)},
)
CHILD = PresetData(
    id="child",
    slug="child",
    name="Child",
    version=7,
    fields={"name": "Child", "model": "gpt-4.1", "temperature": 1.0},
    extends_id="base",
)
GIVEN = AssignmentData(id="a", preset_id="child", scope=Scope.USER, created_at=NOW)
RESOLUTION = resolve(
    user_id="ann",
    now=NOW,
    policy=PolicyData(),
    presets={"base": BASE, "child": CHILD},
    assignments=[GIVEN],
)
RESOLVED: ResolvedPreset = RESOLUTION.visible[0]


def explained(
    asked: dict[str, Any] | None = None, *, allows_override: bool = True
) -> dict[str, FieldExplanation]:
    fields = explain_fields(RESOLVED, asked, allows_override=allows_override)
    return {field.name: field for field in fields}


def losses(field: FieldExplanation) -> list[tuple[object, Source, Loss, str]]:
    return [(lost.value, lost.source, lost.loss, lost.preset) for lost in field.losers]


def test_own_value_overrides_the_inherited_one() -> None:
    model = explained()["model"]
    assert (model.value, model.source, model.preset, model.version) == (
        "gpt-4.1", Source.PRESET, "Child", 7,
    )  # fmt: skip
    assert losses(model) == [("o3", Source.PRESET, Loss.OVERRIDDEN, "Base")]
    assert model.sentence == "Set by the preset itself."


def test_locked_value_of_the_parent_stays() -> None:
    temperature = explained({"temperature": 0.7})["temperature"]
    assert (temperature.value, temperature.preset, temperature.is_locked) == (0.2, "Base", True)
    assert temperature.sentence == "Inherited from “Base” (version 3)."
    assert losses(temperature) == [
        (1.0, Source.PRESET, Loss.LOCKED, "Child"),
        (0.7, Source.REQUEST, Loss.LOCKED, ""),
    ]


def test_value_is_moved_to_the_bound_and_says_so() -> None:
    top_p = explained()["top_p"]
    assert (top_p.value, top_p.source, top_p.bounds) == (0.5, Source.BOUND, (0.1, 0.5))
    assert losses(top_p) == [(0.9, Source.PRESET, Loss.MOVED, "Base")]
    assert top_p.losers[0].sentence == "It was moved to the bound, 0.5."


def test_request_counts_only_where_people_may_change_it() -> None:
    top_p = explained({"top_p": 0.3})["top_p"]
    assert (top_p.value, top_p.source) == (0.3, Source.REQUEST)
    top_p = explained({"top_p": 0.3}, allows_override=False)["top_p"]
    assert (top_p.value, top_p.source) == (0.5, Source.BOUND)
    assert (0.3, Source.REQUEST, Loss.OVERRIDE_OFF, "") in losses(top_p)


def test_values_are_those_of_the_resolution() -> None:
    assert {name: field.value for name, field in explained().items()} == dict(RESOLVED.fields)


def test_preset_whose_model_is_away_is_unavailable() -> None:
    [only] = explain(RESOLUTION, unavailable=RESOLUTION.visible)
    assert (only.state, only.rule, only.position) == (State.UNAVAILABLE, Rule.UNAVAILABLE, None)
    assert "No channel serves the model “gpt-4.1” of “openAI” at present." in only.sentence
