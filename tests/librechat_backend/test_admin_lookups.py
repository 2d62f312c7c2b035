"""Filters of the admin's lists are typed into addresses: they tell nothing a list does not show."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from conversations.models import PromptGroup
from tests.conversations.factories import (
    make_conversation,
    make_memory,
    make_prompt,
    make_shared_link,
)
from tests.factories import UserFactory
from tests.files.factories import make_file
from tests.presets.admin_pages import signed_in

pytestmark = pytest.mark.django_db

SECRET = "Never tell about the merger."


@pytest.fixture
def looking(db: None) -> Client:
    """Of somebody who may look at everything, and is no administrator."""
    staff = UserFactory.create(email="looks@example.com", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return signed_in(staff)


def finds(client: Client, url: str, **lookup: str) -> bool:
    """Whether the list tells by its length that a row fits."""
    page = client.get(url, lookup)
    return page.status_code == 200 and bool(page.context["cl"].result_count)


def test_staff_cannot_ask_for_what_people_keep(looking: Client, alice: User) -> None:
    chat = make_conversation(alice, title=SECRET)
    link = make_shared_link(chat, title=SECRET)
    make_memory(alice, key="merger", value=SECRET)
    make_prompt(alice, name=SECRET)
    make_file(alice, filename=SECRET, text=SECRET)
    for page, lookups in {
        "conversations/conversation": {"title__startswith": "Never", "settings__isnull": "False"},
        "conversations/sharedlink": {
            "title__startswith": "Never", "share_id__startswith": link.share_id[:5],
            "q": link.share_id[:5],
        },
        "conversations/memory": {"value__startswith": "Never", "key__startswith": "mer"},
        "conversations/promptgroup": {"name__startswith": "Never"},
        "files/file": {"text__startswith": "Never", "filename__startswith": "Never"},
    }.items():  # fmt: skip
        url = f"/admin/{page}/"
        assert finds(looking, url, user__id__exact=alice.pk), page
        for name, value in lookups.items():
            assert not finds(looking, url, **{name: value}), name
    assert PromptGroup.objects.exists()
    assert finds(looking, "/admin/conversations/sharedlink/", q=link.share_id)


@pytest.mark.parametrize("lookup", ["created_at__year", "created_at__year__gte"])
@pytest.mark.parametrize(
    ("year", "status"),
    [("2026", 200), ("-1", 400), ("0", 400), ("10000", 400), (str(2**63), 400), ("x", 400)],
)
def test_years_nobody_has_a_calendar_for_are_refused(
    admin_user: User, lookup: str, year: str, status: int
) -> None:
    page = signed_in(admin_user).get("/admin/usage/requestlog/", {lookup: year})
    assert page.status_code == status


def test_lists_that_lead_to_others_do_so_still(admin_user: User) -> None:
    client = signed_in(admin_user)
    for url in (
        "/admin/accounts/user/?is_active__exact=1",
        "/admin/files/file/?text_state__exact=failed",
        "/admin/providers/channel/?is_active__exact=1",
        "/admin/conversations/conversation/?expired_at__isempty=1",
        f"/admin/usage/ledgerentry/?user__id__exact={admin_user.pk}",
        f"/admin/usage/requestlog/?user__id__exact={admin_user.pk}&counted=errors&face__exact=api"
        "&created_at__gte=2025-01-01+00:00:00%2B00:00&preset_slug__exact=a&channel_id__exact=b",
    ):
        assert client.get(url).status_code == 200, url
