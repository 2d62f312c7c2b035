"""The dashboard of the administration: its numbers, their links, who sees them, saved reports."""

import csv
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Group, Membership, User
from tests.factories import AdminFactory
from tests.usage.analytics_rows import BEGIN, added_up, log, requests
from usage.analytics.rollup import roll_up, roll_up_all
from usage.analytics.tables import COUNTS
from usage.models import RequestContent, RequestLog, SavedReport, UncountedRequest, UsageDaily

pytestmark = pytest.mark.django_db

PAGE = "/admin/usage/usagedaily/"
ALL_DAYS = {"range": "custom", "begin": "2025-12-25", "end": "2026-01-10"}
KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "day": lambda row: str(row["created_at"].astimezone(UTC).date()),
    "user_id": lambda row: row["user_id"] or "",
    "preset": lambda row: row["preset_slug"],
    "model": lambda row: row["served_model"] or row["requested_model"],
    "channel_id": lambda row: row["channel_id"],
}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(admin_user: User) -> Client:
    return signed_in(admin_user)


def row(**fields: Any) -> dict[str, Any]:
    return {"created_at": datetime.now(UTC), "face": "chat", "status": "ok", **fields}


def in_groups(*groups: Group) -> list[dict[str, Any]]:
    return [{"id": group.pk, "name": group.name} for group in groups]


def read_csv(client: Client, name: str, **filters: str) -> list[dict[str, str]]:
    answer = client.get(PAGE, {**ALL_DAYS, **filters, "csv": name})
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(answer.content.decode().splitlines()))


def figures(rows: list[dict[str, str]], name: str) -> dict[str, dict[str, int]]:
    return {row[name]: {each: int(row[each]) for each in COUNTS} for row in rows}


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(requests, max_size=15), st.integers(1, 10))
def test_tables_equal_the_log(db: None, rows: list[dict[str, Any]], counted: int) -> None:
    for model in (RequestLog, UncountedRequest, UsageDaily):
        model.objects.all().delete()
    log(rows)
    roll_up(limit=counted)
    admin = signed_in(User.objects.filter(is_superuser=True).first() or AdminFactory.create())
    for name, key in KEYS.items():
        found = figures(read_csv(admin, name), name)
        used = {each: sums for each, sums in found.items() if sums["requests"]}
        expected = added_up(rows, key)
        assert used == {
            each: {count: sums[count] for count in COUNTS} for each, sums in expected.items()
        }
    by_group = figures(read_csv(admin, "group"), "group")
    for group in (1, 2, 3, 4):
        inside = [each for each in rows if group in {g["id"] for g in each["groups"]}]
        cost = sum(each["cost_credits"] or 0 for each in inside)
        assert by_group.get(str(group), {"cost_credits": 0})["cost_credits"] == cost
    only_api = figures(read_csv(admin, "model", face="api", preset="writer"), "model")
    chosen = [r for r in rows if r["face"] == "api" and r["preset_slug"] == "writer"]
    assert sum(sums["requests"] for sums in only_api.values()) == len(chosen)


def links(page: str) -> dict[str, str]:
    """Label of a tile → its address."""
    tiles = re.findall(r'<a href="([^"]+)">\s*<span class="label">([^<]+)</span>', page)
    return {label: unescape(url) for url, label in tiles}


def test_each_tile_leads_to_the_requests_it_counts(admin: Client, alice: User) -> None:
    team = Group.objects.create(name="Team", slug="team")
    common = {"user_id": alice.pk, "groups": in_groups(team), "preset_slug": "writer"}
    log(
        [
            row(**common, requested_model="m", cost_credits=5_000_000, total_ms=300),
            row(**common, served_model="m", cost_credits=0, cache="exact"),
            row(**common, requested_model="m", status="failed"),
            row(**common, requested_model="m"),
            row(**common, requested_model="other", cost_credits=7),
            row(created_at=datetime.now(UTC) - timedelta(days=40), requested_model="m"),
            row(face="api", requested_model="m"),
        ]
    )
    asked: Any = {"range": "7d", "group": team.pk, "model": "m", "face": "chat", "preset": "writer"}
    page = admin.get(PAGE, asked).content.decode()
    found = links(page)
    assert "$5.00" in page
    counts = {
        "Requests": 4, "Failed or broke off": 1, "From the cache": 1, "At no cost": 1,
        "Without a price": 1, "First word after": 3,
    }  # fmt: skip
    for label, count in counts.items():
        listed = admin.get(found[label])
        assert listed.status_code == 200
        assert listed.context["cl"].result_count == count, label


