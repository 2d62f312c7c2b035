"""What a person used, as their page in the administration shows it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from usage.models import RequestLog
from usage.reports import Used, used_by

pytestmark = pytest.mark.django_db


def note(user: User, *, days_ago: int = 0, tokens: int = 1000) -> None:
    RequestLog.objects.create(
        user=user,
        face="chat",
        operation="chat",
        status="ok",
        input_tokens=tokens,
        output_tokens=tokens // 2,
        created_at=timezone.now() - timedelta(days=days_ago),
    )


def test_rows_of_the_person_and_the_time_are_added_up(alice: User, bob: User) -> None:
    since = timezone.now() - timedelta(days=30)
    assert used_by(alice.pk, since=since) == Used(0, 0, 0)
    note(alice)
    note(alice, days_ago=29, tokens=500)
    note(alice, days_ago=31)
    note(bob)
    assert used_by(alice.pk, since=since) == Used(2, 1500, 750)


def test_page_of_a_person_tells_and_links_to_the_rows(alice: User, admin_user: User) -> None:
    note(alice, tokens=12_000)
    client = Client()
    client.force_login(admin_user)
    page = client.get(reverse("admin:accounts_user_change", args=[alice.pk])).content.decode()
    rows = f"{reverse('admin:usage_requestlog_changelist')}?user__id__exact={alice.pk}"
    assert rows in page
    assert ">1 requests</a>, 12,000 tokens in, 6,000 tokens out" in page
    assert client.get(rows).status_code == 200
    assert alice.email in client.get(rows).content.decode()
