"""Debian's Chromium against a server of its own, with the demo provider.

Without a browser these tests are skipped, and the summary says so; with CI=true they fail.
"""

import os
import shutil
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chat_page import PASSWORD, ChatPage, watch
from tests.live import LiveServer, live_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
MISSING = "NO BROWSER: Chromium is not installed, so the chat page was NOT tested in a browser."

_was_missed = pytest.StashKey[bool]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.stash.get(_was_missed, False):
        terminalreporter.write_sep("!", "browser tests")
        terminalreporter.write_line(MISSING, red=True, bold=True)


# Package scope: while the driver runs, its event loop occupies the main thread, and neither the
# ORM nor asynchronous tests could run there.
@pytest.fixture(scope="package")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    if CHROMIUM is None:
        request.config.stash[_was_missed] = True
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def server() -> Iterator[LiveServer]:
    with live_server() as running:
        yield running


@pytest.fixture(scope="package")
def administrator(server: LiveServer) -> str:
    """The address of somebody who may do everything in the admin."""
    address = "administrator@example.com"
    server.manage("create_user", address, "--superuser", "--password-stdin", stdin=PASSWORD)
    return address


@pytest.fixture
def email(server: LiveServer) -> str:
    """The address of somebody who has just registered."""
    address = f"{uuid4().hex[:12]}@example.com"
    person = {"name": "Ada Lovelace", "email": address, "password": PASSWORD}
    answer = httpx.post(
        f"{server.base_url}/api/auth/register", json={**person, "confirm_password": PASSWORD}
    )
    assert answer.status_code == 200, answer.text
    return address


@pytest.fixture
def context(browser: Browser, server: LiveServer) -> Iterator[BrowserContext]:
    """A browser without cookies. No test may cause a script error or a refused resource."""
    opened = browser.new_context(base_url=server.base_url)
    opened.set_default_timeout(15_000)
    problems = watch(opened)
    yield opened
    opened.close()
    assert problems == []


@pytest.fixture
def chat(context: BrowserContext, email: str) -> ChatPage:
    """The page of somebody who is signed in."""
    chat = ChatPage(context.new_page())
    chat.sign_in(email)
    return chat


@pytest.fixture
def admin_page(context: BrowserContext, administrator: str) -> Page:
    """The overview of the admin, signed in."""
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_label("Email").fill(administrator)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("list", name="Figures")).to_be_visible()
    return page
