"""Limits of people, groups, models and addresses: in the API, in the chat, over two servers."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Group, User
from accounts.models.stamp import current_stamp
from accounts.services.groups import add_member
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from librechat_backend.lib.internal_hosts import parse_network
from providers.types import TextDelta
from tests.conversations.chat.conftest import model  # noqa: F401
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter
from tests.gateway.conftest import Api, MakeChannel, MakeKey, chat_body, log_rows
from tests.gateway.test_limits import servers  # noqa: F401
from tests.live import LiveServer
from tests.providers.conftest import Fake
from usage import rate_limits
from usage.limits import Measure
from usage.models import RateLimit
from usage.rate_limits import Asker, Rule, Rules


async def limit(**fields: Any) -> RateLimit:
    return await in_database(RateLimit.objects.create, **{"requests_per_minute": 1, **fields})


@pytest.mark.parametrize(
    ("fields", "owner"),
    [
        ({}, "The limit of each person"),
        ({"counted": "address"}, "The limit of each address"),
        ({"counted": "together", "model": "m*"}, "The limit of everybody together using 'm*'"),
        ({"network": "203.0.113.0/24"}, "The limit of each person at 203.0.113.0/24"),
    ],
)
async def test_refusal_names_whose_limit_it_is(
    api: Api, make_channel: MakeChannel, fake: Fake, fields: dict[str, str], owner: str
) -> None:
    await in_database(make_channel)
    await limit(**fields)
    answer = await api.chat()
    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-limit-requests"] == "1"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    refused = await api.chat(stream=True)
    assert refused.status_code == 429
    assert refused.json()["error"]["message"] == f"{owner} allows 1 requests a minute."
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    assert len(fake.received()) == 1
    row = (await log_rows())[-1]
    assert (row.status, row.http_status, row.error) == ("refused", 429, "rate_limit_exceeded")


async def test_group_has_its_limit_with_the_groups_below(
    api: Api, alice: User, bob: User, make_key: MakeKey, make_channel: MakeChannel
) -> None:
    await in_database(make_channel)
    school = await in_database(Group.objects.create, name="School", slug="school")
    below = await in_database(lambda: Group.objects.create(name="Class", slug="c", parent=school))
    for person in (alice, bob):
        await in_database(add_member, group=below, user=person, actor=None)
    await limit(group=school, counted="together", requests_per_minute=2)
    api_of_bob = Api(await in_database(make_key, bob))
    statuses = [(await each.chat()).status_code for each in (api, api_of_bob, api, api_of_bob)]
    assert statuses == [200, 200, 429, 429]
    refused = await api_of_bob.chat()
    assert "The limit of the group 'School' together allows" in refused.text
    await api_of_bob.http.aclose()


async def test_others_are_not_held_by_it(
    api: Api, alice: User, bob: User, charlie: User, make_key: MakeKey, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, model_names=["m", "n"])
    group = await in_database(Group.objects.create, name="Others", slug="others")
    await in_database(add_member, group=group, user=charlie, actor=None)
    for fields in ({"user": bob}, {"group": group}, {"model": "n"}, {"network": "198.51.100.7"}):
        await limit(**fields)
    assert [(await api.chat()).status_code for _ in range(3)] == [200] * 3
    assert [(await api.chat(model="n")).status_code for _ in range(2)] == [200, 429]
    api.key = await in_database(make_key, bob)
    assert [(await api.chat()).status_code for _ in range(2)] == [200, 429]


async def test_model_is_limited_behind_its_other_names(api: Api, make_channel: MakeChannel) -> None:
    from providers.models import ModelAlias
    from providers.services import save_route

    await in_database(make_channel)
    await in_database(save_route, row=ModelAlias(name="fast", target="m"))
    await limit(model="m")
    assert [(await api.chat(model=name)).status_code for name in ("fast", "m")] == [200, 429]


async def test_tightest_limit_is_told(
    api: Api, alice: User, make_key: MakeKey, make_channel: MakeChannel
) -> None:
    await in_database(make_channel)
    await limit(requests_per_minute=3)
    api.key = await in_database(make_key, alice, requests_per_minute=50)
    answer = await api.chat()
    assert answer.headers["x-ratelimit-limit-requests"] == "3"
    assert answer.headers["x-ratelimit-remaining-requests"] == "2"


async def test_place_is_given_back_by_an_answer_that_fails(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, sends="[[status:500]]")
    await in_database(make_channel, "second", sends="[[status:400]]")
    await limit(requests_per_minute=None, parallel_requests=1)
    for _ in range(3):
        assert (await api.chat()).status_code in (400, 502)


async def test_tokens_are_counted_when_they_are_known(api: Api, make_channel: MakeChannel) -> None:
    """Each answer takes 29."""
    await in_database(make_channel)
    await limit(requests_per_minute=None, tokens_per_minute=40)
    assert [(await api.chat()).status_code for _ in range(3)] == [200, 200, 429]


async def test_only_models_are_limited(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    await limit()
    for _ in range(2):
        assert (await api.post("/v1/tokenize", {"model": "m", "input": "x"})).status_code == 200
        assert (await api.get("/v1/models")).status_code == 200
        assert (await api.get("/v1/route-check?model=m")).status_code == 200
    assert (await api.chat()).status_code == 200


async def test_chat_says_whose_limit_it_is(
    model: ScriptedAdapter,  # noqa: F811
    transactional_db: None,
    settings: Any,
    alice: User,
) -> None:
    settings.TITLE_CONVO = False
    await limit(user=alice)
    client = ChatClient(alice)
    model.say(TextDelta("Yes."))
    model.finish()
    first = await client.final(await client.start())
    assert not first["responseMessage"].get("error")
    second = await client.final(await client.start())
    assert second["responseMessage"]["error"]
    text = second["responseMessage"]["text"]
    assert text.startswith("The limit of Alice allows 1 requests a minute. Try again in ")
    assert len(model.requests) == 1


# -- Which rules hold ----------------------------------------------------------------------

USERS, GROUPS, MODELS = ["u1", "u2"], [1, 2, 3], ["gpt-a", "gpt-b", "tutor"]
NETWORKS = ["", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"]
PLACES = ["", "10.1.2.3", "10.9.9.9", "2001:db8::7", "192.0.2.1"]

rules = st.builds(
    Rule,
    id=st.uuids().map(str),
    owner=st.just("The limit"),
    user_id=st.none() | st.sampled_from(USERS),
    group_id=st.none() | st.sampled_from(GROUPS),
    model=st.sampled_from(["", "*", "gpt-*", "GPT-A", "tutor"]),
    network=st.sampled_from(NETWORKS).map(lambda text: parse_network(text) if text else None),
    counted=st.sampled_from(RateLimit.Counted.values),
    amounts=st.just(((Measure.REQUESTS, 5), (Measure.PARALLEL, 1))),
)
askers = st.builds(
    Asker,
    user_id=st.sampled_from(USERS),
    group_ids=st.frozensets(st.sampled_from(GROUPS)),
    address=st.sampled_from(PLACES),
    names=st.lists(st.sampled_from(MODELS), max_size=2).map(tuple),
)
IN = {
    ("10.1.2.3", "10.0.0.0/8"), ("10.1.2.3", "10.1.0.0/16"), ("10.9.9.9", "10.0.0.0/8"),
    ("2001:db8::7", "2001:db8::/32"),
}  # fmt: skip
NAMED = {
    "": set(MODELS), "*": set(MODELS), "gpt-*": {"gpt-a", "gpt-b"}, "GPT-A": {"gpt-a"},
    "tutor": {"tutor"},
}  # fmt: skip


def expected(rules: Iterable[Rule], asker: Asker, name: str) -> set[str]:
    found = set()
    for rule in rules:
        fits_user = rule.user_id is None or rule.user_id == asker.user_id
        fits_group = rule.group_id is None or rule.group_id in asker.group_ids
        fits_name = bool(NAMED[rule.model] & {*asker.names, name})
        fits_place = rule.network is None or (asker.address, str(rule.network)) in IN
        if fits_user and fits_group and fits_name and fits_place:
            found.add(rule.id)
    return found


@given(st.lists(rules, max_size=4), askers, st.sampled_from(MODELS))
def test_rule_holds_when_all_its_conditions_do(table: list[Rule], asker: Asker, name: str) -> None:
    found = Rules(tuple(table)).limits_for(asker, name)
    assert {each.key.split(":")[1] for each in found} == expected(table, asker, name)
    places = [each.measure is Measure.PARALLEL for each in found]
    assert places == sorted(places)


@given(st.lists(rules, min_size=1, max_size=1), askers, askers, st.sampled_from(MODELS))
def test_counters_are_shared_as_the_rule_says(
    table: list[Rule], one: Asker, other: Asker, name: str
) -> None:
    (rule,), made = table, Rules(tuple(table))
    if not (rule.holds_for(one, name) and rule.holds_for(other, name)):
        return
    is_shared = made.limits_for(one, name)[0].key == made.limits_for(other, name)[0].key
    together = {"person": one.user_id == other.user_id, "address": one.address == other.address}
    assert is_shared is together.get(rule.counted, True)


def test_network_of_an_ipv6_address_is_one_place() -> None:
    one = Asker("u", frozenset(), "2001:db8:1:2::1")
    other = Asker("u", frozenset(), "2001:db8:1:2:ffff::9")
    assert one.counter("address") == other.counter("address") == "2001:db8:1:2::"


# -- The admin, and two servers ------------------------------------------------------------


@pytest.mark.django_db
def test_limit_is_made_in_the_admin(admin_user: User, alice: User) -> None:
    browser = Client()
    browser.force_login(admin_user)
    url = reverse("admin:usage_ratelimit_add")
    fields = {"user": alice.pk, "counted": "person", "is_active": "on", "network": "10.0.0.0/99"}
    page = browser.post(url, fields).content.decode()
    assert "Say how much" in page
    page = browser.post(url, {**fields, "requests_per_minute": "3"}).content.decode()
    assert "Enter an address such as 203.0.113.7" in page
    browser.post(url, {**fields, "requests_per_minute": "3", "network": "10.0.0.9/8"})
    (row,) = RateLimit.objects.all()
    assert row.network == "10.0.0.0/8"
    listed = browser.get(reverse("admin:usage_ratelimit_changelist")).content.decode()
    assert "Alice at 10.0.0.0/8" in listed


async def test_limit_holds_over_two_servers_and_both_faces(
    servers: tuple[LiveServer, LiveServer],  # noqa: F811
) -> None:
    """Three requests: one to each server's API, one in the chat of the second."""
    first, second = servers
    made = await asyncio.to_thread(
        first.manage, "create_api_key", "ada@example.com", "--quiet", "--name", "rules"
    )
    await asyncio.to_thread(
        first.manage, "shell", "-v", "0", "-c",
        "from accounts.models import User; from usage.models import RateLimit; "
        "RateLimit.objects.create(user=User.objects.get(email='ada@example.com'), "
        "requests_per_minute=3)",
    )  # fmt: skip
    key = {"authorization": f"Bearer {made.strip().splitlines()[-1]}"}
    token = await asyncio.to_thread(first.sign_in, "ada@example.com", "correct horse battery")
    async with httpx.AsyncClient(timeout=30) as http:
        for server in servers:
            answer = await http.post(
                f"{server.base_url}/v1/chat/completions", json=chat_body(), headers=key
            )
            assert answer.status_code == 200, answer.text
        own = {"authorization": f"Bearer {token}", "user-agent": "Mozilla/5.0 Chrome/130"}
        assert HELLO_THERE in await say(http, second, own)
        answer = await http.post(
            f"{first.base_url}/v1/chat/completions", json=chat_body(), headers=key
        )
        assert answer.status_code == 429
        assert "The limit of Ada" in answer.text or "The limit of ada" in answer.text
        assert "allows 3 requests a minute. Try again in" in await say(http, first, own)


