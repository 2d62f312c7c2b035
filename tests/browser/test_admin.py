"""The admin as its user sees it: signing in, the overview, stopping an answer, on a phone."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat_page import PASSWORD
from tests.live import LiveServer

pytestmark = pytest.mark.browser

PHONE_WIDTH = 390


def start_slow_answer(server: LiveServer, email: str) -> tuple[httpx.Client, str]:
    """A client that speaks for ``email``, and the id of the conversation that is answered."""
    token = server.sign_in(email, PASSWORD)
    client = httpx.Client(
        base_url=server.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    body = {"text": "Tell me everything.", "endpoint": "Demo", "model": "demo-slow"}
    answer = client.post("/api/agents/chat/Demo", json=body)
    assert answer.status_code == 200, answer.text
    return client, answer.json()["conversationId"]


def test_running_answer_is_stopped_by_its_button(
    admin_page: Page, server: LiveServer, email: str
) -> None:
    client, conversation_id = start_slow_answer(server, email)
    admin_page.get_by_role("link", name="Answers", exact=True).first.click()
    admin_page.get_by_role("button", name=f"Stop the answer for {email}").click()
    expect(admin_page.get_by_text("What was written so far is kept.")).to_be_visible()
    admin_page.goto(f"/admin/conversations/generation/?status=aborted&q={email}")
    expect(admin_page.get_by_role("cell", name=email)).to_be_visible()
    assert client.get("/api/agents/chat/active").json()["activeJobIds"] == []
    question, stored = client.get(f"/api/messages/{conversation_id}").json()
    assert (question["isCreatedByUser"], stored["unfinished"]) == (True, True)


def test_sections_are_in_the_navigation(admin_page: Page) -> None:
    navigation = admin_page.locator("#nav-sidebar-apps")
    for name in ("Overview", "Users", "Roles", "Channels", "Conversations", "Answers"):
        expect(navigation.get_by_text(name, exact=True)).to_be_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/accounts/user/",
        "/admin/providers/channel/add/",
        "/admin/conversations/generation/?status=all",
        "/admin/usage/usagedaily/?range=90d",
    ],
)
def test_page_fits_a_phone(admin_page: Page, path: str) -> None:
    admin_page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    admin_page.goto(path)
    assert admin_page.evaluate("document.documentElement.scrollWidth") == PHONE_WIDTH


@pytest.mark.parametrize("width", [PHONE_WIDTH, 1280])
def test_rights_of_a_person_are_searched_and_kept(admin_page: Page, email: str, width: int) -> None:
    admin_page.set_viewport_size({"width": width, "height": 844})
    admin_page.goto(f"/admin/accounts/user/?q={email}")
    admin_page.get_by_role("link", name=email).click()
    expect(admin_page.get_by_text("Specific permissions for this user.")).to_be_visible()
    assert admin_page.evaluate("document.documentElement.scrollWidth") == width
    admin_page.locator(".field-groups .select2-selection").click()
    admin_page.keyboard.type("supp")
    admin_page.get_by_role("option", name="Support", exact=True).click()
    admin_page.get_by_role("button", name="Save and continue editing").click()
    expect(admin_page.get_by_text("was changed successfully")).to_be_visible()
    expect(admin_page.locator("#id_groups option:checked")).to_have_text(["Support"])
