"""Days of usage are what adding up the log gives: late, at once, killed in the middle."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.models import Model, Sum
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings as SettingsWrapper

from accounts.models import User
from tests.live import ROOT, LiveServer
from tests.usage.analytics_rows import BEGIN, PEOPLE, added_up, log, requests
from usage.analytics.measures import BOUNDS_MS, BUCKETS, DIMENSIONS, FIRST, SUMS, TOTAL, quantile
from usage.analytics.retention import clear_requests
from usage.analytics.rollup import recount, roll_up, roll_up_all
from usage.models import (
    GroupOfPath,
    GroupOfPathNow,
    RequestContent,
    RequestLog,
    UncountedRequest,
    UsageDaily,
    UsageNow,
)

pytestmark = pytest.mark.django_db
random_rows = hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def sums(model: type[Model]) -> dict[Any, dict[str, int]]:
    """As ``added_up``, by the database."""
    rows = model._default_manager.values_list(*DIMENSIONS).annotate(*(Sum(each) for each in SUMS))
    count = len(DIMENSIONS)
    return {
        (row[0], row[1], tuple(json.loads(row[2])), *row[3:count]): dict(
            zip(SUMS, row[count:], strict=True)
        )
        for row in rows
    }


def in_view(name: str) -> tuple[int, int]:
    """Requests and credits, as those see it who ask with SQL."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT SUM(requests), SUM(cost_credits) FROM {name}")  # noqa: S608
        requests, cost = cursor.fetchone()
    return int(requests or 0), int(cost or 0)


def total(rows: list[dict[str, Any]], weight: Callable[[dict[str, Any]], int]) -> tuple[int, int]:
    return (
        sum(weight(row) for row in rows),
        sum(weight(row) * (row["cost_credits"] or 0) for row in rows),
    )


def forget_everything() -> None:
    for model in (RequestLog, UncountedRequest, UsageDaily, GroupOfPath):
        model.objects.all().delete()


@random_rows
@given(st.lists(st.tuples(st.lists(requests, max_size=12), st.integers(0, 8)), max_size=5))
def test_days_equal_the_log_at_every_moment(db: None, batches: Any) -> None:
    forget_everything()
    logged: list[dict[str, Any]] = []
    for rows, limit in batches:
        log(rows)
        logged += rows
        assert sums(UsageNow) == added_up(logged)
        if limit:
            roll_up(limit=limit)
        assert sums(UsageNow) == added_up(logged)
        assert in_view("v_usage_daily") == total(logged, lambda row: 1)
        assert in_view("v_cost_by_group") == total(logged, lambda row: len(row["groups"]))
        paths = {json.dumps([each["id"] for each in row["groups"]]) for row in logged}
        known = {
            (json.dumps(json.loads(row.path)), row.group_id) for row in GroupOfPathNow.objects.all()
        }
        assert known == {(path, group) for path in paths for group in json.loads(path)}
    roll_up_all()
    assert sums(UsageDaily) == sums(UsageNow) == added_up(logged)
    assert not UncountedRequest.objects.exists()


@random_rows
@given(st.lists(requests, max_size=20))
def test_latencies_are_counted_in_their_buckets(db: None, rows: Any) -> None:
    forget_everything()
    log(rows)
    roll_up(limit=7)
    found = UsageNow.objects.aggregate(**{name: Sum(name) for name in (*FIRST, *TOTAL)})
    first = [row["first_token_ms"] for row in rows if row["first_token_ms"] is not None]
    total = [row["total_ms"] for row in rows if row["status"] in ("ok", "partial", "stopped")]
    for names, values in ((FIRST, first), (TOTAL, total)):
        counts = [0] * BUCKETS
        for value in values:
            counts[sum(value >= bound for bound in BOUNDS_MS)] += 1
        assert [found[name] or 0 for name in names] == counts


@given(st.lists(st.integers(0, 59_999), min_size=1), st.sampled_from([0.5, 0.95]))
def test_quantile_lies_in_the_bucket_of_the_true_one(values: list[int], share: float) -> None:
    counts = [0] * BUCKETS
    for value in values:
        counts[sum(value >= bound for bound in BOUNDS_MS)] += 1
    true = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    bucket = sum(true >= bound for bound in BOUNDS_MS)
    low = BOUNDS_MS[bucket - 1] if bucket else 0
    found = quantile(counts, share)
    assert found is not None
    assert low <= found <= BOUNDS_MS[bucket]


def test_quantile_of_nothing_is_none() -> None:
    assert quantile([0] * BUCKETS, 0.5) is None
    assert quantile([0] * (BUCKETS - 1) + [3], 0.95) == BOUNDS_MS[-1]


def row(**fields: Any) -> dict[str, Any]:
    return {"created_at": BEGIN, "face": "chat", "status": "ok", **fields}


