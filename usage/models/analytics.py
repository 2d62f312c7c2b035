"""Requests added up by day; read by the dashboard, the API and SQL (docs/analytics.md).

Written by usage/analytics/rollup.py alone, but for the saved reports.
"""

from collections.abc import Iterator

from django.conf import settings
from django.db import models
from django.utils import timezone

from librechat_backend.lib.ids import ObjectIdField
from usage.analytics.measures import BUCKETS
from usage.models.requests import RequestLog


def _counters(count: int) -> Iterator[models.PositiveIntegerField[int, int]]:
    return (models.PositiveIntegerField(default=0) for _ in range(count))


def _sum() -> models.PositiveBigIntegerField[int, int]:
    return models.PositiveBigIntegerField(default=0)


class Cell(models.Model):
    """What requests that agree in everything up to ``status`` have in common, and their sums.

    ``day`` is UTC's. ``path`` is the JSON list of the ids of the person's groups then, nearest
    first. ``model`` is the one that answered, else the one that was asked for. ``first_…`` and
    ``total_…`` count answers by the milliseconds to the first word and to the end: those that took
    less than the bound of usage/analytics/measures.py, and no less than the one before.
    """

    day = models.DateField()
    path = models.TextField()
    preset = models.CharField(max_length=200)
    model = models.CharField(max_length=200)
    channel_id = models.CharField(max_length=60)
    token_id = models.CharField(max_length=24)
    face = models.CharField(max_length=8, choices=RequestLog.Face.choices)
    status = models.CharField(max_length=8, choices=RequestLog.Status.choices)

    requests = _sum()
    input_tokens = _sum()
    output_tokens = _sum()
    cache_read_tokens = _sum()
    cache_write_tokens = _sum()
    reasoning_tokens = _sum()
    cost_credits = _sum()
    unpriced = _sum()
    zero_priced = _sum()
    cache_hits = _sum()
    errors = _sum()
    first_token_ms = _sum()
    total_ms = _sum()
    (
        first_0, first_1, first_2, first_3, first_4, first_5,
        first_6, first_7, first_8, first_9, first_10, first_11,
    ) = _counters(BUCKETS)  # fmt: skip
    (
        total_0, total_1, total_2, total_3, total_4, total_5,
        total_6, total_7, total_8, total_9, total_10, total_11,
    ) = _counters(BUCKETS)  # fmt: skip

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.day}: {self.requests}"


class UsageDaily(Cell):
    """The requests that are counted already. Stays when the log of requests is cleared."""

    # As in the log of requests: figures outlive people.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        verbose_name = "day of usage"
        verbose_name_plural = "analytics"
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "day", "user", "path", "preset", "model", "channel_id", "token_id", "face",
                    "status",
                ],
                name="one_row_for_equal_requests",
            )
        ]  # fmt: skip
        indexes = [models.Index(fields=["user", "day"], name="usage_daily_user")]


class UsageTail(Cell):
    """A view: each request that is not counted yet as a cell of its own. With the days it is what
    adding up the log itself would give."""

    # No foreign key: nothing can be emptied in a view.
    user_id = models.CharField(max_length=24, null=True)

    class Meta:
        managed = False
        db_table = "usage_tail"


class UsageNow(Cell):
    """A view: the days and the tail."""

    user_id = models.CharField(max_length=24, null=True)

    class Meta:
        managed = False
        db_table = "usage_now"


class UncountedRequest(models.Model):
    """A request of the log that is in no day yet. Added by a trigger of the database, in the
    transaction that logs it, so that no request can be missed or counted twice."""

    request_id = models.CharField(max_length=24, primary_key=True)

    def __str__(self) -> str:
        return self.request_id


class UsageName(models.Model):
    """What channels and API keys were called last; they may have gone since."""

    kind = models.CharField(max_length=8)
    key = models.CharField(max_length=60)
    name = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="one_name_for_each_key")
        ]

    def __str__(self) -> str:
        return self.name


class GroupOfPath(models.Model):
    """Which groups a path names, each once. ``name`` is what the group was called then."""

    path = models.TextField()
    group_id = models.BigIntegerField()
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group_id", "path"], name="group_once_in_path")
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.path}"


class GroupOfPathNow(models.Model):
    """A view: the above, and the groups of requests that are not counted yet."""

    path = models.TextField(primary_key=True)
    group_id = models.BigIntegerField()
    name = models.CharField(max_length=100)

    class Meta:
        managed = False
        db_table = "usage_groups_now"

    def __str__(self) -> str:
        return f"{self.name} in {self.path}"


class GroupOfRequest(models.Model):
    """A view: the groups each request of the log names."""

    request_id = models.CharField(max_length=24, primary_key=True)
    path = models.TextField()
    group_id = models.BigIntegerField()
    name = models.CharField(max_length=100)

    class Meta:
        managed = False
        db_table = "usage_request_group"

    def __str__(self) -> str:
        return f"{self.name} of {self.request_id}"


class SavedReport(models.Model):
    """A choice of range and filters on the dashboard, under a name. Who opens a shared one sees
    what they themselves may see."""

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_reports"
    )
    name = models.CharField(max_length=100)
    filters = models.JSONField(default=dict)
    is_shared = models.BooleanField("shown to everybody who sees this page", default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="report_name_once_for_each")
        ]

    def __str__(self) -> str:
        return self.name
