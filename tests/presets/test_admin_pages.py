"""History, preview, what-if and try it."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from django.test import AsyncClient, Client

from accounts.models import Membership, User
from accounts.models.stamp import current_stamp
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.json import JSONDict
from presets.admin.history import FieldDiff
from presets.admin.preview import MenuEntry
from presets.models import Assignment, Preset
from presets.policies import save_policy
from presets.services import assign_preset, save_preset
from providers.errors import ErrorKind, ProviderError
from providers.trace import CallTrace
from providers.types import ChatRequest, Finish, FinishReason, StreamEvent, TextDelta
from tests.presets.admin_pages import PRESETS, make_group, make_preset, signed_in
from usage.models import RequestLog
from usage.recorder import get_recorder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]

PREVIEW, WHAT_IF = f"{PRESETS}preview/", f"{PRESETS}what-if/"


@pytest.fixture
def client(admin_user: User) -> Client:
    return signed_in(admin_user)


# -- History ---------------------------------------------------------------------------------


def test_history_tells_who_changed_what_and_why(client: Client, admin_user: User) -> None:
    preset = make_preset(parameters={"temperature": 0.5})
    changes = {"model": "o3", "parameters": {"top_p": 1.0}, "locked": ["temperature"]}
    save_preset(actor=admin_user, preset=preset, fields=changes, reason="Thinks better")
    newest, first = client.get(f"{PRESETS}{preset.pk}/history/").context["lines"]
    assert (newest.version, newest.who, newest.reason, newest.is_current) == (
        2, "admin@example.com", "Thinks better", True,
    )  # fmt: skip
    assert set(newest.changes) == {
        FieldDiff("Model", "gpt-4.1", "o3"),
        FieldDiff("Locked", "System message", "Temperature"),
        FieldDiff("Temperature", "0.5", ""),
        FieldDiff("Top P", "", "1"),
    }
    assert (first.version, first.who, first.is_current) == (1, "the server", False)
    assert FieldDiff("Model", "", "gpt-4.1") in first.changes


def test_history_tells_no_tools_from_all_tools(client: Client) -> None:
    preset = make_preset()
    steps: list[JSONDict] = [
        {"enabled": True}, {"allowed_tools": []}, {"allowed_tools": ["web_search"]},
    ]  # fmt: skip
    for tools in steps:
        save_preset(actor=None, preset=preset, fields={"tools": tools})
    lines = client.get(f"{PRESETS}{preset.pk}/history/").context["lines"]
    assert [line.changes for line in lines[:3]] == [
        (FieldDiff("Tools", "none", "only web_search"),),
        (FieldDiff("Tools", "all", "none"),),
        (FieldDiff("Tools", "", "all"),),
    ]


def test_explanation_tells_no_tools_from_all_tools(client: Client, alice: User) -> None:
    above = make_preset("Above", tools={"enabled": True})
    below = make_preset("Below", extends=above, tools={"enabled": True, "allowed_tools": []})
    assign_preset(actor=None, preset=below, user=alice)
    (only,) = client.get(PREVIEW, {"person": alice.email}).context["explanations"]
    (tools,) = [field for field in only.fields if field.label == "Tools"]
    assert (tools.value, tools.losers[0][0]) == ("none", "all (Above)")


def test_reverting_is_a_new_version_with_its_reason(client: Client, admin_user: User) -> None:
    preset = make_preset()
    save_preset(actor=None, preset=preset, fields={"model": "o3"})
    url = f"{PRESETS}{preset.pk}/revert/1/"
    assert client.get(url).status_code == 405
    client.post(url, {"reason": "o3 was too slow"})
    preset.refresh_from_db()
    newest = preset.versions.first()
    assert newest is not None
    assert (preset.model, newest.version, newest.reason, newest.user) == (
        "gpt-4.1", 3, "o3 was too slow", admin_user,
    )  # fmt: skip


def test_version_that_never_was_is_told(client: Client) -> None:
    preset = make_preset()
    page = client.post(f"{PRESETS}{preset.pk}/revert/9/", follow=True)
    assert "has no version 9" in page.content.decode()


# -- Preview ---------------------------------------------------------------------------------


def test_preview_shows_the_menu_as_the_client_does(
    client: Client, alice: User, client_for: Any
) -> None:
    for name, priority, folder in (("Low", 1, ""), ("Top", 9, "Work"), ("Mid", 5, "Work")):
        preset = make_preset(name, menu_group=folder, description=f"About {name}")
        assign_preset(
            actor=None, preset=preset, everyone=True, priority=priority, is_default=name == "Mid"
        )
    menu = client.get(PREVIEW, {"person": alice.email}).context["menu"]
    specs = client_for(alice).get("/api/config").json()["modelSpecs"]["list"]
    assert {entry.name for entry in menu} == {spec["label"] for spec in specs}
    assert menu == [
        MenuEntry("Low", "About Low", "openAI", "gpt-4.1", False, False, ()),
        MenuEntry("Top", "About Top", "openAI", "gpt-4.1", False, True, (), folder="Work"),
        MenuEntry("Mid", "About Mid", "openAI", "gpt-4.1", True, True, ()),
    ]


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ({}, ["D", "E", "B", "G", "F", "A", "C"]),
        ({"added_endpoints": ["openAI"]}, ["D", "E", "G", "F", "A", "C", "B"]),
        ({"enforce": True}, ["D", "G", "F", "A", "C", "B", "E"]),
    ],
)
def test_preview_has_folders_where_the_client_has_them(
    rules: Any, names: list[str], client: Client, alice: User
) -> None:
    """No folder, the endpoints that can be opened, whole numbers, and the others as they come."""
    folders = {
        "A": "Work", "B": "anthropic", "C": "Work", "D": "", "E": "openAI", "F": "10", "G": "9",
    }  # fmt: skip
    for number, (name, folder) in enumerate(folders.items()):
        preset = make_preset(name, menu_group=folder)
        assign_preset(actor=None, preset=preset, everyone=True, priority=-number)
    save_policy(actor=None, **rules)
    menu = client.get(PREVIEW, {"person": alice.email}).context["menu"]
    assert [entry.name for entry in menu] == names
    assert [entry.folder for entry in menu if entry.folder] == [
        folder for folder in dict.fromkeys(folders[name] for name in names) if folder
    ]


def test_preview_leaves_out_what_is_not_in_the_menu_and_says_so(
    client: Client, alice: User
) -> None:
    quiet = make_preset("Quiet", show_in_menu=False)
    assign_preset(actor=None, preset=quiet, user=alice, is_default=True, priority=9)
    assign_preset(actor=None, preset=make_preset("Shown"), everyone=True, is_default=True)
    found = client.get(PREVIEW, {"person": alice.email}).context
    assert [entry.name for entry in found["menu"]] == ["Shown"]
    said = {each.explanation.name: each.explanation for each in found["explanations"]}
    assert (said["Shown"].position, said["Shown"].is_default) == (1, True)
    assert (said["Quiet"].position, said["Quiet"].is_default) == (None, False)
    assert said["Quiet"].notes[0] == (
        "It is not in the menu: only for links and programs that name it."
    )


def test_preview_marks_a_default_that_yields(client: Client, alice: User) -> None:
    assign_preset(actor=None, preset=make_preset("First"), user=alice, is_default=True)
    save_policy(actor=None, default_is_soft=True)
    found = client.get(PREVIEW, {"person": alice.email}).context
    assert [entry.is_default for entry in found["menu"]] == [True]
    assert ("The default yields to what was chosen last", True) in found["switches"]


def test_preview_tells_why_and_from_where(client: Client, alice: User) -> None:
    group = make_group("Engineering", manager=alice)
    above = make_preset("Above", parameters={"temperature": 0.5}, locked=["temperature"])
    below = make_preset("Below", extends=above, endpoint="", model="o3")
    assign_preset(actor=None, preset=above, everyone=True)
    assign_preset(actor=None, preset=below, everyone=True)
    assign_preset(actor=None, preset=above, group=group, effect="deny")
    page = client.get(PREVIEW, {"person": alice.email})
    shown, hidden = page.context["explanations"]
    assert (shown.explanation.name, shown.is_visible) == ("Below", True)
    values = {field.label: (field.value, field.is_locked, field.sentence) for field in shown.fields}
    assert values["Temperature"] == ("0.5", True, "Inherited from “Above” (version 1).")
    assert values["Model"] == ("o3", False, "Set by the preset itself.")
    losers = {field.label: field.losers for field in shown.fields}["Model"]
    assert losers == (("gpt-4.1 (Above)", "“Below” sets it anew."),)
    assert (hidden.explanation.name, hidden.is_visible) == ("Above", False)
    assert "Taken away from the group “Engineering”." in page.content.decode()


def test_preview_shows_the_switches_of_the_client(client: Client, alice: User) -> None:
    assign_preset(actor=None, preset=make_preset(), everyone=True)
    save_policy(actor=None, enforce=True, allows_override=False)
    context = client.get(PREVIEW, {"person": alice.email}).context
    assert [is_on for _, is_on in context["switches"]] == [False, False, False, True, False]
    assert context["endpoints"] == [("openAI", ["gpt-4.1"])]


def test_preview_asks_for_a_person_who_exists(client: Client) -> None:
    form = client.get(PREVIEW, {"person": "nobody@example.com"}).context["form"]
    assert form.errors == {"person": ["Nobody here has the address “nobody@example.com”."]}


# -- What if ---------------------------------------------------------------------------------


def test_difference_is_shown_and_nothing_is_saved(client: Client, alice: User) -> None:
    group = make_group("Engineering", manager=alice)
    old, new = make_preset("Old"), make_preset("New")
    assign_preset(actor=None, preset=old, group=group, is_default=True)
    before = (current_stamp(), list(Assignment.objects.values()), Membership.objects.count())
    page = client.post(
        WHAT_IF,
        {
            "person": alice.email,
            "change0-kind": "leave", "change0-person": alice.email, "change0-group": group.pk,
            "change1-kind": "give", "change1-preset": new.pk, "change1-priority": "3",
            "change2-kind": "rule", "change2-rule": "enforce", "change2-rule_value": "true",
        },
    )  # fmt: skip
    (outcome,) = page.context["outcomes"]
    difference = outcome.difference
    assert [line.name for line in difference.added] == ["New"]
    assert [line.name for line in difference.removed] == ["Old"]
    assert difference.default == ("Old", "")
    assert outcome.rules == [FieldDiff("Only presets", "no", "yes")]
    assert ([e.name for e in outcome.before], [e.name for e in outcome.after]) == (
        ["Old"], ["New"],
    )  # fmt: skip
    stored = (current_stamp(), list(Assignment.objects.values()), Membership.objects.count())
    assert stored == before


def test_group_is_compared_person_by_person(client: Client, alice: User, bob: User) -> None:
    company = make_group("Company", manager=bob)
    team = make_group("Team", company, manager=alice)
    preset = make_preset()
    page = client.post(
        WHAT_IF,
        {
            "group": company.pk,
            "change0-kind": "give",
            "change0-preset": preset.pk,
            "change0-group": team.pk,
        },
    )
    assert [outcome.person for outcome in page.context["outcomes"]] == [alice]
    assert page.context["count"] == 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("switch_off", "The preset is switched off."), ("deny", "Taken away from everyone.")],
)
def test_reason_of_what_goes_is_told(client: Client, alice: User, kind: str, expected: str) -> None:
    preset = make_preset()
    assign_preset(actor=None, preset=preset, everyone=True)
    change = {"change0-kind": kind, "change0-preset": preset.pk}
    page = client.post(WHAT_IF, {"person": alice.email, **change})
    (outcome,) = page.context["outcomes"]
    assert [line.why for line in outcome.difference.removed] == [expected]
    assert Preset.objects.get().is_active


def test_what_is_missing_stands_beside_its_field(client: Client, alice: User) -> None:
    page = client.post(WHAT_IF, {"change0-kind": "priority"})
    assert list(page.context["subject"].errors) == ["person"]
    assert page.context["changes"][0].errors == {
        "preset": ["This change needs it."], "priority": ["This change needs it."],
    }  # fmt: skip
    page = client.post(WHAT_IF, {"person": alice.email})
    assert page.context["changes"][0].errors == {"kind": ["Choose at least one change."]}


# -- Try it ----------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ChatRequest, str]]:
    """Calls of the provider; the answer is “Hello there”."""
    calls: list[tuple[ChatRequest, str]] = []

    async def stream(
        request: ChatRequest, *, endpoint: str, principal: object, trace: CallTrace
    ) -> AsyncGenerator[list[StreamEvent], None]:
        calls.append((request, endpoint))
        yield [TextDelta("Hello ")]
        if "fail" in str(request.messages):
            raise ProviderError(ErrorKind.RATE_LIMIT, "Too many requests.")
        yield [TextDelta("there"), Finish(FinishReason.STOP)]

    monkeypatch.setattr("providers.client.stream", stream)
    return calls


async def rows() -> list[RequestLog]:
    await get_recorder().flush()
    return await in_database(lambda: list(RequestLog.objects.select_related("user")))


async def ask(preset: Preset, user: User, prompt: str) -> list[bytes]:
    client = AsyncClient()
    await in_database(client.force_login, user)
    answer = await client.post(f"{PRESETS}{preset.pk}/try/answer/", {"prompt": prompt})
    assert answer.status_code == 200
    return [chunk async for chunk in answer.streaming_content]  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
async def test_answer_streams_through_the_preset(
    admin_user: User, asked: list[tuple[ChatRequest, str]]
) -> None:
    above = await in_database(make_preset, "Above", system_message="Be brief.")
    fields: Any = {
        "extends": above,
        "endpoint": "",
        "model": "o3",
        "parameters": {"temperature": 0.5},
    }
    preset = await in_database(make_preset, "Below", **fields)
    assert await ask(preset, admin_user, "Who are you?") == [b"Hello ", b"there"]
    ((request, endpoint),) = asked
    assert (endpoint, request.model, request.system) == ("openAI", "o3", "Be brief.")
    assert request.parameters.temperature == 0.5
    assert "Who are you?" in str(request.messages)
    (row,) = await rows()
    assert (row.face, row.operation, row.status, row.user) == (
        "admin", "try_it", "ok", admin_user,
    )  # fmt: skip
    assert (row.preset_slug, row.preset_version, row.requested_model) == ("below", 1, "o3")
    assert len(row.resolved_hash) == 64


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("asked")
async def test_failure_of_the_provider_ends_the_answer_with_a_sentence(admin_user: User) -> None:
    preset = await in_database(make_preset)
    chunks = await ask(preset, admin_user, "please fail")
    assert b"".join(chunks).decode() == "Hello \n⚠ Too many requests."
    (row,) = await rows()
    assert (row.status, row.error) == ("partial", "rate_limit")


def test_preset_without_a_model_cannot_be_tried(client: Client, offered: list[Any]) -> None:
    preset = make_preset(endpoint="anthropic", model="claude-opus")
    url = f"{PRESETS}{preset.pk}/try/answer/"
    empty = client.post(url, {"prompt": " "})
    assert (empty.status_code, empty.content) == (400, b"Write something first.")
    offered.pop()
    answer = client.post(url, {"prompt": "Hello"})
    expected = "No channel serves “claude-opus” of “anthropic” at present."
    assert (answer.status_code, answer.content.decode()) == (400, expected)
    assert expected in client.get(f"{PRESETS}{preset.pk}/try/").content.decode()