def test_row_that_comes_weeks_late_is_added_to_its_day() -> None:
    log([row(user_id=PEOPLE[1], input_tokens=5)])
    roll_up_all()
    log([row(user_id=PEOPLE[1], created_at=BEGIN + timedelta(days=40))])
    roll_up_all()
    log([row(user_id=PEOPLE[1], input_tokens=7)])
    assert roll_up_all() == 1
    day = UsageDaily.objects.get(day=BEGIN.date())
    assert (day.requests, day.input_tokens) == (2, 12)


def test_days_are_recounted_after_rows_were_changed(capsys: Any) -> None:
    log([row(cost_credits=None), row(cost_credits=3)])
    log([row(created_at=BEGIN + timedelta(days=1), cost_credits=4)])
    roll_up_all()
    RequestLog.objects.filter(cost_credits=None).update(cost_credits=10)
    call_command("rollup_usage", "--since", "2026-01-01")
    assert "Added up 2 days once more." in capsys.readouterr().out
    totals = UsageDaily.objects.aggregate(cost=Sum("cost_credits"), unpriced=Sum("unpriced"))
    assert totals == {"cost": 17, "unpriced": 0}


def test_day_whose_rows_were_cleared_keeps_its_figures() -> None:
    log([row(cost_credits=3), row(cost_credits=4)])
    roll_up_all()
    RequestLog.objects.filter(cost_credits=3).delete()
    assert recount(since=date(2026, 1, 1)) == []
    assert UsageDaily.objects.get().cost_credits == 7


def test_old_rows_are_cleared_once_they_are_counted(settings: SettingsWrapper, alice: User) -> None:
    old = timezone.now() - timedelta(days=31)
    log([row(created_at=old, requested_model="counted"), row(created_at=timezone.now())])
    roll_up_all()
    RequestContent.objects.create(
        request=RequestLog.objects.get(requested_model="counted"), user=alice, value={}
    )
    log([row(created_at=old, requested_model="late")])
    assert clear_requests() == 0
    settings.REQUEST_LOG_RETENTION_DAYS = 30
    assert [clear_requests(), clear_requests()] == [1, 0]
    assert sorted(RequestLog.objects.values_list("requested_model", flat=True)) == ["", "late"]
    assert not RequestContent.objects.exists()
    roll_up_all()
    assert clear_requests() == 1
    assert UsageDaily.objects.aggregate(n=Sum("requests")) == {"n": 3}


def test_days_stay_without_their_person(alice: User) -> None:
    log([row(user_id=alice.pk), row(user_id=None), row(user_id=alice.pk, status="failed")])
    roll_up_all()
    alice.delete()
    log([row(user_id=None)])
    roll_up_all()
    assert set(UsageDaily.objects.values_list("user_id", flat=True)) == {None}
    assert UsageDaily.objects.aggregate(Sum("requests")) == {"requests__sum": 4}


@pytest.mark.django_db(transaction=True)
def test_each_request_is_counted_once_when_many_count_at_once() -> None:
    log(
        row(requested_model=f"m{n % 5}", user_id=PEOPLE[1 + n % 2], input_tokens=n)
        for n in range(600)
    )
    counts: list[int] = []

    def count() -> None:
        try:
            while done := roll_up(limit=20):
                counts.append(done)
        finally:
            connection.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    connections.close_all()
    assert sum(counts) == 600
    totals = UsageDaily.objects.aggregate(n=Sum("requests"), tokens=Sum("input_tokens"))
    assert totals == {"n": 600, "tokens": sum(range(600))}


def test_nothing_is_lost_when_counting_is_killed() -> None:
    server = LiveServer()
    try:
        server.migrate_quickly()
        command = [sys.executable, "manage.py", "shell", "-c", DIE_COUNTING]
        died = subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, check=False)
        assert died.returncode == -signal.SIGKILL
        told = server.manage("shell", "-c", COUNT).splitlines()
        assert told[-2:] == ["left 2950", "2950 counted, sums 3000 4498500"]
    finally:
        server.close()


# Killed after the second fifty were taken and added, before that was committed.
DIE_COUNTING = """
import os
from tests.usage.test_rollup import log_thousands
from usage.analytics import rollup
log_thousands()
rollup.roll_up(limit=50)
add = rollup._add
rollup._add = lambda *given: (add(*given), os.kill(os.getpid(), 9))
rollup.roll_up(limit=50)
"""
COUNT = """
from django.db.models import Sum
from usage.analytics.rollup import roll_up_all
from usage.models import UncountedRequest, UsageDaily
print("left", UncountedRequest.objects.count())
print(roll_up_all(), "counted, sums",
    *UsageDaily.objects.aggregate(a=Sum("requests"), b=Sum("input_tokens")).values())
"""


def log_thousands() -> None:
    log(row(requested_model=f"m{n % 7}", input_tokens=n) for n in range(3000))
