"""What is kept in memory: every change is seen at once, everywhere, and nothing costs more."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Group, Membership, User
from presets import resolver, snapshot
from presets.models import Assignment, Policy, Preset
from presets.resolver import offer_for
from presets.startup import offered_endpoints
from tests.conftest import ClientFor

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


def test_config_costs_few_queries_however_many_presets_there_are(
    alice: User, client_for: ClientFor
) -> None:
    def queries(client: Client) -> int:
        client.get("/api/config")
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get("/api/config").status_code == 200
        return len(captured)

    few = queries(client_for(alice))
    served = offered_endpoints()[0]
    for number in range(30):
        group = Group.objects.create(name=f"g{number}", slug=f"g{number}")
        Membership.objects.create(user=alice, group=group)
        preset = make(f"p{number}", served.name, served.models[0])
        Assignment.objects.create(preset=preset, group=group)
    with CaptureQueriesContext(connection) as captured:
        body = client_for(alice).get("/api/config").json()
    assert len(body["modelSpecs"]["list"]) == 30
    assert len(captured) == 8  # the first after a change reads four tables again
    assert queries(client_for(alice)) == few == 4
