"""The page of API keys: made, shown once, used, switched off and deleted by a person without any
right of an administrator.
"""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat_page import ChatPage, watch
from tests.live import LiveServer

pytestmark = pytest.mark.browser

SIZES = {"desk": (1280, 900), "phone": (390, 844)}


@pytest.fixture(params=SIZES)
def page(
    browser: Browser, server: LiveServer, email: str, request: pytest.FixtureRequest
) -> Iterator[Page]:
    width, height = SIZES[request.param]
    context = browser.new_context(
        base_url=server.base_url, viewport={"width": width, "height": height}
    )
    context.set_default_timeout(15_000)
    problems = watch(context)
    page = context.new_page()
    chat = ChatPage(page)
    chat.sign_in(email)
    expect(chat.field).to_be_visible()
    page.goto("/keys")
    yield page
    context.close()
    assert problems == []


def status_with(server: LiveServer, key: str, model: str = "demo-echo") -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(
        f"{server.base_url}/v1/chat/completions", json=body, headers=headers
    ).status_code


def is_within_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_key_is_made_shown_once_used_and_ended(page: Page, server: LiveServer) -> None:
    expect(page.get_by_text("You have none yet.")).to_be_visible()
    page.get_by_label("Name").fill("My script")
    page.get_by_text("Limits", exact=True).click()
    page.get_by_label("Requests a minute").fill("50")
    page.get_by_text("What it may use").click()
    page.get_by_label("Find a model or preset").fill("echo")
    page.get_by_label("demo-echo").check()
    assert is_within_the_screen(page)
    page.get_by_role("button", name="Create key").click()

    made = page.locator("#made")
    expect(made).to_contain_text("only time the key is shown")
    key, address, curl = made.locator("pre").all_inner_texts()
    assert address.endswith("/v1")
    assert curl == f'curl {address}/models -H "Authorization: Bearer {key}"'
    assert is_within_the_screen(page)
    assert status_with(server, key) == 200
    assert status_with(server, key, "demo-assistant") == 404

    page.get_by_role("button", name="I have copied it").click()
    expect(made).to_be_hidden()
    item = page.locator(".key")
    expect(item).to_contain_text("50 requests a minute · only demo-echo")
    page.reload()
    expect(item).to_contain_text("My script")
    assert key not in page.content()

    page.get_by_role("button", name="Switch off").click()
    expect(item).to_contain_text("switched off")
    assert status_with(server, key) == 401
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    assert status_with(server, key) == 200

    page.get_by_role("button", name="Delete").click()
    expect(item).to_be_visible()
    page.get_by_role("button", name="Delete for good?").click()
    expect(page.get_by_text("You have none yet.")).to_be_visible()
    assert status_with(server, key) == 401


def test_what_is_wrong_is_said(page: Page) -> None:
    page.get_by_label("Name").fill("x")
    page.get_by_text("Limits", exact=True).click()
    page.get_by_label("Only from these addresses").fill("everywhere")
    page.get_by_role("button", name="Create key").click()
    expect(page.locator("#notice")).to_contain_text("“everywhere” is no address")
    expect(page.locator("#made")).to_be_hidden()


def test_stranger_is_asked_to_sign_in(browser: Browser, server: LiveServer) -> None:
    for path in ("/keys", "/billing"):
        page = browser.new_page(base_url=server.base_url)
        page.goto(path)
        expect(page.get_by_text("Please sign in to the chat first")).to_be_visible()
        expect(page.locator("#signed-in")).to_be_hidden()
        page.close()
