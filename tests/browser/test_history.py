"""The list of earlier chats."""

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import ChatPage

pytestmark = pytest.mark.browser


@pytest.fixture
def two_chats(chat: ChatPage) -> ChatPage:
    chat.choose_model("demo-echo")
    chat.ask_and_wait("First words")
    chat.new_chat()
    chat.ask_and_wait("Second words")
    expect(chat.history).to_have_text(["Second words", "First words"])
    return chat


def test_newest_chat_comes_first_and_each_can_be_opened(two_chats: ChatPage) -> None:
    two_chats.history.nth(1).click()
    expect(two_chats.questions).to_have_text(["First words"])
    expect(two_chats.page.get_by_role("heading", name="First words")).to_be_visible()
    two_chats.page.go_back()
    expect(two_chats.questions).to_have_text(["Second words"])


def test_older_chat_moves_up_when_it_goes_on(two_chats: ChatPage) -> None:
    two_chats.history.nth(1).click()
    expect(two_chats.questions).to_have_text(["First words"])
    two_chats.ask_and_wait("More words")
    expect(two_chats.history).to_have_text(["First words", "Second words"])


def test_new_title_is_kept_when_renamed(two_chats: ChatPage) -> None:
    _edit_first_title(two_chats, "Better <b>title</b>", "Enter")
    expect(two_chats.history).to_have_text(["Better <b>title</b>", "First words"])
    two_chats.page.reload()
    expect(two_chats.history).to_have_text(["Better <b>title</b>", "First words"])


def test_old_title_stays_when_escape_is_pressed(two_chats: ChatPage) -> None:
    _edit_first_title(two_chats, "Never mind", "Escape")
    two_chats.page.reload()
    expect(two_chats.history).to_have_text(["Second words", "First words"])


def test_chat_is_gone_when_deleted(two_chats: ChatPage) -> None:
    _ask_to_delete_first(two_chats, "Delete")
    expect(two_chats.history).to_have_text(["First words"])
    expect(two_chats.answers).to_have_count(0)
    two_chats.page.reload()
    expect(two_chats.history).to_have_text(["First words"])


def test_chat_stays_when_deletion_is_cancelled(two_chats: ChatPage) -> None:
    _ask_to_delete_first(two_chats, "Cancel")
    two_chats.page.reload()
    expect(two_chats.history).to_have_text(["Second words", "First words"])


def test_empty_chat_is_shown_when_address_names_a_strange_one(
    chat: ChatPage, context: BrowserContext
) -> None:
    expect(chat.field).to_be_visible()
    page = context.new_page()
    page.goto("/#6cff9978-4081-463b-90d7-aee16424f0f8")
    expect(page.get_by_text("This chat does not exist any more.")).to_be_visible()
    expect(page.get_by_role("heading", name="Hello, Ada")).to_be_visible()


def _edit_first_title(chat: ChatPage, title: str, key: str) -> None:
    chat.history.first.hover()
    chat.page.get_by_role("button", name="Rename “Second words”").click()
    field = chat.page.get_by_label("Title", exact=True)
    field.fill(title)
    field.press(key)
    expect(field).to_be_hidden()


def _ask_to_delete_first(chat: ChatPage, answer: str) -> None:
    chat.history.first.hover()
    chat.page.get_by_role("button", name="Delete “Second words”").click()
    dialog = chat.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Second words")
    dialog.get_by_role("button", name=answer, exact=True).click()
    expect(dialog).to_be_hidden()
