"""What the client is told of money when it starts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from providers.models import Channel
from providers.services import add_key, save_channel
from tests.conftest import ClientFor
from usage.models import BillingRules, Price

pytestmark = pytest.mark.django_db

START = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(alice: User, client_for: ClientFor, settings: Any) -> Client:
    settings.PROVIDER_ENVIRONMENT = {}
    settings.DEMO_PROVIDER = "false"
    return client_for(alice)


def make_channel(name: str, **fields: Any) -> Channel:
    channel = Channel(name=name, kind="openai", model_names=["m", "n"], **fields)
    save_channel(channel=channel)
    add_key(channel=channel, secret="sk-1")
    return channel


def add_price(model: str, **fields: Any) -> Price:
    return Price.objects.create(
        model=model, valid_from=START, input_credits=2_500_000, output_credits=10_000_000, **fields
    )


def interface(client: Client) -> Any:
    return client.get("/api/config").json()["interface"]


def token_config(client: Client) -> Any:
    return client.get("/api/endpoints/token-config").json()["openAI"]


def test_costs_are_shown_when_the_rules_say_so(client: Client) -> None:
    assert interface(client)["contextCost"] is False
    rules = BillingRules.objects.create(shows_cost=True, currency_code="EUR", currency_rate="0.875")
    shown = interface(client)
    assert (shown["contextCost"], shown["currency"]) == (True, {"code": "EUR", "rate": 0.875})
    rules.shows_cost = False
    rules.save()
    assert (interface(client)["contextCost"], "currency" in interface(client)) == (False, False)


def test_prices_are_those_of_the_channel_that_would_serve(client: Client) -> None:
    BillingRules.objects.create(shows_cost=True)
    make_channel("first", model_mapping={"m": "gpt-5"})
    dear = make_channel("preferred", priority=5)
    add_price("gpt-5", kind="openai")
    add_price("m", channel_id=dear.pk, cache_read_credits=250_000)
    told = token_config(client)
    context = told["n"]["context"]
    assert told["n"] == {"context": context}
    assert told["m"] == {"context": context, "prompt": 2.5, "completion": 10, "cacheRead": 0.25}
    dear.is_active = False
    save_channel(channel=dear)
    assert token_config(client)["m"] == {"context": context, "prompt": 2.5, "completion": 10}


def test_prices_are_not_told_when_costs_are_not_shown(client: Client) -> None:
    make_channel("first")
    add_price("m", kind="openai")
    assert token_config(client)["m"].keys() == {"context"}


def test_prices_cost_no_queries_while_nothing_changes(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    BillingRules.objects.create(shows_cost=True)
    make_channel("first")
    add_price("m", kind="openai")
    paths = ("config", "endpoints/token-config")
    for path in paths:
        client.get(f"/api/{path}")
    for path in paths:
        with django_assert_num_queries(2):  # the caller, the stamps
            client.get(f"/api/{path}")
