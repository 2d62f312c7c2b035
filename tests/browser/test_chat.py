"""Asking and reading answers on the chat page."""

import re

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import ANSWER_MILLISECONDS, ChatPage

pytestmark = pytest.mark.browser

# The demo's greeting takes some three seconds; these are its first and last words.
BEGINNING = "Hello! The server works"
ENDING = "Each of them is also a model of its own"

# Taking the browser offline refuses new connections but leaves open ones alone.
_MAKE_STREAMS_CUTTABLE = """() => {
  const original = window.fetch;
  window.fetch = async (path, options) => {
    const response = await original(path, options);
    if (!path.includes("/chat/stream/")) return response;
    const cut = new Promise((_, reject) => (window.cutStream = () => reject(new TypeError("cut"))));
    const reader = response.body.getReader();
    const pull = async (controller) => {
      const { done, value } = await Promise.race([reader.read(), cut]);
      if (done) controller.close();
      else controller.enqueue(value);
    };
    return new Response(new ReadableStream({ pull }), response);
  };
}"""


def test_words_are_visible_before_answer_ends(chat: ChatPage) -> None:
    chat.ask("Good morning")
    expect(chat.answers).to_contain_text(BEGINNING)
    expect(chat.stop_button).to_be_visible()
    assert ENDING not in chat.answers.inner_text()
    expect(chat.answers).to_contain_text(ENDING, timeout=ANSWER_MILLISECONDS)
    expect(chat.stop_button).to_be_hidden()
    expect(chat.questions).to_have_text(["Good morning"])


def test_partial_text_is_kept_when_stopped(chat: ChatPage) -> None:
    chat.ask("Write something long")
    expect(chat.answers).to_contain_text("This is paragraph 1 of forty")
    chat.stop_button.click()
    chat.wait_for_end()
    expect(chat.answers).to_contain_text("Stopped before the end.")
    kept = chat.answers.inner_text()
    assert "This is paragraph 1 of forty" in kept
    assert "This is paragraph 40 of forty" not in kept
    chat.page.reload()
    expect(chat.answers).to_contain_text("Stopped before the end.")
    assert chat.answers.inner_text() == kept


def test_answer_is_whole_and_single_when_reloaded_in_the_middle(chat: ChatPage) -> None:
    chat.ask("Good morning")
    expect(chat.answers).to_contain_text(BEGINNING)
    chat.page.reload()
    expect(chat.stop_button).to_be_visible()
    expect(chat.answers).to_contain_text(ENDING, timeout=ANSWER_MILLISECONDS)
    chat.wait_for_end()
    expect(chat.answers).to_have_count(1)
    expect(chat.questions).to_have_text(["Good morning"])
    text = chat.answers.inner_text()
    assert (text.count(BEGINNING), text.count(ENDING)) == (1, 1)


def test_answer_is_whole_and_single_when_connection_was_lost(
    chat: ChatPage, context: BrowserContext
) -> None:
    chat.page.evaluate(_MAKE_STREAMS_CUTTABLE)
    chat.ask("Good morning")
    expect(chat.answers).to_contain_text(BEGINNING)
    context.set_offline(True)
    chat.page.evaluate("cutStream()")
    expect(chat.page.get_by_text("Connection lost")).to_be_visible()
    context.set_offline(False)
    expect(chat.answers).to_contain_text(ENDING, timeout=ANSWER_MILLISECONDS)
    chat.wait_for_end()
    expect(chat.page.get_by_text("Connection lost")).to_be_hidden()
    text = chat.answers.inner_text()
    assert (text.count(BEGINNING), text.count(ENDING)) == (1, 1)


def test_second_tab_follows_the_same_answer(chat: ChatPage, context: BrowserContext) -> None:
    chat.ask("Good morning")
    expect(chat.answers).to_contain_text(BEGINNING)
    second = ChatPage(context.new_page())
    second.page.goto(chat.page.url)
    expect(second.stop_button).to_be_visible()
    for tab in (chat, second):
        expect(tab.answers).to_contain_text(ENDING, timeout=ANSWER_MILLISECONDS)
        tab.wait_for_end()
    assert second.answers.inner_text() == chat.answers.inner_text()


