"""Queries that are written once and asked with other values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import DateTimeField, Exists, OuterRef, QuerySet

from accounts.models import Ban, User
from librechat_backend.lib.compiled import CompiledQuery, Given

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_each_time_is_answered_by_the_values_given(
    alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    Ban.objects.create(user=alice, expires_at=NOW)
    written = []

    def rows() -> QuerySet[Any]:
        written.append(1)
        bans = Ban.objects.filter(user=OuterRef("pk"), expires_at__gt=Given("now", DateTimeField()))
        return User.objects.annotate(is_banned=Exists(bans)).order_by("email")

    query = CompiledQuery(rows)
    for moment, expected in (
        (NOW - timedelta(seconds=1), [(alice, True), (bob, False)]),
        (NOW, [(alice, False), (bob, False)]),
        (NOW - timedelta(days=400), [(alice, True), (bob, False)]),
    ):
        with django_assert_num_queries(1):
            found = query.ask(now=moment)
        assert [(user, bool(user.is_banned)) for user in found] == expected
    assert written == [1]
    # Whole, as the ORM reads them: what is stored as text there is what it was here.
    assert vars(found[0])["created_at"] == User.objects.get(pk=alice.pk).created_at


def test_a_value_that_was_not_given_is_an_error(alice: User) -> None:
    given = Given("email", User._meta.get_field("email"))
    query = CompiledQuery(lambda: User.objects.filter(email=given))
    assert query.ask(email=alice.email) == [alice]
    with pytest.raises(KeyError):
        query.ask()
