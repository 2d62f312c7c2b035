"""What is kept in memory: every change is seen at once, everywhere, and nothing costs more."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Group, Membership, User
from presets import resolver, snapshot
from presets.explain import explain_resolution
from presets.models import Assignment, Policy, Preset
from presets.resolver import Offer, offer_for
from providers import snapshots
from providers.catalog import EndpointInfo
from providers.models import Channel
from providers.services import add_key, announce_change, save_channel
from tests.conftest import ClientFor
from usage.models import BillingRules, Budget

pytestmark = pytest.mark.django_db


def make(slug: str, endpoint: str = "openAI", model: str = "gpt-4.1") -> Preset:
    return Preset.objects.create(slug=slug, endpoint=endpoint, model=model)


def menu(user: User) -> list[str]:
    return [preset.slug for preset in offer_for(user).presets]


@pytest.mark.usefixtures("offered")
def test_change_is_seen_whichever_way_it_is_written(alice: User) -> None:
    group = Group.objects.create(name="Team", slug="team")
    preset = make("one")
    assert menu(alice) == []
    steps: list[tuple[Callable[[], object], list[str]]] = [
        (lambda: Assignment.objects.create(preset=preset, group=group), []),
        (lambda: Membership.objects.create(user=alice, group=group), ["one"]),
        (lambda: Preset.objects.update(is_active=False), []),
        (lambda: Preset.objects.bulk_update([preset], ["is_active"]), ["one"]),
        (lambda: Group.objects.filter(pk=group.pk).update(is_active=False), []),
        (lambda: group.save(), ["one"]),
        (lambda: Policy.objects.create(allows_group_presets=False), []),
        (lambda: Policy.objects.all().delete(), ["one"]),
        (lambda: alice.memberships.all().delete(), []),
        (
            lambda: Assignment.objects.bulk_create([Assignment(preset=make("two"), user=alice)]),
            ["two"],
        ),
        (lambda: alice.preset_assignments.update(effect="deny"), []),
        (lambda: alice.preset_assignments.update_or_create(defaults={"effect": "allow"}), ["two"]),
        (lambda: Preset.objects.get(slug="two").delete(), []),
    ]
    for number, (write, expected) in enumerate(steps):
        write()
        assert menu(alice) == expected, number


@pytest.mark.usefixtures("offered")
def test_change_of_another_process_is_seen(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process has a memory of its own; only the database is shared."""
    Assignment.objects.create(preset=make("one"), user=alice)
    assert menu(alice) == ["one"]
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(snapshot, "_cached", None)
        elsewhere.setattr(resolver, "_people", {})
        elsewhere.setattr(resolver, "_groups", {})
        assert menu(alice) == ["one"]
        Assignment.objects.create(preset=make("two"), user=alice)
        assert menu(alice) == ["one", "two"]
    assert menu(alice) == ["one", "two"]


