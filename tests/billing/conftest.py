from collections.abc import Iterator

import pytest
from pytest_django import Settings

from billing.models import Plan
from tests.billing.fake_stripe import SECRET, FakeStripe, running_stripe
from usage.models import BillingRules


@pytest.fixture(autouse=True)
def balances(db: None, settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ["whsec_retired", SECRET]
    BillingRules.objects.create(has_balances=True, start_credits=0)


@pytest.fixture
def fake_stripe(settings: Settings) -> Iterator[FakeStripe]:
    with running_stripe() as fake:
        settings.STRIPE_SECRET_KEY = "sk_test_1"
        settings.STRIPE_API_URL = fake.address
        yield fake


@pytest.fixture
def top_up() -> Plan:
    return Plan.objects.create(name="Five dollars", amount=500, credits=5_000_000)


@pytest.fixture
def monthly() -> Plan:
    return Plan.objects.create(
        name="Team",
        amount=2000,
        credits=20_000_000,
        interval=Plan.Interval.MONTH,
        stripe_price_id="price_team",
    )
