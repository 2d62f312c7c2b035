"""No route fails on what a query may hold. The routes and the names come from the product."""

import re
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import ClientFor
from tests.conversations.chat.scripted import ChatClient
from tests.librechat_backend.test_strangers import LEAN, STOCK, _path

ROOT = Path(__file__).resolve().parents[2]
_READ = re.compile(
    r"""(?:GET|query_params|query|params)(?:\.get|\.getlist)?[\[(]\s*["'](\w+)["']"""
)
NAMES = sorted({
    name
    for app in ("accounts", "conversations", "files", "gateway", "presets", "librechat_backend")
    for path in (ROOT / app).rglob("*.py")
    for name in _READ.findall(path.read_text())
})  # fmt: skip
# A NUL, inside of JSON and of a list, too; half a surrogate; half a character.
ODD = ["%00", "a%00b", "%5B%22%00%22%5D", "%22%5Cu0000%22", "%ED%A0%80", "%5Cud800", "%C3", "%FF"]


def query(value: str) -> str:
    return "&".join(f"{name}={value}" for name in NAMES)


def test_names_are_found() -> None:
    assert {"cursor", "search", "tags"} <= set(NAMES)


@pytest.mark.parametrize("route", STOCK)
def test_no_route_fails_whatever_is_asked(
    route: str, admin_user: User, client_for: ClientFor
) -> None:
    client = client_for(admin_user)
    for value in ODD:
        answer = client.get(f"{_path(route)}?{query(value)}")
        assert answer.status_code < 500, value


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", LEAN)
async def test_no_lean_route_fails_whatever_is_asked(route: str, admin_user: User) -> None:
    client = ChatClient(admin_user)
    for value in ODD:
        answer = await client.open("GET", f"{_path(route)}?{query(value)}").answer()
        assert answer.status < 500, value


def test_admin_does_not_fail(admin_client: Client) -> None:
    assert admin_client.get("/admin/accounts/user/?q=%00").status_code == 200
