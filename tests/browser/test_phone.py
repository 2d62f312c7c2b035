"""The chat page on a telephone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat_page import ChatPage, watch
from tests.live import LiveServer

pytestmark = pytest.mark.browser

WIDE_TEXT = (
    "echo " + "x" * 400 + "\n\n```\n" + "y" * 400 + "\n```\n\n"
    "| " + " | ".join("column" * 3 for _ in range(8)) + " |\n" + "|---" * 8 + "|"
)  # fmt: skip


@pytest.fixture
def phone(browser: Browser, server: LiveServer, email: str) -> Iterator[ChatPage]:
    context = browser.new_context(
        base_url=server.base_url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    problems = watch(context)
    chat = ChatPage(context.new_page())
    chat.sign_in(email)
    yield chat
    context.close()
    assert problems == []


def test_page_never_scrolls_sideways(phone: ChatPage) -> None:
    expect(phone.field).to_be_visible()
    assert phone.width_beyond_screen() == 0
    phone.choose_model("demo-echo")
    answer = phone.ask_and_wait(WIDE_TEXT)
    expect(answer.locator("table")).to_be_visible()
    assert phone.width_beyond_screen() == 0
    assert answer.evaluate("node => node.getBoundingClientRect().right <= innerWidth")


def test_chats_are_in_a_drawer(phone: ChatPage) -> None:
    phone.choose_model("demo-echo")
    phone.ask_and_wait("From the phone")
    expect(phone.history).to_be_hidden()
    phone.page.get_by_role("button", name="Open the list of chats").tap()
    expect(phone.history).to_be_visible()
    phone.page.keyboard.press("Escape")
    expect(phone.history).to_be_hidden()
    expect(phone.page.get_by_role("button", name="Open the list of chats")).to_be_focused()
    phone.page.get_by_role("button", name="Open the list of chats").tap()
    phone.page.locator("#new-chat").tap()
    expect(phone.history).to_be_hidden()
    expect(phone.answers).to_have_count(0)
