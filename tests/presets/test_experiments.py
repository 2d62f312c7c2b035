"""Experiments: who takes part, what they are given, and how it is begun and taken back."""

from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from librechat_backend.lib.errors import Forbidden
from presets import running
from presets.experiments import CONTROL, ExperimentData, VariantData, variant_for
from presets.explain import explain_resolution
from presets.models import Assignment, Experiment, Preset
from presets.resolver import DeniedTurn, offer_for, resolve_turn
from presets.services import save_preset
from tests.conftest import ClientFor
from tests.factories import UserFactory

PEOPLE = [f"person-{number}" for number in range(2000)]
weights = st.lists(st.integers(1, 5), min_size=1, max_size=4)
shares = st.integers(0, 100)


def experiment(share: int, of: list[int], name: str = "tone") -> ExperimentData:
    variants = [VariantData(f"v{number}", weight) for number, weight in enumerate(of)]
    return ExperimentData(name, share, tuple(variants))


def drawn(planned: ExperimentData) -> dict[str, str]:
    found = {person: variant_for(planned, person) for person in PEOPLE}
    return {person: variant.name for person, variant in found.items() if variant}


# -- Who takes part ----------------------------------------------------------------------------


@given(low=shares, high=shares, of=weights)
def test_growing_share_adds_people_and_moves_nobody(low: int, high: int, of: list[int]) -> None:
    few, many = sorted((low, high))
    before, after = drawn(experiment(few, of)), drawn(experiment(many, of))
    assert before.items() <= after.items()


@given(share=shares, of=weights)
def test_people_are_divided_as_planned(share: int, of: list[int]) -> None:
    """Within five standard deviations of what a fair draw gives."""
    found = list(drawn(experiment(share, of)).values())
    for number, weight in enumerate(of):
        chance = share / 100 * weight / sum(of)
        spread = (len(PEOPLE) * chance * (1 - chance)) ** 0.5
        count = found.count(f"v{number}")
        assert abs(count - len(PEOPLE) * chance) <= 5 * spread + 1


def test_nobody_or_everybody_takes_part_at_the_ends() -> None:
    assert not drawn(experiment(0, [1, 1]))
    assert len(drawn(experiment(100, [1, 1]))) == len(PEOPLE)


def test_two_experiments_draw_different_people() -> None:
    tone, length = (drawn(experiment(50, [1], name)).keys() for name in ("tone", "length"))
    assert 400 < len(tone & length) < 600


# -- What they are given -----------------------------------------------------------------------

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]


@pytest.fixture
def tutor() -> Preset:
    fields = {
        "slug": "tutor", "name": "Tutor", "endpoint": "openAI", "model": "gpt-4.1",
        "system_message": "Teach.", "description": "Explains things.",
    }  # fmt: skip
    preset = save_preset(actor=None, preset=None, fields=fields)
    Assignment.objects.create(preset=preset)
    return preset


def plan(preset: Preset, *variants: dict[str, Any], name: str = "tone") -> Experiment:
    return running.save_experiment(
        actor=None,
        experiment=None,
        fields={"name": name, "preset": preset, "variants": list(variants)},
    )


def begin(row: Experiment, percent: int = 100) -> Experiment:
    return running.set_share(actor=None, experiment=row, percent=percent)


def test_variant_with_another_model_keeps_the_rest(alice: User, tutor: Preset) -> None:
    begin(plan(tutor, {"name": "o3", "model": "o3"}))
    turn = resolve_turn(alice, endpoint="openAI", model="", spec="tutor")
    assert (turn.model, turn.system_message) == ("o3", "Teach.")
    assert (turn.spec, turn.experiment, turn.variant) == ("tutor", "tone", "o3")