FIGURES = ("usage_usagedaily", "usage_groups_now", "usage_usagename", "usage_savedreport")


def figure_queries(client: Client) -> int:
    """How many queries the figures take; the frame around them has its own."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(PAGE).status_code == 200
    return sum(any(name in query["sql"] for name in FIGURES) for query in captured)


def test_page_takes_the_same_queries_whatever_there_is(
    admin: Client, alice: User, bob: User
) -> None:
    assert figure_queries(admin) == 4
    groups = [Group.objects.create(name=f"G{n}", slug=f"g{n}") for n in range(5)]
    log(
        row(user_id=user.pk, groups=in_groups(*groups), channel_id=f"c{n}", channel_name="C",
            preset_slug=f"p{n}", requested_model=f"m{n}")
        for n in range(20) for user in (alice, bob)
    )  # fmt: skip
    roll_up_all()
    assert figure_queries(admin) == 6  # and what groups and channels were called


@pytest.fixture
def teams(alice: User) -> tuple[Group, Group, Group]:
    """Holding above Own team, which alice manages, and Other team."""
    company = Group.objects.create(name="Holding", slug="holding")
    own = Group.objects.create(name="Own team", slug="own", parent=company)
    other = Group.objects.create(name="Other team", slug="other", parent=company)
    Membership.objects.create(user=alice, group=own, role=Membership.Role.MANAGER)
    return company, own, other


def test_manager_sees_the_groups_below_and_nothing_else(
    alice: User, bob: User, charlie: User, teams: tuple[Group, Group, Group]
) -> None:
    company, own, other = teams
    inside = row(user_id=bob.pk, groups=in_groups(own, company), requested_model="own-model")
    outside = row(
        user_id=charlie.pk, groups=in_groups(other, company), requested_model="foreign-model"
    )
    log([inside, inside, outside])
    models = ("own-model", "foreign-model")
    seen, hidden = (RequestLog.objects.filter(requested_model=each)[0] for each in models)
    RequestContent.objects.create(request=seen, user=bob, value={"said": "a secret"})
    manager = signed_in(alice)
    for _ in range(2):
        page = manager.get(PAGE).content.decode()
        assert bob.email in page
        assert not any(
            word in page for word in (charlie.email, "foreign-model", "Holding", "Other team")
        )
        roll_up_all()
    tables = {name: manager.get(PAGE, {"csv": name}).content.decode() for name in ("group", "day")}
    assert "Own team" in tables["group"]
    assert "Holding" not in tables["group"]
    of_other = manager.get(PAGE, {"group": str(other.pk), "csv": "day"})
    assert "csv" not in of_other.headers["Content-Type"]
    listed = manager.get("/admin/usage/requestlog/")
    assert {each.requested_model for each in listed.context["cl"].result_list} == {"own-model"}
    content = manager.get(f"/admin/usage/requestlog/{seen.pk}/change/").content.decode()
    assert "a secret" not in content
    assert manager.get(f"/admin/usage/requestlog/{hidden.pk}/change/").status_code == 302


def test_strangers_see_nothing(alice: User, charlie: User, stranger: Client) -> None:
    clerk = charlie
    clerk.is_staff = True
    clerk.save()
    report = SavedReport.objects.create(user=alice, name="Alice's", is_shared=True)
    for client in (stranger, signed_in(alice), signed_in(clerk)):
        for path in (PAGE, f"{PAGE}?csv=day", "/admin/usage/requestlog/"):
            assert client.get(path).status_code in (302, 403)
        for path in (f"{PAGE}save", f"{PAGE}{report.pk}/remove"):
            assert client.post(path, {"name": "x"}).status_code in (302, 403)
    assert SavedReport.objects.count() == 1
    clerk.user_permissions.add(Permission.objects.get(codename="view_requestlog"))
    assert signed_in(User.objects.get(pk=clerk.pk)).get(PAGE).status_code == 200


def test_report_is_saved_shown_and_removed_by_its_owner(
    admin: Client, alice: User, teams: Any
) -> None:
    saved = {"name": "Spring", "range": "90d", "face": "api", "model": "m"}
    assert admin.post(f"{PAGE}save", {**saved, "is_shared": "on"}).status_code == 302
    admin.post(f"{PAGE}save", {**saved, "name": "Own", "range": "7d"})
    admin.post(f"{PAGE}save", {**saved, "name": "Spring", "is_shared": "on"})
    report = SavedReport.objects.get(name="Spring")
    assert report.filters == {"range": "90d", "face": "api", "model": "m"}
    shown = signed_in(alice).get(PAGE).content.decode()
    (link,) = re.findall(r'<a href="[^"?]+\?([^"]+)">Spring</a>', shown)
    assert dict(parse_qsl(unescape(link))) == report.filters
    assert "/remove" not in shown
    assert signed_in(alice).post(f"{PAGE}{report.pk}/remove").status_code == 403
    assert admin.post(f"{PAGE}{report.pk}/remove").status_code == 302
    assert list(SavedReport.objects.values_list("name", flat=True)) == ["Own"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"range": "custom"}, "Say from which day"),
        ({"range": "custom", "begin": "2026-02-02", "end": "2026-02-01"}, "Say from which day"),
        ({"range": "custom", "begin": "2000-01-01", "end": "2026-02-01"}, "Two years at most"),
        ({"range": "custom", "begin": "x", "end": "2026-02-01"}, "Enter a valid date"),
        ({"range": "forever"}, "Select a valid choice"),
        ({"group": "999999"}, "Select a valid choice"),
    ],
)
def test_filters_that_cannot_be_are_explained(admin: Client, asked: Any, problem: str) -> None:
    page = admin.get(PAGE, asked)
    assert page.status_code == 200
    assert problem in page.content.decode()
    assert 'class="tiles"' not in page.content.decode()
    assert admin.post(f"{PAGE}save", {**asked, "name": "x"}).status_code == 302
    assert not SavedReport.objects.exists()


def test_names_in_csv_are_no_formulas(admin: Client) -> None:
    log([row(created_at=BEGIN, preset_slug="=1+1"), row(created_at=BEGIN, requested_model="@x")])
    assert {each["preset"] for each in read_csv(admin, "preset")} == {"'=1+1", ""}
    assert "'@x" in {each["model"] for each in read_csv(admin, "model")}
    assert admin.get(PAGE, {"csv": "nothing"}).status_code == 404


def test_days_are_those_of_utc(admin: Client) -> None:
    late = datetime.fromisoformat("2026-01-02T00:30:00+02:00")
    log([row(created_at=late, input_tokens=3)])
    (day,) = [each for each in read_csv(admin, "day") if each["requests"] != "0"]
    assert (day["day"], json.loads(day["input_tokens"])) == ("2026-01-01", 3)


def test_row_tells_in_words_who_was_tried(
    admin: Client, alice: User, teams: tuple[Group, Group, Group]
) -> None:
    company, own, _ = teams
    attempts = [
        {"channel": "Main", "model": "m-1", "key_id": "1", "error": "upstream 500"},
        {"channel": "Other", "model": "m-2", "key_id": "2", "error": ""},
    ]
    fields = {"groups": in_groups(own, company), "attempts": attempts, "total_ms": 1234}
    log([row(user_id=alice.pk, first_token_ms=56, **fields)])
    stored = RequestLog.objects.get()
    page = unescape(admin.get(f"/admin/usage/requestlog/{stored.pk}/change/").content.decode())
    assert f"{own.name}, {company.name}" in page
    assert "Main (m-1): the provider failed (500)" in page
    assert "Other (m-2): answered" in page
    listed = admin.get("/admin/usage/requestlog/").content.decode()
    assert "1.2 s" in listed
    assert "56 ms" in listed
