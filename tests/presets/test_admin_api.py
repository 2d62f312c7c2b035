"""The admin API: presets, assignments, groups, rules, roles."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Group, Membership, Role, User
from accounts.services.groups import add_member, create_group
from presets.models import Assignment, Policy, Preset, PresetVersion
from presets.services import assign_preset, save_preset
from tests.presets.api_shapes import checked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]
ClientFor = Callable[[User], Client]
JSON = "application/json"


@pytest.fixture
def api(admin_user: User, client_for: ClientFor) -> Client:
    return client_for(admin_user)


def send(client: Client, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = getattr(client, method)(f"/api/admin/{path}", body, content_type=JSON)
    assert answer.status_code == status, answer.content
    return checked(answer)


def make(slug: str = "writer", **fields: Any) -> Preset:
    given = {"slug": slug, "name": slug.title(), "endpoint": "openAI", "model": "gpt-4.1"}
    return save_preset(actor=None, preset=None, fields=given | fields)


# -- Presets ---------------------------------------------------------------------------------

SEED_BODY = {
    "name": "Writer",
    "userId": "",
    "groupId": "",
    "endpoint": "openAI",
    "model": "gpt-4.1",
    "systemMessage": "Be kind.",
    "parameters": {"temperature": 0.4, "maxTokens": 900, "topP": 0.9},
    "tools": {"enabled": True, "allowedTools": ["search"]},
    "isDefault": True,
    "priority": 7,
}


def test_preset_is_made_and_given_to_the_person_and_the_group(api: Client, alice: User) -> None:
    group = create_group(actor=None, name="Sales")
    body = SEED_BODY | {"userId": alice.pk, "groupId": group.object_id}
    answer = send(api, "post", "presets", body, 201)
    preset = Preset.objects.get()
    assert (answer["success"], answer["id"]) == (True, preset.pk)
    assert (preset.slug, preset.system_message) == ("writer", "Be kind.")
    assert preset.parameters == {"temperature": 0.4, "top_p": 0.9}
    assert preset.max_output_tokens == 900
    assert preset.tools == {"enabled": True, "allowed_tools": ["search"]}
    given = {(row.user_id, row.group_id, row.priority, row.is_default)
             for row in Assignment.objects.all()}  # fmt: skip
    assert given == {(alice.pk, None, 7, True), (None, group.pk, 7, True)}


def test_snake_case_is_taken_and_camel_case_answered(api: Client) -> None:
    body = {
        "name": "Writer",
        "endpoint": "openAI",
        "model": "gpt-4.1",
        "system_message": "Be kind.",
        "parameters": {"top_p": 0.9, "frequency_penalty": 1},
        "bounds": {"top_p": {"max": 0.95}},
        "locked": ["topP", "systemMessage"],
        "tools": {"allowed_tools": ["search"]},
        "max_output_tokens": 900,
        "everyone": True,
    }
    preset = send(api, "post", "presets", body, 201)["preset"]
    assert preset["systemMessage"] == "Be kind."
    assert preset["parameters"] == {"topP": 0.9, "frequencyPenalty": 1}
    assert preset["bounds"] == {"topP": {"max": 0.95}}
    assert preset["locked"] == ["topP", "systemMessage"]
    assert preset["tools"] == {"allowedTools": ["search"]}
    assert preset["maxOutputTokens"] == 900
    assert [row["everyone"] for row in preset["assignments"]] == [True]


def test_nothing_is_saved_when_the_assignment_is_refused(api: Client, alice: User) -> None:
    assign_preset(actor=None, preset=make("house"), user=alice, is_default=True)
    answer = send(api, "post", "presets", SEED_BODY | {"userId": alice.pk}, 400)
    assert list(answer["errors"]) == ["isDefault"]
    assert list(Preset.objects.values_list("slug", flat=True)) == ["house"]


def test_priority_without_anybody_is_refused_unless_it_says_nothing(api: Client) -> None:
    refused = send(api, "post", "presets", SEED_BODY, 400)
    assert sorted(refused["errors"]) == ["isDefault", "priority"]
    send(api, "post", "presets", SEED_BODY | {"isDefault": False, "priority": 0}, 201)
    assert not Assignment.objects.exists()


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"endpoint": "azure"}, "endpoint", "There is no “azure”."),
        ({"parameters": {"topP": 3}}, "parameters.topP", "above the most"),
        ({"parameters": {"top_p": 3}}, "parameters.top_p", "above the most"),
        ({"parameters": {"maxTokens": 0}}, "parameters.maxTokens", "below the least"),
        ({"parameters": {"warmth": 3}}, "parameters.warmth", "There is no parameter “warmth”"),
        ({"bounds": {"topP": {"min": 1, "max": 0}}}, "bounds.topP", "above the most"),
        ({"system_message": ["a"]}, "system_message", "Not a valid string."),
        ({"systemMessage": ["a"]}, "systemMessage", "Not a valid string."),
        ({"locked": ["colour"]}, "locked", "“colour” cannot be locked."),
        ({"colour": "red"}, "colour", "There is no such field."),
        ({"extends": "nobody"}, "extends", "There is no such preset."),
        ({"owner_group_id": "nobody"}, "owner_group_id", "There is no such group."),
        ({"userId": "nobody"}, "userId", "There is no such person."),
        ({"priority": "high", "everyone": True}, "priority", "A valid integer is required."),
    ],
)
def test_error_stands_beside_the_field_as_the_caller_spells_it(
    api: Client, body: dict[str, Any], field: str, message: str
) -> None:
    given = {"name": "Bad", "endpoint": "openAI", "model": "gpt-4.1"} | body
    answer = send(api, "post", "presets", given, 400)
    assert list(answer["errors"]) == [field]
    assert message in answer["errors"][field][0]
    assert message in answer["message"]
    assert not Preset.objects.exists()


def test_patch_changes_what_it_names_and_put_empties_the_rest(
    api: Client, admin_user: User
) -> None:
    preset = make(system_message="Be kind.", parameters={"temperature": 1}, locked=[])
    path = f"presets/{preset.pk}"
    patched = send(api, "patch", path, {"parameters": {"topP": 0.5}, "reason": "Calmer"})
    assert patched["preset"]["parameters"] == {"topP": 0.5}
    assert patched["preset"]["systemMessage"] == "Be kind."
    latest = PresetVersion.objects.order_by("-version")[0]
    assert (latest.version, latest.reason, latest.user) == (2, "Calmer", admin_user)
    put = send(api, "put", path, {"name": "W", "endpoint": "openAI", "model": "o3"})["preset"]
    assert (put["slug"], put["name"], put["model"]) == ("writer", "W", "o3")
    assert (put["systemMessage"], put["parameters"]) == ("", {})
    assert put["locked"] == ["systemMessage"]


def test_what_get_answers_can_be_put_back_unchanged(api: Client) -> None:
    base = make("base")
    preset = make(extends=base, bounds={"temperature": {"max": 1}}, max_output_tokens=10)
    got = send(api, "get", f"presets/{preset.pk}")["preset"]
    assert send(api, "put", f"presets/{preset.pk}", got)["preset"] == got


def test_preset_is_deleted_unless_others_extend_it(api: Client) -> None:
    base = make("base")
    child = make("child", extends=base)
    refused = send(api, "delete", f"presets/{base.pk}", status=409)
    assert "“Base” is extended by “Child”" in refused["message"]
    assert send(api, "delete", f"presets/{child.pk}") == {"success": True}
    send(api, "delete", f"presets/{base.pk}")
    send(api, "get", f"presets/{base.pk}", status=404)


def test_lists_are_paged_with_totals(api: Client) -> None:
    for number in range(5):
        make(f"preset{number}")
    page = send(api, "get", "presets?limit=2&offset=3")
    assert [preset["slug"] for preset in page["presets"]] == ["preset3", "preset4"]
    assert {name: page[name] for name in ("total", "limit", "offset")} == {
        "total": 5, "limit": 2, "offset": 3,
    }  # fmt: skip
    found = send(api, "get", "presets?search=SET3&limit=5000")
    assert ([preset["slug"] for preset in found["presets"]], found["limit"]) == (["preset3"], 200)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "offset=-1", "limit=%D9%A3", "limit=" + "9" * 30]
)
def test_page_is_refused_when_its_numbers_are_none(api: Client, query: str) -> None:
    answer = send(api, "get", f"presets?{query}", status=400)
    assert list(answer["errors"]) == [query.partition("=")[0]]


@pytest.mark.parametrize(
    ("path", "queries"),
    # Signing in, the count, the rows; the presets one may change and view; the members of each
    # group; of a group's members the group.
    [("presets", 5), ("groups", 4), ("groups/{}/members", 4), ("roles", 3)],
)
def test_list_costs_the_same_however_long_it_is(
    api: Client, alice: User, bob: User, django_assert_num_queries: Any, path: str, queries: int
) -> None:
    for name in ("sales", "north", "south"):
        group = create_group(actor=None, name=name)
        add_member(actor=None, group=group, user=alice)
        add_member(actor=None, group=group, user=bob)
        assign_preset(actor=None, preset=make(name, owner_group=group), group=group)
    path = path.format(group.object_id)
    with django_assert_num_queries(queries):
        api.get(f"/api/admin/{path}")


# -- Assignments -----------------------------------------------------------------------------


def test_assigning_twice_is_once_and_switches_it_on(api: Client, alice: User) -> None:
    preset = make()
    assign_preset(actor=None, preset=preset, user=alice, effect="deny", is_active=False)
    for _ in range(2):
        answer = send(api, "post", f"presets/{preset.pk}/assign", {"userId": alice.email})
        assert (answer["success"], len(answer["assignments"])) == (True, 1)
    row = Assignment.objects.get()
    assert (row.user, row.effect, row.is_active) == (alice, "allow", True)


def test_lists_of_people_and_groups_are_given_and_taken(
    api: Client, alice: User, bob: User
) -> None:
    preset, group = make(), create_group(actor=None, name="Sales")
    body = {"user_ids": [alice.pk, bob.pk], "groupIds": ["sales"], "everyone": True}
    given = send(api, "post", f"presets/{preset.pk}/assign", body | {"rolloutPercent": 10})
    assert [row["rolloutPercent"] for row in given["assignments"]] == [10, 10, 10, 10]
    assert [row["groupId"] for row in given["assignments"]][2] == group.object_id
    for removed in (4, 0):
        taken = send(api, "post", f"presets/{preset.pk}/unassign", body)
        assert taken == {"success": True, "removed": removed}


def test_assignment_is_changed_and_removed_by_its_method(api: Client, alice: User) -> None:
    preset = make()
    path, body = f"presets/{preset.pk}/assign", {"userId": alice.pk}
    send(api, "patch", path, body | {"isActive": False}, 404)
    send(api, "post", path, body | {"priority": 3})
    changed = send(api, "patch", path, body | {"isActive": False})["assignments"][0]
    assert (changed["isActive"], changed["priority"]) == (False, 3)
    assert send(api, "delete", path, body) == {"success": True, "removed": 1}


def test_window_is_refused_beside_its_end(api: Client) -> None:
    body = {"everyone": True, "starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-01-01T00:00Z"}
    answer = send(api, "post", f"presets/{make().pk}/assign", body, 400)
    assert answer["errors"] == {"ends_at": ["This must be after the beginning."]}
    assert not Assignment.objects.exists()


def test_somebody_must_be_named(api: Client) -> None:
    for verb in ("assign", "unassign"):
        answer = send(api, "post", f"presets/{make(verb).pk}/{verb}", {}, 400)
        assert list(answer["errors"]) == ["__all__"]


def test_unassigning_nobody_by_mistake_removes_nothing(api: Client) -> None:
    preset = make()
    assign_preset(actor=None, preset=preset, everyone=True)
    body: dict[str, Any] = {"userIds": [], "groupIds": [], "everyone": False}
    send(api, "post", f"presets/{preset.pk}/unassign", body, 400)
    assert Assignment.objects.count() == 1


# -- Groups, rules, roles --------------------------------------------------------------------


def test_group_is_made_moved_renamed_and_deleted(api: Client, alice: User) -> None:
    top = send(api, "post", "groups", {"name": "Company"}, 201)["group"]
    body = {"name": "Sales", "parentId": top["id"], "memberIds": [alice.email]}
    group = send(api, "post", "groups", body, 201)["group"]
    assert (group["slug"], group["parentId"], group["memberCount"]) == ("sales", top["id"], 1)
    assert group["_id"] == group["id"]
    loop = send(api, "patch", f"groups/{top['id']}", {"parent_id": group["id"]}, 400)
    assert list(loop["errors"]) == ["parent_id"]
    moved = send(api, "patch", f"groups/{group['id']}", {"parentId": None, "name": "Sale"})
    assert (moved["group"]["parentId"], moved["group"]["name"]) == (None, "Sale")
    for each in (group, top):
        send(api, "delete", f"groups/{each['id']}")
    assert not Group.objects.exists()


def test_no_group_is_made_when_a_member_is_unknown(api: Client) -> None:
    body = {"name": "Sales", "memberIds": ["nobody"]}
    assert list(send(api, "post", "groups", body, 400)["errors"]) == ["memberIds"]
    assert not Group.objects.exists()


def test_members_come_change_and_go(api: Client, alice: User, bob: User) -> None:
    group = create_group(actor=None, name="Sales")
    path = "groups/sales/members"
    send(api, "post", path, {"userIds": [alice.pk], "userId": bob.pk})
    send(api, "patch", f"{path}/{bob.pk}", {"role": "manager"})
    page = send(api, "get", path)
    assert [(each["email"], each["role"]) for each in page["members"]] == [
        ("alice@example.com", "member"), ("bob@example.com", "manager"),
    ]  # fmt: skip
    assert page["total"] == 2
    wrong = send(api, "patch", f"{path}/{bob.pk}", {"role": "king"}, 400)
    assert list(wrong["errors"]) == ["role"]
    for _ in range(2):
        send(api, "delete", f"{path}/{alice.pk}")
    assert list(Membership.objects.filter(group=group).values_list("user_id", flat=True)) == [
        bob.pk
    ]


def test_rules_are_set_one_by_one_or_all_at_once(api: Client) -> None:
    group = create_group(actor=None, name="Sales")
    nothing = send(api, "get", "policy")["policy"]
    assert set(nothing.values()) == {None}
    assert not Policy.objects.exists()
    send(api, "patch", "policy", {"enforce": True, "allows_override": False})
    changed = send(api, "patch", "policy", {"allowsOverride": None})["policy"]
    assert (changed["enforce"], changed["allowsOverride"]) == (True, None)
    put = send(api, "put", "policy?groupId=sales", {"scopePrecedence": ["group", "user", "system"]})
    assert put["policy"]["groupId"] == group.object_id
    replaced = send(api, "put", "policy", {"prioritize": False})["policy"]
    assert (replaced["enforce"], replaced["prioritize"]) == (None, False)
    assert send(api, "get", "policy?groupId=sales") == put
    bad = send(api, "put", "policy", {"scope_precedence": ["user"]}, 400)
    assert list(bad["errors"]) == ["scope_precedence"]


def test_roles_are_listed_for_the_clients_dialogs(api: Client) -> None:
    for name in ("ADMIN", "USER"):  # as the migration does; a flushed database has lost them
        Role.objects.get_or_create(name=name)
    page = send(api, "get", "roles?limit=200")
    assert [role["name"] for role in page["roles"]] == ["ADMIN", "USER"]
    assert all(len(role["_id"]) == 24 for role in page["roles"])
    assert (page["total"], page["limit"], page["offset"]) == (2, 200, 0)
