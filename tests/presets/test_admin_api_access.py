"""Who may call the admin API: everything that is not allowed is denied, path by path."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Group, Membership, User
from accounts.services.groups import add_member, create_group
from presets.api.schema import openapi
from presets.api.urls import urlpatterns
from presets.models import Assignment, Policy, Preset, PresetVersion
from presets.services import assign_preset, save_preset
from tests.presets.api_shapes import checked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]
ClientFor = Callable[[User], Client]
JSON = "application/json"
METHODS = ("get", "post", "put", "patch", "delete")
ROUTES = [f"/api/{each.pattern}" for each in urlpatterns if str(each.pattern).startswith("admin/")]
CALLS = [(route, method) for route in ROUTES for method in METHODS]
DOCUMENTED = {
    (path.replace("{", "<str:").replace("}", ">"), method)
    for path, operations in openapi()["paths"].items()
    for method in operations
}
MANAGED_PATHS = [route for route in ROUTES if not route.endswith("/roles")]


@pytest.fixture
def sales(alice: User) -> Group:
    """Alice's, below the company."""
    company = create_group(actor=None, name="Company")
    group = create_group(actor=None, name="Sales", parent=company)
    add_member(actor=None, group=group, user=alice, role="manager")
    return group


@pytest.fixture
def other(bob: User) -> Group:
    """Bob's, beside Alice's."""
    group = create_group(actor=None, name="Other", parent=Group.objects.get(name="Company"))
    add_member(actor=None, group=group, user=bob, role="manager")
    return group


def make(slug: str, **fields: Any) -> Preset:
    given = {"slug": slug, "endpoint": "openAI", "model": "gpt-4.1", "system_message": "Secret"}
    return save_preset(actor=None, preset=None, fields=given | fields)


def rows() -> list[Any]:
    """All that could have changed."""
    models = (Preset, PresetVersion, Assignment, Policy, Group, Membership)
    return [sorted(model.objects.values_list(), key=str) for model in models]


def filled(route: str, preset: Preset, group: Group, person: User) -> str:
    values = {"preset_id": preset.pk, "group_id": group.object_id, "user_id": person.pk}
    return re.sub(r"<str:(\w+)>", lambda found: values[found[1]], route)


def call(client: Client, method: str, path: str, body: Any = None) -> Any:
    query = "?user=bob@example.com" if path.endswith("/explain") else ""
    if "/policy" in path:
        query = "?groupId=other"
    return getattr(client, method)(path + query, body or {}, content_type=JSON)


# Bodies that would do harm where they are let in.
HARM = {
    "/api/admin/presets": {"name": "X", "endpoint": "openAI", "model": "o3", "everyone": True},
    "/api/admin/presets/<str:preset_id>": {"name": "Taken"},
    "/api/admin/presets/<str:preset_id>/assign": {"everyone": True},
    "/api/admin/presets/<str:preset_id>/unassign": {"groupId": "other"},
    "/api/admin/groups": {"name": "X"},
    "/api/admin/groups/<str:group_id>": {"name": "X"},
    "/api/admin/groups/<str:group_id>/members": {"userId": "charlie@example.com"},
    "/api/admin/groups/<str:group_id>/members/<str:user_id>": {"role": "member"},
    "/api/admin/policy": {"enforce": True},
    "/api/admin/presets/<str:preset_id>/revert": {"version": 1},
    "/api/admin/presets/<str:preset_id>/assignments/revert": {"version": 1, "groupId": "other"},
    "/api/admin/groups/<str:group_id>/revert": {"version": 1},
    "/api/admin/policy/revert": {"version": 1},
    "/api/admin/simulate": {
        "userId": "bob@example.com",
        "changes": [{"kind": "removeMember", "groupId": "other", "userId": "bob@example.com"}],
    },
}


def test_every_route_is_documented_and_tried() -> None:
    assert {route for route, _ in DOCUMENTED} == set(ROUTES)
    writing = {route for route, method in DOCUMENTED if method != "get"}
    assert writing == set(HARM)


@pytest.mark.parametrize(("route", "method"), CALLS)
def test_nobody_and_plain_people_are_refused_everywhere(
    route: str, method: str, sales: Group, other: Group, bob: User, charlie: User,
    stranger: Client, client_for: ClientFor,
) -> None:  # fmt: skip
    preset = make("writer", owner_group=other)
    assign_preset(actor=None, preset=preset, group=other)
    before, path = rows(), filled(route, preset, other, bob)
    unknown = call(stranger, method, path, HARM.get(route))
    assert unknown.status_code == 401
    plain = call(client_for(charlie), method, path, HARM.get(route))
    assert (plain.status_code, plain.json()) == (403, {"message": "Forbidden"})
    assert rows() == before


