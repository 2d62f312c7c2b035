"""Signing up, in and out on the chat page."""

from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from tests.browser.chat_page import PASSWORD, ChatPage
from tests.live import live_server

pytestmark = pytest.mark.browser


def test_chat_opens_when_signing_up(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("E-mail").fill(f"{uuid4().hex}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("#submit").click()
    expect(page.get_by_role("heading", name="Hello, Grace")).to_be_visible()


def test_reason_is_shown_when_password_is_wrong(context: BrowserContext, email: str) -> None:
    chat = ChatPage(context.new_page())
    chat.sign_in(email, "not the password")
    expect(chat.page.get_by_role("alert")).to_have_text("Email or password is wrong.")
    expect(chat.field).to_be_hidden()


def test_person_stays_signed_in_when_page_is_reloaded(chat: ChatPage) -> None:
    expect(chat.field).to_be_visible()
    chat.page.reload()
    expect(chat.field).to_be_visible()


def test_session_is_over_after_logging_out(chat: ChatPage) -> None:
    chat.page.get_by_role("button", name="Log out").click()
    expect(chat.page.get_by_label("E-mail")).to_be_visible()
    chat.page.reload()
    expect(chat.page.get_by_label("E-mail")).to_be_visible()
    expect(chat.field).to_be_hidden()


def test_request_is_repeated_with_new_token_when_answer_is_401(chat: ChatPage) -> None:
    chat.ask_and_wait("echo")
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route.request.headers["authorization"])
        route.fulfill(status=401, json={"message": "Unauthorized"})

    chat.page.route("**/api/messages/*", refuse_once)
    chat.new_chat()
    chat.history.first.click()
    expect(chat.questions).to_have_text(["echo"])
    assert len(refused) == 1


def test_chatting_goes_on_when_access_tokens_expire(browser: Browser) -> None:
    with live_server(env={"SESSION_EXPIRY": "2000"}) as server:
        server.create_user("short@example.com", PASSWORD)
        context = browser.new_context(base_url=server.base_url)
        chat = ChatPage(context.new_page())
        chat.sign_in("short@example.com")
        expect(chat.field).to_be_visible()
        with chat.page.expect_response("**/api/auth/refresh") as renewed:
            pass
        assert renewed.value.status == 200
        chat.page.wait_for_timeout(2500)
        expect(chat.ask_and_wait("echo my words")).to_contain_text("echo my words")
        context.close()
