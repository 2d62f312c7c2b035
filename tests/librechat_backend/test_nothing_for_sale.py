"""Nothing is behind a licence: what other gateways sell works on a server nobody paid for."""

import re
from collections.abc import Iterator

import httpx
import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.librechat_backend.test_documentation import ROOT, settings_read
from tests.live import LiveServer, live_server

pytestmark = pytest.mark.one_database

SALES = re.compile(r"licen[cs]e|edition|premium|entitle|upgrade your", re.IGNORECASE)
OWN_CODE = ("accounts", "billing", "conversations", "files", "gateway", "librechat_backend")
MORE_CODE = ("moving", "presets", "providers", "templates", "usage")
EMAIL, PASSWORD = "root@example.com", "correct horse battery"


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """With the settings of single sign-on, and nothing else that was not there by itself."""
    env = {
        "OPENID_ISSUER": "https://id.example.com", "OPENID_CLIENT_ID": "chat",
        "OPENID_CLIENT_SECRET": "secret", "ALLOW_SOCIAL_LOGIN": "true",
        "LOG_LEVEL": "error",
    }  # fmt: skip
    with live_server(env=env) as running:
        running.create_user(EMAIL, PASSWORD, "ADMIN")
        yield running


def test_no_setting_is_a_licence() -> None:
    assert [name for name in sorted(settings_read()) if SALES.search(name)] == []


def test_no_line_asks_for_one() -> None:
    files = [
        path for room in (*OWN_CODE, *MORE_CODE) for kind in ("*.py", "*.html")
        for path in (ROOT / room).rglob(kind)
    ]  # fmt: skip
    assert len(files) > 500
    asking = [path for path in files if SALES.search(path.read_text(encoding="utf-8"))]
    assert asking == []


def test_single_sign_on_needs_its_settings_alone(server: LiveServer) -> None:
    shown = httpx.get(f"{server.base_url}/api/config").json()
    assert shown["openidLoginEnabled"] is True


def test_keys_have_limits_and_budgets_are_told(server: LiveServer) -> None:
    token = server.sign_in(EMAIL, PASSWORD)
    own = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.base_url, headers=own, timeout=30) as http:
        body = {"name": "program", "requests_per_minute": 1}
        made = http.post("/api/token", json=body)
        assert made.status_code == 201, made.text
        key = {"authorization": f"Bearer {made.json()['data']['key']}"}
        asked = {"model": "demo-echo", "messages": [{"role": "user", "content": "Hi"}]}
        answers = [http.post("/v1/chat/completions", json=asked, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert http.get("/api/usage/limits").status_code == 200


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_administrator_sees_every_page(admin_user: User, model: type) -> None:
    """Audit trail, budgets, limits, experiments, rules of sign-ins and what else there is."""
    client = Client()
    client.force_login(admin_user)
    names = model._meta  # type: ignore[attr-defined]
    page = client.get(
        reverse(f"admin:{names.app_label}_{names.model_name}_changelist"), follow=True
    )
    assert page.status_code == 200
    assert SALES.search(page.content.decode()) is None