@pytest.mark.parametrize(("route", "method"), sorted(DOCUMENTED))
def test_manager_of_another_group_neither_sees_nor_changes(
    route: str, method: str, sales: Group, other: Group, alice: User, bob: User, charlie: User,
    client_for: ClientFor,
) -> None:  # fmt: skip
    preset = make("writer", owner_group=other)
    assign_preset(actor=None, preset=preset, group=other)
    before, path = rows(), filled(route, preset, other, bob)
    answer = call(client_for(alice), method, path, HARM.get(route))
    if method == "get" and route in ("/api/admin/presets", "/api/admin/groups", "/api/admin/usage"):
        assert "writer" not in answer.content.decode()
        assert "Other" not in answer.content.decode()
    else:
        assert answer.status_code in (403, 404)
        assert "Secret" not in answer.content.decode()
    assert rows() == before


def test_manager_rules_their_own_subtree(
    sales: Group, alice: User, charlie: User, client_for: ClientFor
) -> None:
    api = client_for(alice)
    group = api.post("/api/admin/groups", {"name": "North", "parentId": "sales"}, content_type=JSON)
    assert checked(group)["group"]["parentId"] == sales.object_id
    api.post("/api/admin/groups/north/members", {"userId": charlie.pk}, content_type=JSON)
    body = {
        "name": "Writer", "endpoint": "openAI", "model": "o3", "systemMessage": "Ours",
        "ownerGroupId": "north", "userId": charlie.pk,
    }  # fmt: skip
    made = api.post("/api/admin/presets", body, content_type=JSON)
    assert made.status_code == 201, made.content
    preview = checked(api.get(f"/api/admin/users/{charlie.pk}/preview"))
    assert [spec["label"] for spec in preview["config"]["modelSpecs"]["list"]] == ["Writer"]
    fields = {each["name"]: each for each in preview["presets"][0]["fields"]}
    assert fields["systemMessage"]["value"] == "Ours"
    listed = checked(api.get("/api/admin/groups"))
    assert [each["name"] for each in listed["groups"]] == ["North", "Sales"]


def test_what_one_may_only_give_keeps_its_instructions_private(
    sales: Group, alice: User, client_for: ClientFor
) -> None:
    """Also where an own preset inherits them, and in the difference of a what-if."""
    base = make("base")
    assign_preset(actor=None, preset=base, everyone=True)
    make("mine", owner_group=sales, extends=base, system_message="")
    api = client_for(alice)
    changes = [{"kind": "assign", "presetId": "mine", "userId": alice.pk}]
    body = {"userId": alice.pk, "changes": changes}
    answers = [
        api.get("/api/admin/presets"),
        api.get(f"/api/admin/presets/{base.pk}"),
        api.post("/api/admin/simulate", body, content_type=JSON),
    ]
    assign_preset(actor=None, preset=Preset.objects.get(slug="mine"), user=alice)
    answers.append(api.get(f"/api/admin/users/{alice.pk}/preview"))
    answers.append(api.get("/api/admin/explain?user=alice@example.com"))
    for answer in answers:
        checked(answer)
        assert "Secret" not in answer.content.decode()
        assert "base" in answer.content.decode()
    fields = answers[-1].json()["presets"][0]["fields"]
    private = [each["name"] for each in fields if each["isPrivate"]]
    assert private == ["systemMessage"]


def test_roles_are_for_administrators(sales: Group, alice: User, client_for: ClientFor) -> None:
    answer = client_for(alice).get("/api/admin/roles?limit=200")
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_staff_may_do_what_their_permissions_say(alice: User, client_for: ClientFor) -> None:
    preset = make("writer")
    alice.is_staff = True
    alice.save()
    alice.user_permissions.add(Permission.objects.get(codename="view_preset"))
    api = client_for(alice)
    seen = checked(api.get(f"/api/admin/presets/{preset.pk}"))["preset"]
    assert (seen["slug"], seen["canChange"], "systemMessage" in seen) == ("writer", False, True)
    for method in ("patch", "put", "delete"):
        changed = call(api, method, f"/api/admin/presets/{preset.pk}", {"name": "X"})
        assert (changed.status_code, changed.json()["message"]) == (
            403, "You may not change this.",
        )  # fmt: skip
    assert api.get("/api/admin/groups").status_code == 403
    assert Preset.objects.get().name == ""
