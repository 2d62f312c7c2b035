"""``/api/usage`` and ``/api/admin/usage``: one's own, everybody's, and those of one's groups."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Group, Membership, User
from accounts.tokens import issue_access_token
from librechat_backend.lib import json
from tests.conftest import ClientFor
from tests.presets.api_shapes import checked
from tests.usage.analytics_rows import BEGIN, added_up, log, requests
from usage.analytics.rollup import roll_up, roll_up_all
from usage.models import RequestLog, UncountedRequest, UsageDaily

pytestmark = pytest.mark.django_db

OWN, ROWS, ADMIN = "/api/usage", "/api/usage/requests", "/api/admin/usage"
DAYS = "from=2025-12-25&to=2026-01-10&limit=200"
WIRE = {
    "requests": "requests", "inputTokens": "input_tokens", "outputTokens": "output_tokens",
    "cacheReadTokens": "cache_read_tokens", "cacheWriteTokens": "cache_write_tokens",
    "reasoningTokens": "reasoning_tokens", "costCredits": "cost_credits",
    "unpricedRequests": "unpriced", "zeroPricedRequests": "zero_priced",
    "cacheHits": "cache_hits", "errors": "errors",
}  # fmt: skip


def row(user: User, **fields: Any) -> dict[str, Any]:
    return {"created_at": BEGIN, "face": "chat", "status": "ok", "user_id": user.pk, **fields}


def sums(shown: dict[str, Any]) -> dict[str, int]:
    return {name: shown[wire] for wire, name in WIRE.items()}


def expected(rows: list[dict[str, Any]], key: Any) -> dict[Any, dict[str, int]]:
    found = added_up(rows, key)
    return {each: {name: sums[name] for name in WIRE.values()} for each, sums in found.items()}


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(requests, max_size=12), st.integers(1, 8))
def test_sums_equal_the_log(
    alice: User, admin_user: User, rows: list[dict[str, Any]], counted: int
) -> None:
    for model in (RequestLog, UncountedRequest, UsageDaily):
        model.objects.all().delete()
    rows = [{**each, "user_id": alice.pk if each["user_id"] else None} for each in rows]
    log(rows)
    roll_up(limit=counted)
    own, every = (Client(headers={"authorization": f"Bearer {issue_access_token(user)}"})
                  for user in (alice, admin_user))  # fmt: skip
    mine = [each for each in rows if each["user_id"]]
    for client, path, chosen in ((own, OWN, mine), (every, ADMIN, rows)):
        for grouping, key in (
            ("model", lambda each: each["served_model"] or each["requested_model"]),
            ("status", lambda each: each["status"]),
        ):
            answer = client.get(f"{path}?{DAYS}&groupBy={grouping}").json()
            assert {each["key"]: sums(each) for each in answer["usage"]} == expected(chosen, key)
            total = expected(chosen, lambda each: "").get("") or dict.fromkeys(WIRE.values(), 0)
            assert sums(answer["totals"]) == total
    listed = own.get(f"{ROWS}?{DAYS}").json()
    assert listed["total"] == len(mine)
    assert sum(each["costCredits"] or 0 for each in listed["requests"]) == sum(
        each["cost_credits"] or 0 for each in mine
    )


def test_groups_count_a_request_once_each_and_totals_once(
    admin_user: User, alice: User, client_for: ClientFor
) -> None:
    company = Group.objects.create(name="Company", slug="company")
    teams = [Group.objects.create(name=f"T{n}", slug=f"t{n}", parent=company) for n in range(2)]
    path = [{"id": each.pk, "name": each.name} for each in (*teams, company, teams[0])]
    log([row(alice, groups=path, cost_credits=5), row(alice, cost_credits=2)])
    answer = checked(client_for(admin_user).get(f"{ADMIN}?{DAYS}&groupBy=group"))
    costs = {each["name"]: each["costCredits"] for each in answer["usage"]}
    assert costs == {"Company": 5, "T0": 5, "T1": 5}
    assert answer["totals"]["costCredits"] == 7
    only = checked(client_for(admin_user).get(f"{ADMIN}?{DAYS}&group={company.pk}"))
    assert only["totals"]["costCredits"] == 5


def test_own_requests_are_paged_and_tell_nothing_of_channels(
    alice: User, bob: User, client_for: ClientFor
) -> None:
    log(
        row(alice, created_at=BEGIN + timedelta(minutes=n), requested_model=f"m{n}",
            channel_id="secret-channel", channel_name="secret-channel", key_id="secret-key")
        for n in range(5)
    )  # fmt: skip
    log([row(bob, requested_model="of-bob")])
    client = client_for(alice)
    pages = [client.get(f"{ROWS}?{DAYS}&limit=2&offset={n}") for n in (0, 2, 4)]
    names = [each["model"] for page in pages for each in page.json()["requests"]]
    assert names == ["m4", "m3", "m2", "m1", "m0"]
    assert "secret" not in "".join(page.content.decode() for page in pages)
    assert client.get(f"{ROWS}?{DAYS}&model=m3").json()["total"] == 1
    assert client.get(f"{OWN}?{DAYS}&groupBy=channel").status_code == 400
    first = client.get(f"{OWN}?{DAYS}&groupBy=model&limit=2&offset=4").json()
    assert (first["total"], len(first["usage"])) == (5, 1)


def test_nobody_sees_what_others_used(
    alice: User, bob: User, charlie: User, client_for: ClientFor, stranger: Client
) -> None:
    team = Group.objects.create(name="Team", slug="team")
    other = Group.objects.create(name="Other", slug="other")
    Membership.objects.create(user=alice, group=team, role=Membership.Role.MANAGER)
    log(
        [
            row(bob, groups=[{"id": team.pk, "name": "Team"}], cost_credits=3),
            row(charlie, groups=[{"id": other.pk, "name": "Other"}], cost_credits=4),
        ]
    )
    for path in (OWN, ROWS, ADMIN):
        assert stranger.get(path).status_code == 401
    assert client_for(charlie).get(ADMIN).status_code == 403
    assert (
        client_for(charlie).get(f"{OWN}?{DAYS}&user={bob.pk}").json()["totals"]["costCredits"] == 4
    )
    for _ in range(2):
        for query in (
            "",
            f"&user={charlie.pk}",
            f"&group={other.pk}",
            "&groupBy=group",
            "&groupBy=user",
        ):
            answer = checked(client_for(alice).get(f"{ADMIN}?{DAYS}{query}"))
            assert answer["totals"]["costCredits"] in (0, 3)
            assert "Other" not in json.dumps(answer).decode()
            assert charlie.pk not in json.dumps(answer["usage"]).decode()
        roll_up_all()


def test_queries_do_not_grow(
    alice: User, admin_user: User, client_for: ClientFor, django_assert_num_queries: Any
) -> None:
    team = Group.objects.create(name="Team", slug="team")
    log(
        row(alice, groups=[{"id": team.pk, "name": "Team"}], requested_model=f"m{n}",
            channel_id=f"c{n}", channel_name="C")
        for n in range(30)
    )  # fmt: skip
    roll_up_all()
    own, every = client_for(alice), client_for(admin_user)
    with django_assert_num_queries(2):
        own.get(f"{OWN}?{DAYS}&groupBy=model")
    with django_assert_num_queries(3):
        own.get(f"{ROWS}?{DAYS}")
    for grouping, count in (("day", 2), ("channel", 3), ("user", 3), ("group", 5)):
        with django_assert_num_queries(count):
            every.get(f"{ADMIN}?{DAYS}&groupBy={grouping}")


@pytest.mark.parametrize(
    "query",
    ["from=x", "from=2026-01-02&to=2026-01-01", "from=2000-01-01", "groupBy=x", "face=x",
     "limit=0", "offset=-1"],
)  # fmt: skip
def test_wrong_questions_are_explained(
    alice: User, admin_user: User, client_for: ClientFor, query: str
) -> None:
    for client, path in ((client_for(alice), OWN), (client_for(admin_user), ADMIN)):
        answer = client.get(f"{path}?{query}")
        assert answer.status_code == 400
        assert query.partition("=")[0] in answer.json()["errors"]
    assert client_for(admin_user).get(f"{ADMIN}?group=x").status_code == 400