def test_variant_of_another_preset_keeps_name_and_looks(
    alice: User, tutor: Preset, client_for: ClientFor
) -> None:
    fields = {
        "slug": "strict", "name": "Strict", "endpoint": "openAI", "model": "o3",
        "system_message": "Be strict.", "parameters": {"temperature": 0.1},
    }  # fmt: skip
    other = save_preset(actor=None, preset=None, fields=fields)
    begin(plan(tutor, {"name": "strict", "preset": other.pk}))
    specs = client_for(alice).get("/api/config").json()["modelSpecs"]["list"]
    assert [(spec["name"], spec["label"]) for spec in specs] == [("tutor", "Tutor")]
    assert specs[0]["description"] == "Explains things."
    assert specs[0]["preset"]["model"] == "o3"
    turn = resolve_turn(alice, endpoint="openAI", model="", spec="tutor")
    assert (turn.system_message, turn.settings["temperature"]) == ("Be strict.", 0.1)


def test_explanation_names_the_experiment_and_the_variant(alice: User, tutor: Preset) -> None:
    save_preset(actor=None, preset=tutor, fields={"locked": ["system_message"]})
    begin(plan(tutor, {"name": "with o3", "model": "o3"}))
    (told,) = explain_resolution(offer_for(alice).resolution)
    assert "In the experiment “tone” this person gets: with o3." in told.notes
    fields = {each.name: each for each in told.fields}
    assert (fields["model"].value, fields["model"].preset) == ("o3", "with o3")
    assert [loser.value for loser in fields["model"].losers] == ["gpt-4.1"]
    assert (fields["system_message"].preset, fields["system_message"].is_locked) == ("Tutor", True)


def test_who_does_not_take_part_is_the_comparison(alice: User, tutor: Preset) -> None:
    begin(plan(tutor, {"name": "o3", "model": "o3"}), percent=0)
    turn = resolve_turn(alice, endpoint="openAI", model="", spec="tutor")
    assert (turn.model, turn.experiment, turn.variant) == ("gpt-4.1", "tone", CONTROL)


def test_nobody_counts_before_it_begins_or_after_it_ended(alice: User, tutor: Preset) -> None:
    row = plan(tutor, {"name": "o3", "model": "o3"})
    assert resolve_turn(alice, endpoint="", model="", spec="tutor").experiment == ""
    running.end_experiment(actor=None, experiment=begin(row))
    turn = resolve_turn(alice, endpoint="", model="", spec="tutor")
    assert (turn.model, turn.experiment) == ("gpt-4.1", "")


def test_variant_nothing_serves_is_given_to_nobody(alice: User, tutor: Preset) -> None:
    begin(plan(tutor, {"name": "none", "model": "no-such-model"}))
    turn = resolve_turn(alice, endpoint="openAI", model="", spec="tutor")
    assert (turn.model, turn.experiment) == ("gpt-4.1", "")


def test_deleted_variant_is_given_to_nobody(alice: User, tutor: Preset) -> None:
    other = save_preset(
        actor=None,
        preset=None,
        fields={"slug": "other", "endpoint": "openAI", "model": "o3"},
    )
    begin(plan(tutor, {"name": "other", "preset": other.pk}))
    other.delete()
    assert resolve_turn(alice, endpoint="", model="", spec="tutor").model == "gpt-4.1"


def test_open_chat_goes_on_when_the_variant_is_on_another_endpoint(
    alice: User, tutor: Preset
) -> None:
    row = begin(plan(tutor, {"name": "c", "endpoint": "anthropic", "model": "claude-opus"}))
    moved = resolve_turn(alice, endpoint="openAI", model="", spec="tutor")
    assert (moved.endpoint, moved.variant) == ("anthropic", "c")
    running.set_share(actor=None, experiment=row, percent=0)
    back = resolve_turn(alice, endpoint="anthropic", model="", spec="tutor")
    assert (back.endpoint, back.variant) == ("openAI", CONTROL)
    with pytest.raises(DeniedTurn):
        resolve_turn(alice, endpoint="google", model="", spec="tutor")


def test_same_person_gets_the_same_everywhere(tutor: Preset) -> None:
    begin(plan(tutor, {"name": "o3", "model": "o3"}), percent=50)
    people = [UserFactory.create() for _ in range(20)]
    offered = [found for user in people if (found := offer_for(user).find("tutor"))]
    asked = [resolve_turn(user, endpoint="", model="", spec="tutor") for user in people]
    assert [preset.variant for preset in offered] == [turn.variant for turn in asked]
    assert {preset.variant for preset in offered} == {"o3", CONTROL}


