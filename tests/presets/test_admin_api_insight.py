"""Preview, explanation, what-if, and the description of the API."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from accounts.models.stamp import current_stamp
from accounts.services.groups import add_member, create_group
from librechat_backend.lib import json
from presets.api.schema import openapi
from presets.models import Assignment, Preset
from presets.policies import save_policy
from presets.services import assign_preset, save_preset
from tests.presets.api_shapes import checked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]
ClientFor = Callable[[User], Client]
JSON = "application/json"
SNAPSHOT = Path(__file__).with_name("openapi.json")


@pytest.fixture
def api(admin_user: User, client_for: ClientFor) -> Client:
    return client_for(admin_user)


def make(slug: str, **fields: Any) -> Preset:
    given = {"slug": slug, "name": slug.title(), "endpoint": "openAI", "model": "gpt-4.1"}
    return save_preset(actor=None, preset=None, fields=given | fields)


# -- Preview and explanation -----------------------------------------------------------------


def test_preview_is_what_the_client_is_answered(
    api: Client, alice: User, client_for: ClientFor
) -> None:
    assign_preset(actor=None, preset=make("writer", system_message="Be kind"), everyone=True)
    save_policy(actor=None, enforce=True)
    preview = checked(api.get(f"/api/admin/users/{alice.pk}/preview"))
    own = client_for(alice)
    for name in ("config", "endpoints", "models"):
        assert preview[name] == own.get(f"/api/{name}").json()
    assert preview["config"]["modelSpecs"]["list"][0]["name"] == "writer"
    assert preview["policy"]["enforce"] is True
    assert preview["user"] == {"id": alice.pk, "email": alice.email, "name": "Alice"}


def test_explanation_names_the_rule_the_source_and_the_losers(api: Client, alice: User) -> None:
    group = create_group(actor=None, name="Sales")
    add_member(actor=None, group=group, user=alice)
    base = make("base", parameters={"temperature": 0.5, "top_p": 0.9})
    writer = make("writer", extends=base, parameters={"temperature": 1})
    assign_preset(actor=None, preset=base, everyone=True)
    assign_preset(actor=None, preset=base, group=group, effect="deny")
    assign_preset(actor=None, preset=writer, group=group, priority=3)
    everything = checked(api.get("/api/admin/explain?user=alice@example.com"))["presets"]
    assert [(each["slug"], each["state"], each["rule"]) for each in everything] == [
        ("writer", "visible", None), ("base", "hidden", "denied"),
    ]  # fmt: skip
    only = checked(api.get(f"/api/admin/explain?user={alice.pk}&preset=writer"))["presets"]
    assert only == everything[:1]
    assert only[0]["assignment"] | {"id": ""} == {
        "id": "", "scope": "group", "group": "Sales", "distance": 0, "effect": "allow",
        "isFinal": False, "priority": 3,
    }  # fmt: skip
    fields = {each["name"]: each for each in only[0]["fields"]}
    assert (fields["topP"]["value"], fields["topP"]["preset"]) == (0.9, "Base")
    loser = fields["temperature"]["losers"][0]
    assert (loser["value"], loser["preset"], loser["loss"]) == (0.5, "Base", "overridden")


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("user=", 400), ("user=nobody@example.com", 404)]
)
def test_explanation_needs_a_person(api: Client, query: str, status: int) -> None:
    assert api.get(f"/api/admin/explain?{query}").status_code == status


# -- What-if ---------------------------------------------------------------------------------


def simulate(api: Client, body: Any, status: int = 200) -> Any:
    answer = api.post("/api/admin/simulate", body, content_type=JSON)
    assert answer.status_code == status, answer.content
    return checked(answer)


def test_changes_are_tried_out_and_undone(api: Client, alice: User, bob: User) -> None:
    group = create_group(actor=None, name="Sales")
    add_member(actor=None, group=group, user=bob)
    assign_preset(actor=None, preset=make("house", parameters={"top_p": 1}), everyone=True)
    assign_preset(actor=None, preset=make("writer"), group=group)
    assign_preset(actor=None, preset=make("coder"), user=alice)
    stamp, count = current_stamp(), Assignment.objects.count()
    changes = [
        {"kind": "addMember", "groupId": "sales", "userId": alice.email},
        {"kind": "removeMember", "group_id": "sales", "user_id": bob.pk},
        {"kind": "unassign", "presetId": "coder", "userId": alice.pk},
        {"kind": "preset", "presetId": "house", "parameters": {"topP": 0.5}},
        {"kind": "policy", "enforce": True},
        {"kind": "assign", "presetId": "writer", "everyone": True, "isDefault": True},
    ]
    body = {"userIds": [alice.pk], "groupId": "sales", "changes": changes}
    outcomes = simulate(api, body)["outcomes"]
    assert [outcome["user"]["email"] for outcome in outcomes] == [alice.email, bob.email]
    first = outcomes[0]["difference"]
    assert (outcomes[0]["before"], outcomes[0]["after"]) == (
        ["coder", "house"],
        ["writer", "house"],
    )
    assert [each["slug"] for each in first["added"]] == ["writer"]
    assert [each["slug"] for each in first["removed"]] == ["coder"]
    assert first["changed"] == [
        {"slug": "house", "name": "House", "field": "topP", "isPrivate": False,
         "before": 1, "after": 0.5},
    ]  # fmt: skip
    assert {"rule": "enforce", "before": False, "after": True} in first["policy"]
    assert outcomes[1]["difference"]["default"] == {"before": "", "after": "Writer"}
    assert (current_stamp(), Assignment.objects.count()) == (stamp, count)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "changes.1.kind"),
        ({"kind": "explode"}, "changes.1.kind"),
        ({"kind": ["assign"]}, "changes.1.kind"),
        ({"kind": "assign", "everyone": True}, "changes.1.presetId"),
        ({"kind": "assign", "presetId": "none", "everyone": True}, "changes.1.presetId"),
        ({"kind": "assign", "preset_id": "none", "everyone": True}, "changes.1.preset_id"),
        ({"kind": "preset", "presetId": "house", "parameters": {"topP": 9}},
         "changes.1.parameters.topP"),
        ({"kind": "policy", "enforce": "perhaps"}, "changes.1.enforce"),
        ({"kind": "addMember", "groupId": "sales"}, "changes.1.groupId"),
    ],
)  # fmt: skip
def test_error_names_the_change_and_its_field(
    api: Client, alice: User, change: dict[str, Any], field: str
) -> None:
    house, stamp = make("house"), current_stamp()
    fine = {"kind": "assign", "presetId": house.pk, "everyone": True}
    answer = simulate(api, {"userId": alice.pk, "changes": [fine, change]}, 400)
    assert list(answer["errors"]) == [field]
    assert (current_stamp(), Assignment.objects.count()) == (stamp, 0)


def test_somebody_and_something_must_be_named(api: Client, alice: User) -> None:
    assert list(simulate(api, {"userId": alice.pk, "changes": []}, 400)["errors"]) == ["changes"]
    change = [{"kind": "policy", "enforce": True}]
    assert list(simulate(api, {"changes": change}, 400)["errors"]) == ["userId"]


# -- The description -------------------------------------------------------------------------


def test_description_generates_without_warnings(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    assert "/api/admin/simulate" in file.read_text(encoding="utf-8")


def test_description_is_the_one_that_was_agreed(stranger: Client) -> None:
    """After a change on purpose: write what GET /api/schema answers into the file."""
    served = json.loads(stranger.get("/api/schema").content)
    assert served == json.loads(json.dumps(openapi()))
    assert served == json.loads(SNAPSHOT.read_bytes())


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        self.addresses += [values[name] or "" for name in ("href", "src") if name in values]


def test_page_lists_every_operation_and_loads_nothing_from_elsewhere(stranger: Client) -> None:
    answer = stranger.get("/api/docs")
    page = Page()
    page.feed(answer.content.decode())
    operations = {
        operation["operationId"]
        for path in openapi()["paths"].values()
        for operation in path.values()
    }
    assert operations <= page.ids
    assert "script" not in page.tags
    outside = [each for each in page.addresses if not each.startswith(("/static/", "/api/", "#"))]
    assert outside == []
    assert [each for each in page.addresses if each[0] == "#" and each[1:] not in page.ids] == []
    assert "default-src 'none'" in answer["Content-Security-Policy"]
