"""The announcement above the chat (contract 03 §14)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from presets.banners import harmless
from presets.models import Banner
from tests.conftest import ClientFor

pytestmark = pytest.mark.django_db
URL = "/api/banner"


def announce(message: str = "Low tide", **fields: Any) -> Banner:
    return Banner.objects.create(message=message, banner_id=message, **fields)


def test_there_is_none_when_none_is_due(client: Client) -> None:
    now = timezone.now()
    announce(display_from=now + timedelta(hours=1), is_public=True)
    announce(display_to=now - timedelta(hours=1), is_public=True)
    announce(kind=Banner.Kind.POPUP, is_public=True)
    response = client.get(URL, headers={"authorization": "Bearer stale"})
    assert (response.status_code, response.content) == (200, b"null")


def test_strangers_see_only_what_is_for_everybody(
    client: Client, alice: User, client_for: ClientFor
) -> None:
    now = timezone.now()
    announce("For all", is_public=True, display_from=now - timedelta(days=2))
    announce("For us", display_from=now - timedelta(days=1), is_persistent=True)
    assert client.get(URL).json()["message"] == "For all"
    mine = client_for(alice).get(URL).json()
    assert (mine["message"], mine["type"], mine["displayTo"], mine["persistable"]) == (
        "For us", "banner", None, True
    )  # fmt: skip
    assert set(mine) == {
        "_id", "bannerId", "message", "displayFrom", "displayTo", "type", "isPublic",
        "persistable", "createdAt", "updatedAt",
    }  # fmt: skip


def test_a_new_text_is_shown_to_those_who_closed_the_old_one(admin_client: Client) -> None:
    page = "/admin/presets/banner/"
    fields = {"message": "Flood", "kind": "banner", "display_from_0": "2026-01-01"}
    fields |= {"display_from_1": "00:00", "display_to_0": "", "display_to_1": ""}
    assert admin_client.post(f"{page}add/", fields).status_code == 302
    banner = Banner.objects.get()
    first = banner.banner_id
    assert first
    change = f"{page}{banner.pk}/change/"
    assert admin_client.post(change, fields | {"is_public": "on"}).status_code == 302
    banner.refresh_from_db()
    assert (banner.is_public, banner.banner_id) == (True, first)
    assert admin_client.post(change, fields | {"message": "Ebb"}).status_code == 302
    banner.refresh_from_db()
    assert banner.banner_id not in ("", first)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("<b>Low</b> & <i>dry", "<b>Low</b> &amp; <i>dry</i>"),
        ("a<script>alert(1)</script>b", "ab"),
        ("<img src=x onerror=alert(1)>x", "x"),
        ('<b onclick="x()">y</b>', "<b>y</b>"),
        ('<a href="javascript:x()">y</a>', "<a>y</a>"),
        ('<a href="//evil.example">y</a>', "<a>y</a>"),
        (
            '<a href="https://a.example/?b=1&amp;c=%22">y</a>',
            '<a href="https://a.example/?b=1&amp;c=%22" target="_blank" '
            'rel="noopener noreferrer">y</a>',
        ),
        ("<b><i>x</b></i>", "<b><i>x</i></b>"),
        ("1 < 2<br>&lt;b&gt;", "1 &lt; 2<br>&lt;b&gt;"),
        ("<svg><style>x</style><b>y</b></svg>", "<b>y</b>"),
        ("</b>x", "x"),
        ("<scr<script>ipt>x", "ipt&gt;x"),
    ],
)
def test_only_harmless_tags_are_sent(message: str, shown: str) -> None:
    assert harmless(message) == shown