def test_running_experiment_costs_no_query(
    alice: User, tutor: Preset, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    begin(plan(tutor, {"name": "o3", "model": "o3"}))
    with django_assert_num_queries(4):  # stamps, groups, presets, who gets them
        offer_for(alice)


# -- Changing it -------------------------------------------------------------------------------

GOOD = {"name": "o3", "model": "o3"}


@pytest.mark.parametrize(
    "variants",
    [
        [], "x", [7], [{}], [{"name": "a"}], [{"name": CONTROL, "model": "o3"}],
        [GOOD, GOOD], [{**GOOD, "weight": 0}], [{**GOOD, "weight": True}],
        [{**GOOD, "preset": "nobody"}], [{"name": "a", "preset": "nobody"}],
        [{"name": "x" * 101, "model": "o3"}],
    ],
)  # fmt: skip
def test_plan_that_cannot_be_is_refused(tutor: Preset, variants: Any) -> None:
    with pytest.raises(running.InvalidExperiment):
        running.save_experiment(
            actor=None,
            experiment=None,
            fields={"name": "tone", "preset": tutor, "variants": variants},
        )
    assert not Experiment.objects.exists()


def test_running_experiment_keeps_its_variants(tutor: Preset) -> None:
    row = begin(plan(tutor, GOOD), 5)
    with pytest.raises(running.InvalidExperiment):
        running.save_experiment(actor=None, experiment=row, fields={"variants": [GOOD]})
    running.save_experiment(actor=None, experiment=row, fields={"notes": "Looks good."})
    assert Experiment.objects.get().notes == "Looks good."


def test_two_experiments_on_one_preset_are_refused(tutor: Preset) -> None:
    begin(plan(tutor, GOOD))
    with pytest.raises(running.InvalidExperiment, match="runs on it"):
        begin(plan(tutor, GOOD, name="length"))


def test_who_may_not_change_experiments_is_refused(alice: User, tutor: Preset) -> None:
    row = plan(tutor, GOOD)
    with pytest.raises(Forbidden):
        running.set_share(actor=alice, experiment=row, percent=5)


def test_it_is_planned_grown_and_taken_back_in_the_administration(
    admin_client: Client, tutor: Preset
) -> None:
    form = {
        "name": "tone", "notes": "", "preset": tutor.pk, "variant_1_name": "o3",
        "variant_1_model": "o3", "variant_1_weight": "2",
    }  # fmt: skip
    assert admin_client.post("/admin/presets/experiment/add/", form).status_code == 302
    row = Experiment.objects.get()
    assert row.variants == [
        {"name": "o3", "endpoint": "", "model": "o3", "preset": "", "weight": 2}
    ]
    page = f"/admin/presets/experiment/{row.pk}"
    seen = []
    for percent in ("5", "25", "0"):
        admin_client.post(f"{page}/share/", {"percent": percent})
        row.refresh_from_db()
        seen.append((row.state, row.share_percent))
    assert seen == [("running", 5), ("running", 25), ("running", 0)]
    shown = admin_client.get(f"{page}/change/").content.decode()
    assert "What came of it" in shown
    assert "without (comparison)" in shown
    admin_client.post(f"{page}/end/")
    row.refresh_from_db()
    assert row.state == "ended"


@pytest.mark.parametrize("percent", ["", "-1", "101", "x", "٣", "1" * 9])
def test_share_that_cannot_be_is_refused(admin_client: Client, tutor: Preset, percent: str) -> None:
    row = plan(tutor, GOOD)
    admin_client.post(f"/admin/presets/experiment/{row.pk}/share/", {"percent": percent})
    row.refresh_from_db()
    assert (row.state, row.share_percent) == ("draft", 0)


def test_plan_that_cannot_be_is_explained_in_the_administration(
    admin_client: Client, tutor: Preset
) -> None:
    form = {"name": "tone", "preset": tutor.pk, "variant_1_name": CONTROL, "variant_1_model": "o3"}
    answer = admin_client.post("/admin/presets/experiment/add/", form)
    assert "is the name of those who do not take part" in answer.content.decode()
    assert not Experiment.objects.exists()
