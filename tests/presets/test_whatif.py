"""Trying changes out."""

import threading
from functools import partial
from typing import Any

import pytest
from django.db import connections

from accounts.models import Group, Membership, User
from accounts.models.stamp import current_stamp
from accounts.services.groups import add_member, create_group, remove_member
from librechat_backend.lib.errors import Forbidden
from presets import resolver, snapshot
from presets.exceptions import InvalidAssignment
from presets.models import Assignment, Policy, Preset, PresetVersion
from presets.policies import save_policy
from presets.resolver import offer_for
from presets.services import assign_preset, save_preset
from presets.whatif import Change, Difference, FieldChange, Move, RuleChange, people_of, what_if

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]


def make(slug: str, **fields: Any) -> Preset:
    given = {"slug": slug, "name": slug, "endpoint": "openAI", "model": "gpt-4.1"} | fields
    return save_preset(actor=None, preset=None, fields=given)


@pytest.fixture
def team(alice: User) -> Group:
    group = create_group(actor=None, name="Team")
    add_member(actor=None, group=group, user=alice)
    for place, slug in enumerate(("first", "second", "third")):
        assign_preset(actor=None, preset=make(slug), group=group, priority=9 - place)
    return group


def difference(user: User, *changes: partial[Any]) -> Difference:
    [outcome] = what_if([user], changes)
    return outcome.difference


def test_nothing_differs_when_nothing_changes(alice: User, team: Group) -> None:
    assert difference(alice).is_empty
    assert difference(alice) == Difference()


def test_membership_brings_and_takes_presets(alice: User, bob: User, team: Group) -> None:
    added = difference(bob, partial(add_member, actor=None, group=team, user=bob)).added
    assert [(line.slug, line.why) for line in added] == [
        ("first", "Given to the group “Team”. Its priority is 9."),
        ("second", "Given to the group “Team”. Its priority is 8."),
        ("third", "Given to the group “Team”. Its priority is 7."),
    ]
    removed = difference(alice, partial(remove_member, actor=None, group=team, user=alice)).removed
    assert [line.slug for line in removed] == ["first", "second", "third"]
    assert {line.why for line in removed} == {"It is no longer given to this person."}


def test_only_what_really_moves_is_called_moved(alice: User, team: Group) -> None:
    third = Preset.objects.get(slug="third")
    up = partial(assign_preset, actor=None, preset=third, group=team, priority=99, is_default=True)
    expected = Difference(moved=(Move("third", "third", 3, 1),), default=("", "third"))
    assert difference(alice, up) == expected


def test_denial_is_explained(alice: User, team: Group) -> None:
    first = Preset.objects.get(slug="first")
    deny = partial(assign_preset, actor=None, preset=first, user=alice, effect="deny")
    [line] = difference(alice, deny).removed
    assert (line.slug, line.why) == ("first", "Taken away from this person.")


def test_fields_rules_and_models_are_compared(alice: User, team: Group) -> None:
    change = partial(
        save_preset, actor=None, preset=Preset.objects.get(slug="first"), fields={"model": "o3"}
    )
    found = difference(alice, change, partial(save_policy, actor=None, group=team, enforce=True))
    assert found.changed == (FieldChange("first", "first", "model", "gpt-4.1", "o3"),)
    assert found.policy == (RuleChange("enforce", False, True),)
    gone = (("anthropic", "claude-opus"), ("openAI", "gpt-4.1-mini"))
    assert (found.models_added, found.models_removed) == ((), gone)


def test_people_of_a_group_are_those_below_it_too(alice: User, bob: User, team: Group) -> None:
    add_member(actor=None, group=create_group(actor=None, name="Sub", parent=team), user=bob)
    assert people_of(team) == [alice, bob]


def counts() -> list[int]:
    tables = (Preset, PresetVersion, Assignment, Policy, Group, Membership)
    return [table.objects.count() for table in tables]


def test_no_trace_is_left(alice: User, team: Group) -> None:
    before, kept = offer_for(alice), (snapshot._cached, dict(resolver._people))
    stamp, rows = current_stamp(), counts()
    what_if(
        [alice],
        [
            partial(save_policy, actor=None, enforce=True),
            partial(make, "new"),
            partial(remove_member, actor=None, group=team, user=alice),
        ],
    )
    assert (current_stamp(), counts()) == (stamp, rows)
    assert (snapshot._cached, resolver._people) == kept
    assert offer_for(alice) == before


@pytest.mark.parametrize("is_allowed", [True, False])
def test_no_trace_is_left_when_a_change_is_refused(
    alice: User, charlie: User, team: Group, is_allowed: bool
) -> None:
    first, stamp, rows = Preset.objects.get(slug="first"), current_stamp(), counts()
    assign = partial(assign_preset, actor=None if is_allowed else charlie, preset=first)
    changes: list[Change] = [
        partial(make, "new"),
        partial(assign, user=alice, rollout_percent=200),
    ]
    with pytest.raises(InvalidAssignment if is_allowed else Forbidden):
        what_if([alice], changes)
    assert (current_stamp(), counts()) == (stamp, rows)


@pytest.mark.django_db(transaction=True)
def test_others_never_see_what_is_tried_out(alice: User, team: Group) -> None:
    """Somebody asks for their menu while the change is made, and once more afterwards."""
    seen: list[list[str]] = []

    def ask() -> None:
        try:
            seen.append([preset.slug for preset in offer_for(alice).presets])
        finally:
            connections.close_all()

    def ask_elsewhere() -> None:
        # The change itself fills what is kept in memory, as a careless caller might.
        offer_for(alice)
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(timeout=30)

    take = partial(remove_member, actor=None, group=team, user=alice)
    [outcome] = what_if([alice], [take, ask_elsewhere])
    assert outcome.after.presets == ()
    ask()
    assert seen == [["first", "second", "third"]] * 2