def test_both_versions_are_there_after_answering_again(chat: ChatPage) -> None:
    answer = chat.ask_and_wait("echo one")
    answer.get_by_role("button", name="Answer again").click()
    expect(chat.page.get_by_text("2 / 2")).to_be_visible()
    expect(chat.answers).to_have_count(1)
    expect(chat.questions).to_have_text(["echo one"])
    chat.page.get_by_role("button", name="Previous version").click()
    expect(chat.page.get_by_text("1 / 2")).to_be_visible()


def test_conversation_goes_on_with_second_question(chat: ChatPage) -> None:
    chat.ask_and_wait("echo one")
    chat.ask_and_wait("echo two")
    chat.page.reload()
    expect(chat.questions).to_have_text(["echo one", "echo two"])
    expect(chat.answers).to_have_count(2)


def test_thoughts_are_folded_until_opened(chat: ChatPage) -> None:
    chat.choose_model("demo-reasoning")
    answer = chat.ask_and_wait("What is 17 × 6?")
    expect(answer).to_contain_text("17 × 6 = 102.")
    thoughts = answer.get_by_text("Ten sixes are 60")
    expect(thoughts).to_be_hidden()
    answer.get_by_text("Thoughts", exact=True).click()
    expect(thoughts).to_be_visible()


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("demo-failing", "The demo failed before its first word"),
        ("demo-breaking", "The demo broke off in mid-answer"),
    ],
)
def test_reason_is_shown_when_answer_fails(chat: ChatPage, model: str, text: str) -> None:
    chat.choose_model(model)
    answer = chat.ask_and_wait("Good morning")
    expect(answer.get_by_role("alert")).to_contain_text(text)
    chat.choose_model("demo-echo")
    expect(chat.ask_and_wait("still there?")).to_contain_text("still there?")
    chat.page.reload()
    expect(chat.answers.first.get_by_role("alert")).to_contain_text(text)


def test_reason_is_shown_when_message_is_refused(chat: ChatPage) -> None:
    refusal = {"type": "message_limit", "max": 40, "windowInMinutes": 1}
    chat.page.route(
        re.compile(r"/api/agents/chat/Demo"), lambda route: route.fulfill(status=429, json=refusal)
    )
    chat.ask("Good morning")
    expect(chat.answers.get_by_role("alert")).to_contain_text("as many messages as are allowed")
    expect(chat.field).to_have_value("Good morning")
    chat.page.unroute_all()
    chat.ask("echo again")
    expect(chat.answers).to_contain_text("You wrote:")
    expect(chat.questions).to_have_text(["echo again"])
    chat.wait_for_end()
    chat.page.reload()
    expect(chat.questions).to_have_text(["echo again"])


def test_line_breaks_and_message_is_not_sent_with_shift_enter(chat: ChatPage) -> None:
    chat.choose_model("demo-echo")
    chat.field.fill("first")
    chat.field.press("Shift+Enter")
    chat.field.press_sequentially("second")
    expect(chat.questions).to_have_count(0)
    chat.field.press("Enter")
    expect(chat.questions).to_have_text(["first\nsecond"])
    expect(chat.field).to_have_value("")
    chat.wait_for_end()


def test_demo_is_named_where_no_service_is_connected(chat: ChatPage) -> None:
    expect(chat.page.get_by_text("No model is connected yet")).to_be_visible()


def test_way_to_full_client_is_told(chat: ChatPage) -> None:
    chat.page.get_by_role("button", name="About this page").click()
    dialog = chat.page.get_by_role("dialog")
    expect(dialog).to_contain_text("LIBRECHAT_CLIENT_DIR")
    chat.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_preset_is_asked_for_when_server_allows_nothing_else(
    context: BrowserContext, email: str
) -> None:
    preset = {"endpoint": "Demo", "endpointType": "custom", "model": "demo-echo"}
    specs = {"enforce": True, "list": [{"name": "tutor", "label": "Tutor", "preset": preset}]}
    context.route(
        "**/api/config",
        lambda route: route.fulfill(json={**route.fetch().json(), "modelSpecs": specs}),
    )
    chat = ChatPage(context.new_page())
    chat.sign_in(email)
    expect(chat.page.get_by_label("Model", exact=True).locator("option")).to_have_text(["Tutor"])
    with chat.page.expect_request("**/api/agents/chat/Demo") as sent:
        chat.ask("echo")
    body = sent.value.post_data_json or {}
    assert (body["spec"], body["endpoint"], body["model"]) == ("tutor", "Demo", "demo-echo")
