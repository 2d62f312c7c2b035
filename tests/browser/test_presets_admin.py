"""The admin of presets as a newcomer sees it: a group, a preset, who gets it, what they see."""

from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize, expect

from tests.browser.chat_page import PASSWORD
from tests.live import LiveServer

pytestmark = pytest.mark.browser

PHONE: ViewportSize = {"width": 390, "height": 844}
PAGES_FOR_PHONES = (
    "accounts/group/", "accounts/group/add/", "presets/preset/", "presets/preset/add/",
    "presets/preset/preview/", "presets/preset/what-if/", "presets/assignment/",
    "presets/assignment/add/", "presets/policy/", "presets/policy/add/",
)  # fmt: skip


def choose(select: Locator, text: str) -> None:
    """The option that contains ``text``, whatever its place in a tree."""
    value = select.locator("option", has_text=text).first.get_attribute("value")
    assert value is not None
    select.select_option(value)


def save(page: Page, name: str = "Save") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def listed(page: Page, name: str) -> Locator:
    return page.locator("#result_list").get_by_role("link", name=name)


def add_group(page: Page, name: str, member: str) -> None:
    page.goto("/admin/accounts/group/add/")
    page.locator("#id_name").fill(name)
    page.get_by_text("Add another Member").click()
    page.locator("#id_memberships-0-user").fill(member)
    save(page)
    expect(listed(page, name)).to_be_visible()


def add_preset(page: Page, name: str, group: str) -> None:
    page.goto("/admin/presets/preset/add/")
    page.locator("#id_name").fill(name)
    page.locator("#id_endpoint").select_option("Demo")
    page.locator("#id_model").select_option("demo-echo")
    page.locator("#id_value_temperature").fill("0.3")
    page.get_by_text("Add another Recipient").click()
    choose(page.locator("#id_assignments-0-group"), group)
    page.locator("#id_assignments-0-priority").fill("10")
    save(page, "Save and continue editing")
    expect(page.get_by_text("was added successfully")).to_be_visible()


def specs_of(server: LiveServer, email: str) -> list[str]:
    token = server.sign_in(email, PASSWORD)
    headers = {"Authorization": f"Bearer {token}"}
    config = httpx.get(f"{server.base_url}/api/config", headers=headers).json()
    return [spec["label"] for spec in config.get("modelSpecs", {}).get("list", [])]


def test_newcomer_gives_a_preset_to_a_group_and_sees_what_a_person_sees(
    admin_page: Page, server: LiveServer, email: str
) -> None:
    group, preset = f"Team {uuid4().hex[:6]}", f"Coder {uuid4().hex[:6]}"
    add_group(admin_page, group, email)
    add_preset(admin_page, preset, group)
    admin_page.get_by_role("link", name="Preview as a person").click()
    admin_page.get_by_label("Person").fill(email)
    admin_page.get_by_role("button", name="Show").click()
    expect(admin_page.locator(".menu .entry").filter(has_text=preset)).to_be_visible()
    expect(admin_page.get_by_text(f"Given to the group “{group}”.")).to_be_visible()
    assert preset in specs_of(server, email)
    admin_page.get_by_role("link", name="What if …").click()
    admin_page.locator("#id_change0-kind").select_option("leave")
    admin_page.locator("#id_change0-person").fill(email)
    choose(admin_page.locator("#id_change0-group"), group)
    admin_page.get_by_role("button", name="Show the difference").click()
    expect(admin_page.get_by_text(f"− {preset}")).to_be_visible()
    assert preset in specs_of(server, email)


def test_mistake_is_told_beside_its_field(admin_page: Page, email: str) -> None:
    group = f"Team {uuid4().hex[:6]}"
    add_group(admin_page, group, email)
    add_preset(admin_page, "Careful", group)
    admin_page.locator("#id_low_temperature").fill("1")
    admin_page.locator("#id_high_temperature").fill("0.5")
    save(admin_page)
    row = admin_page.locator(".preset-parameters .row").filter(has_text="Temperature")
    expect(row.get_by_text("The smallest value is larger than the largest.")).to_be_visible()