@pytest.mark.usefixtures("offered")
def test_windows_open_and_close_at_their_moment(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = timezone.now().replace(microsecond=0) + timedelta(days=1)
    closes = opens + timedelta(hours=1)
    Assignment.objects.create(preset=make("one"), user=alice, starts_at=opens, ends_at=closes)
    tick = timedelta(microseconds=1)

    def at(moment: datetime) -> list[str]:
        monkeypatch.setattr(timezone, "now", lambda: moment)
        return menu(alice)

    moments = (opens - tick, opens, closes - tick, closes)
    assert [at(moment) for moment in moments] == [[], ["one"], ["one"], []]


def everything_in_use(alice: User, count: int) -> None:
    """``count`` of everything a start-up answer is made of, and of what may refuse a call."""
    BillingRules.objects.create(has_balances=True, shows_cost=True)
    for number in range(count):
        group = Group.objects.create(name=f"g{number}", slug=f"g{number}")
        Membership.objects.create(user=alice, group=group)
        preset = make(f"p{number}", "openAI", f"m{number}")
        Assignment.objects.create(preset=preset, group=group)
        Policy.objects.create(group=group, prioritize=False)
        Budget.objects.create(owner_kind="group", owner_id=str(group.pk), limit_credits=10)
        channel = Channel(name=f"c{number}", kind="openai", model_names=[f"m{number}"])
        save_channel(channel=channel)
        add_key(channel=channel, secret="sk-1")
        add_key(channel=channel, secret="sk-2")


@pytest.mark.parametrize("count", [1, 40])
def test_config_costs_the_same_queries_however_much_there_is(
    count: int, alice: User, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_for(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            body = client.get("/api/config").json()
        assert len(body["modelSpecs"]["list"]) == count
        assert body["balance"]["enabled"]
        return len(captured)

    everything_in_use(alice, count)
    first, again = queries(), queries()
    Preset.objects.update(description="changed")
    after_a_preset, renewed = queries(), queries()
    announce_change()
    after_a_channel = queries()
    # The person; the stamps; presets; who gets them and the rules; the groups; the channels.
    assert (first, again) == (6, 2)
    assert (after_a_preset, renewed, after_a_channel) == (5, 2, 3)
    for module, name, nothing in (
        (snapshot, "_cached", None),
        (resolver, "_people", {}),
        (resolver, "_groups", {}),
        (snapshots, "_cached", None),
    ):
        monkeypatch.setattr(module, name, nothing)
    assert queries() == 6  # a process that has just started


@pytest.mark.usefixtures("offered")
def test_rows_are_told_apart_by_all_they_hold(alice: User) -> None:
    """What is remembered of a row is used only while every column of it is the same."""
    group = Group.objects.create(name="Team", slug="team")
    Membership.objects.create(user=alice, group=group)
    one, policy = make("one"), Policy.objects.create(group=group, prioritize=False)
    Assignment.objects.create(preset=one, group=group, priority=1)
    assert offer_for(alice).policy.prioritize is False
    changes: list[tuple[Callable[[], object], Callable[[Offer], object], object]] = [
        (
            lambda: Preset.objects.update(parameters={"temperature": 0.5}),
            lambda offer: offer.presets[0].fields["temperature"],
            0.5,
        ),
        (
            lambda: Assignment.objects.update(priority=7),
            lambda offer: offer.presets[0].assignment.priority,
            7,
        ),
        (
            lambda: Group.objects.filter(pk=group.pk).update(name="Crew"),
            lambda offer: offer.presets[0].assignment.group_name,
            "Crew",
        ),
        (
            lambda: Policy.objects.filter(pk=policy.pk).update(
                scope_precedence=["system", "group", "user"], prioritize=True
            ),
            lambda offer: (offer.policy.prioritize, offer.policy.scope_precedence[0]),
            (True, "system"),
        ),
    ]
    for change, seen, expected in changes:
        change()
        assert seen(offer_for(alice)) == expected


def test_broader_preset_stands_in_when_no_channel_serves_the_narrower_one(
    alice: User, offered: list[EndpointInfo]
) -> None:
    broad = Preset.objects.create(slug="w", name="Broad", endpoint="openAI", model="gpt-4.1")
    narrow = Preset.objects.create(slug="w", name="Narrow", endpoint="openAI", model="o3")
    Assignment.objects.create(preset=broad)
    Assignment.objects.create(preset=narrow, user=alice)

    def names() -> tuple[list[str], list[str]]:
        offer = offer_for(alice)
        return [p.name for p in offer.presets], [p.name for p in offer.unavailable]

    assert names() == (["Narrow"], [])
    openai, other = offered
    offered[0] = replace(openai, models=("gpt-4.1",))
    assert names() == (["Broad"], ["Narrow"])
    turn = resolver.resolve_turn(alice, endpoint="openAI", model="", spec="w")
    assert (turn.preset_name, turn.model) == ("Broad", "gpt-4.1")
    explained = explain_resolution(
        offer_for(alice).resolution, unavailable=offer_for(alice).unavailable
    )
    assert [(each.name, each.state) for each in explained] == [
        ("Broad", "visible"), ("Narrow", "unavailable"),
    ]  # fmt: skip
    offered[0] = openai
    assert names() == (["Narrow"], [])
    offered[:] = [other]
    assert names() == ([], ["Narrow", "Broad"])
