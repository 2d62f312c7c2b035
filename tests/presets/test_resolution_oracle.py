"""The resolution against the oracle, in random organisations; and listing against calling."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from librechat_backend.lib.errors import InvalidRequest
from presets.models import Preset
from presets.resolver import DeniedTurn, Offer, offer_for, resolve_turn
from presets.startup import offered_endpoints
from presets.whatif import offers
from tests.presets.oracle import Oracle, Seen
from tests.presets.worlds import PAIRS, World, draw_world

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]

in_random_worlds = settings(
    # What is resolved is worked out in Python; of the queries a third shows as much.
    max_examples=150 if connection.vendor == "sqlite" else 50,
    deadline=None,
    derandomize=True,
    # A world takes long to shrink; the same one comes again at each run.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def in_world(data: st.DataObject, check: Callable[[World], None]) -> None:
    """The world is gone afterwards, and never was for others."""
    with transaction.atomic():
        check(draw_world(data.draw))
        transaction.set_rollback(True)


def seen(offer: Offer) -> list[Seen]:
    return [
        Seen(
            preset.preset.id,
            preset.assignment.id,
            dict(preset.fields),
            set(preset.locked),
            dict(preset.bounds),
        )
        for preset in offer.presets
    ]


@in_random_worlds
@given(data=st.data())
def test_menu_is_what_the_oracle_says(data: st.DataObject) -> None:
    def check(world: World) -> None:
        now, served = timezone.now(), {(i.name, m) for i in offered_endpoints() for m in i.models}
        for user in world.users:
            oracle, offer = Oracle(user, now, served), offer_for(user)
            assert seen(offer) == oracle.menu()
            assert (offer.default.preset.id if offer.default else None) == oracle.default()
            for name, value in oracle.rules.items():
                rule = getattr(offer.policy, name)
                assert (list(rule) if name == "scope_precedence" else rule) == value
            assert [seen(each) for each in offers([user], now)] == [seen(offer)]
            assert_everything_is_accounted_for(oracle, offer)

    in_world(data, check)


def assert_everything_is_accounted_for(oracle: Oracle, offer: Offer) -> None:
    """Each preset that was given or taken is in exactly one place."""
    places = [
        *(preset.preset.id for preset in offer.presets),
        *(preset.preset.id for preset in offer.unavailable),
        *(hidden.preset.id for hidden in offer.resolution.hidden),
    ]
    assert len(places) == len(set(places))
    decided = {preset.pk for preset in Preset.objects.all() if oracle.deciding(preset)}
    assert decided <= set(places)


@in_random_worlds
@given(data=st.data())
def test_what_is_listed_can_be_called_and_nothing_else(data: st.DataObject) -> None:
    def check(world: World) -> None:
        slugs = ("", "a", "b", "c", "s1", "s2", "unknown")
        for user in world.users:
            offer = offer_for(user)
            for endpoint, model in (*PAIRS, ("unknown", "gpt-4.1")):
                for slug in slugs:
                    asked = {"endpoint": endpoint, "model": model, "spec": slug}
                    assert called(user, **asked) == listed(offer, **asked), asked

    in_world(data, check)


def called(user: User, **asked: Any) -> tuple[str, str, str] | None:
    try:
        turn = resolve_turn(user, **asked)
    except (DeniedTurn, InvalidRequest):
        return None
    return turn.endpoint, turn.model, turn.spec


def listed(offer: Offer, *, endpoint: str, model: str, spec: str) -> tuple[str, str, str] | None:
    """What the menu promises for this request: endpoint, model and preset, or nothing."""
    preset = next((p for p in offer.presets if spec and p.slug == spec), None)
    models = {(info.name, each) for info in offer.endpoints for each in info.models}
    if preset is not None:
        assert (preset.endpoint, preset.model) in models  # else the client swaps it
        return (endpoint, preset.model, spec) if endpoint == preset.endpoint else None
    if spec or offer.policy.enforce:
        return None
    return (endpoint, model, "") if (endpoint, model) in models else None