HELLO_THERE = "fake provider."


async def say(http: httpx.AsyncClient, server: LiveServer, headers: dict[str, str]) -> str:
    """A turn of the chat, to its end; all that the stream said."""
    body = {
        "text": "Hi", "endpoint": "openAI", "model": "m", "parentMessageId": NO_PARENT,
        "clientRequestId": new_uuid(), "isTemporary": True,
    }  # fmt: skip
    url = f"{server.base_url}/api/agents/chat"
    started = await http.post(f"{url}/openAI", json=body, headers=headers)
    assert started.status_code == 200, started.text
    stream = f"{url}/stream/{started.json()['streamId']}"
    return (await http.get(stream, params={"resume": "true"}, headers=headers)).text


class Overtaken(str):
    """A stamp; while it is compared, another thread puts older rules in the place of the known."""

    def __ne__(self, other: object) -> bool:
        rate_limits._cached = "older", Rules(())
        return str.__ne__(self, other)

    __hash__ = str.__hash__


def test_rules_are_those_of_the_stamp_whatever_others_read_meanwhile(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "_cached", None)
    RateLimit.objects.create(requests_per_minute=1)
    stamp = current_stamp()
    assert len(rate_limits.current_rules(stamp).rules) == 1
    assert len(rate_limits.current_rules(Overtaken(stamp)).rules) == 1