def test_models_and_parameters_follow_the_endpoint(admin_page: Page) -> None:
    admin_page.goto("/admin/presets/preset/add/")
    admin_page.locator("#id_endpoint").select_option("Demo")
    expect(admin_page.locator("#id_value_frequency_penalty")).to_be_visible()
    expect(admin_page.locator("#id_value_thinking_budget")).to_be_hidden()


def test_history_shows_the_change_and_goes_back(admin_page: Page, email: str) -> None:
    group = f"Team {uuid4().hex[:6]}"
    add_group(admin_page, group, email)
    add_preset(admin_page, "Changing", group)
    admin_page.locator("#id_value_temperature").fill("0.9")
    admin_page.locator("#id_reason").fill("Warmer answers")
    save(admin_page, "Save and continue editing")
    admin_page.get_by_role("link", name="History").first.click()
    newest = admin_page.get_by_role("region", name="Version 2")
    expect(newest).to_contain_text("Warmer answers")
    expect(newest.locator(".was")).to_have_text("0.3")
    expect(newest.locator(".is")).to_have_text("0.9")
    admin_page.get_by_role("button", name="Revert to version 1").click()
    expect(admin_page.get_by_role("region", name="Version 3")).to_contain_text("0.3")


def test_trying_a_preset_streams_the_answer(admin_page: Page, email: str) -> None:
    group = f"Team {uuid4().hex[:6]}"
    add_group(admin_page, group, email)
    add_preset(admin_page, "Tried", group)
    admin_page.get_by_role("link", name="Try it").click()
    admin_page.get_by_label("Your question").fill("These very words")
    admin_page.get_by_role("button", name="Send").click()
    expect(admin_page.get_by_role("status")).to_have_text("Done.")
    expect(admin_page.locator("#answer")).to_contain_text("These very words")


def test_priority_is_changed_in_the_list(admin_page: Page, email: str) -> None:
    group = f"Team {uuid4().hex[:6]}"
    add_group(admin_page, group, email)
    add_preset(admin_page, "Ranked", group)
    admin_page.goto(f"/admin/presets/assignment/?q={group}")
    admin_page.locator("[name=form-0-priority]").fill("77")
    save(admin_page)
    expect(admin_page.get_by_text("was changed successfully")).to_be_visible()
    expect(admin_page.locator("[name=form-0-priority]")).to_have_value("77")


def test_manager_signs_in_and_sees_only_their_group(
    admin_page: Page, context: BrowserContext, email: str
) -> None:
    group, other = f"Team {uuid4().hex[:6]}", f"Team {uuid4().hex[:6]}"
    add_group(admin_page, other, email)
    add_group(admin_page, group, email)
    listed(admin_page, group).click()
    admin_page.locator("#id_memberships-0-role").select_option("manager")
    save(admin_page)
    expect(admin_page.get_by_text("was changed successfully")).to_be_visible()
    context.clear_cookies()
    admin_page.goto("/admin/")
    admin_page.get_by_label("Email").fill(email)
    admin_page.get_by_label("Password").fill(PASSWORD)
    admin_page.get_by_role("button", name="Log in").click()
    admin_page.get_by_role("link", name="Groups", exact=True).first.click()
    expect(listed(admin_page, group)).to_be_visible()
    expect(admin_page.get_by_text(other)).to_have_count(0)


def test_no_page_scrolls_sideways_on_a_phone(admin_page: Page) -> None:
    admin_page.set_viewport_size(PHONE)
    for path in PAGES_FOR_PHONES:
        admin_page.goto(f"/admin/{path}")
        script = "() => document.documentElement.scrollWidth - innerWidth"
        assert admin_page.evaluate(script) == 0, path
