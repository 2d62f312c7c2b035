"""Signing in through a provider, in a browser that keeps cookies as browsers do."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fake_identity import CLIENT_ID, CLIENT_SECRET
from tests.live import free_port, live_server
from tests.processes import start_fake_identity

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A server and a provider, on different sites for the browser."""
    own = f"http://localhost:{(port := free_port())}"
    environment = {
        "DOMAIN_CLIENT": own,
        "DOMAIN_SERVER": own,
        "ALLOW_SOCIAL_LOGIN": "true",
        "ALLOW_SOCIAL_REGISTRATION": "true",
        "OPENID_CLIENT_ID": CLIENT_ID,
        "OPENID_CLIENT_SECRET": CLIENT_SECRET,
    }
    with start_fake_identity() as issuer:
        httpx.post(f"{issuer}/control", json={"asks": True}).raise_for_status()
        with live_server(env=environment | {"OPENID_ISSUER": issuer}, port=port):
            context = browser.new_context(base_url=own)
            yield context.new_page()
            context.close()


def test_chat_opens_when_the_provider_says_who_it_is(page: Page) -> None:
    page.goto("/oauth/openid")
    expect(page.get_by_role("heading", name="The provider")).to_be_visible()
    page.get_by_role("link", name="Sign in as Ada").click()
    expect(page.get_by_role("heading", name="Hello, Ada")).to_be_visible()
    cookies = {each["name"]: each for each in page.context.cookies()}
    assert cookies["refreshToken"]["sameSite"] == "Strict"
    assert cookies["refreshToken"]["httpOnly"]
    page.reload()
    expect(page.get_by_role("heading", name="Hello, Ada")).to_be_visible()
