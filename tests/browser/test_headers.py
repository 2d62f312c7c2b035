"""What the server sends for the page, seen without a browser."""

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from librechat_backend.pages import CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/c/new", 404)])
def test_policy_allows_own_scripts_only(stranger: Client, path: str, status: int) -> None:
    response = stranger.get(path)
    assert response.status_code == status
    assert response["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "script-src 'self';" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_page_brings_everything_itself(stranger: Client, path: str) -> None:
    page = stranger.get(path).content.decode()
    assert (
        re.findall(
            r"<(?:script|style)(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son\w+=|https?://(?!www\.w3\.org)",
            page,
        )
        == []
    )
    names = re.findall(rf'(?:src|href)="{settings.STATIC_URL}([^"]+)"', page)
    assert names
    assert all(finders.find(name) for name in names)


def test_page_can_only_be_read(stranger: Client) -> None:
    assert stranger.post("/").status_code == 405
