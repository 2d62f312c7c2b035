"""How the client shows presets, and what it offers beside them (contract 01 §6.1–6.2)."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from librechat_backend.lib.errors import AppError
from presets.exceptions import InvalidPolicy
from presets.models import Assignment, Preset
from presets.policies import save_policy
from presets.resolver import offer_for, resolve_turn
from presets.services import save_preset
from tests.conftest import ClientFor
from tests.presets.admin_pages import RULES, errors_of, signed_in, submit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]

LOOKS = {
    "show_on_landing": True,
    "show_icon_in_menu": False,
    "show_icon_in_header": False,
    "hide_badge_row": True,
}


@pytest.fixture
def client(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


def give(slug: str, *, is_default: bool = False, **fields: Any) -> Preset:
    named = {"slug": slug, "endpoint": "openAI", "model": "gpt-4.1"} | fields
    preset = save_preset(actor=None, preset=None, fields=named)
    Assignment.objects.create(preset=preset, is_default=is_default)
    return preset


def specs(client: Client) -> dict[str, Any]:
    listed = client.get("/api/config").json()["modelSpecs"]["list"]
    return {spec["name"]: spec for spec in listed}


def test_looks_reach_the_client_and_are_inherited(client: Client) -> None:
    parent = give("parent", **LOOKS)
    give("child", extends=parent, show_icon_in_menu=True)
    give("plain")
    wire = {
        "showOnLanding": True, "showIconInMenu": False, "showIconInHeader": False,
        "hideBadgeRow": True,
    }  # fmt: skip
    found = specs(client)
    assert wire.items() <= found["parent"].items()
    assert (wire | {"showIconInMenu": True}).items() <= found["child"].items()
    assert not wire.keys() & found["plain"].keys()


def test_no_switch_is_offered_for_a_tool_the_server_has_not(client: Client) -> None:
    """The client shows a tool where a preset or the list of capabilities names it (01 §6.2)."""
    names = ["web_search", "file_search", "execute_code", "memory", "artifacts", "skills", "mcp"]
    give("all", tools={"enabled": True})
    give("some", tools={"enabled": True, "allowed_tools": names})
    switches = {
        "webSearch", "fileSearch", "executeCode", "memory", "artifacts", "skills", "mcpServers",
        "askUserQuestion", "runInBackground", "describeIntent", "subagents",
    }  # fmt: skip
    assert [switches & spec.keys() for spec in specs(client).values()] == [set(), set()]
    assert client.get("/api/endpoints").json()["agents"]["capabilities"] == ["context"]


def test_preset_out_of_the_menu_can_be_named_and_is_no_default(client: Client, alice: User) -> None:
    give("shown")
    give("quiet", show_in_menu=False, is_default=True, model="o3")
    found = specs(client)
    assert found.keys() == {"shown"}
    assert "default" not in found["shown"]
    assert "o3" in client.get("/api/models").json()["openAI"]
    assert resolve_turn(alice, endpoint="openAI", model="", spec="quiet").model == "o3"


@pytest.mark.parametrize(("is_soft", "name"), [(None, "default"), (True, "softDefault")])
def test_default_yields_to_the_last_choice_when_the_rules_say_so(
    is_soft: bool | None, name: str, client: Client
) -> None:
    give("first", is_default=True)
    save_policy(actor=None, default_is_soft=is_soft)
    assert {"default", "softDefault"} & specs(client)["first"].keys() == {name}


def test_endpoints_besides_presets_are_those_of_the_rules(client: Client, alice: User) -> None:
    give("first", model="o3")
    save_policy(actor=None, added_endpoints=["anthropic"])
    config = client.get("/api/config").json()
    assert config["modelSpecs"]["addedEndpoints"] == ["anthropic"]
    assert config["interface"]["modelSelect"] is True
    models = client.get("/api/models").json()
    assert models == {"openAI": ["o3"], "anthropic": ["claude-opus"], "agents": []}
    assert resolve_turn(alice, endpoint="anthropic", model="claude-opus", spec="").spec == ""
    for model in ("o3", "gpt-4.1"):
        with pytest.raises(AppError, match="No model spec selected"):
            resolve_turn(alice, endpoint="openAI", model=model, spec="")
    save_policy(actor=None, added_endpoints=[])
    config = client.get("/api/config").json()
    assert "addedEndpoints" not in config["modelSpecs"]
    assert config["interface"]["modelSelect"] is False
    assert [info.name for info in offer_for(alice).endpoints] == ["openAI"]


def test_page_of_the_rules_keeps_that_nothing_is_open(admin_user: User) -> None:
    policy = save_policy(actor=None, added_endpoints=[])
    client, path = signed_in(admin_user), f"{RULES}{policy.pk}/change/"
    for typed, stored in ((None, []), ("openAI", ["openAI"]), ("none", []), ("", None)):
        changes = {} if typed is None else {"added": typed}
        page = client.get(path)
        assert page.context["adminform"].form["added"].value() is not None
        answer = submit(client, path, enforce="", **changes)
        assert answer.status_code == 302, errors_of(answer)
        policy.refresh_from_db()
        assert policy.added_endpoints == stored
    assert errors_of(submit(client, path, added="nowhere"))["added"] == [
        "There is no “nowhere”. There are: openAI, anthropic."
    ]


@pytest.mark.parametrize("value", ["openAI", ["nowhere"], [1], {"openAI": True}])
def test_endpoints_besides_presets_must_be_there(value: Any) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        save_policy(actor=None, added_endpoints=value)
    assert caught.value.errors.keys() == {"added_endpoints"}
