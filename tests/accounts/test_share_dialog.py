"""How a resource is shared, as the client's dialog does it."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.access_roles import AccessBits
from accounts.models import AccessEntry, Group, Role, User
from tests.accounts.grants import bits_of, give, make_group, person
from tests.accounts.notes import EDITOR, OWNER, TYPE, VIEWER, make_note
from tests.conftest import ClientFor

pytestmark = pytest.mark.usefixtures("notes")

PATH = f"/api/permissions/{TYPE}"


@pytest.fixture
def sharing(db: None) -> None:
    """The role USER may find people, and share with them and with everybody."""
    picker = {"VIEW_USERS": True, "VIEW_GROUPS": True, "VIEW_ROLES": True}
    allow("USER", PROMPTS={"SHARE": True, "SHARE_PUBLIC": True}, PEOPLE_PICKER=picker)


def allow(role: str, **matrix: dict[str, bool]) -> None:
    Role.objects.update_or_create(name=role, defaults={"permissions": matrix})


def wire(type_: str, id_: str | None, role: str = "viewer") -> dict[str, Any]:
    return {"type": type_, "id": id_, "accessRoleId": f"{TYPE}_{role}"}


def put(client: Any, note: str = "note", **body: Any) -> Any:
    body = {"updated": [], "removed": []} | body
    return client.put(f"{PATH}/{note}", body, content_type="application/json")


def person_wire(user: User, role: str) -> dict[str, Any]:
    return {
        "type": "user", "name": user.name, "email": user.email, "id": user.pk, "source": "local",
        "idOnTheSource": user.pk, "accessRoleId": f"promptGroup_{role}",
    }  # fmt: skip


def team_wire(group: Group, role: str) -> dict[str, Any]:
    return {
        "type": "group", "name": "Team", "description": "All of us", "id": group.object_id,
        "source": "local", "idOnTheSource": group.object_id,
        "accessRoleId": f"promptGroup_{role}",
    }  # fmt: skip


def test_dialog_shows_and_changes_who_has_access(
    alice: User, bob: User, client_for: ClientFor, sharing: None
) -> None:
    make_note(alice, "note")
    group = make_group("Team", description="All of us")
    bob_wire, group_wire = person_wire(bob, "editor"), team_wire(group, "viewer")
    client = client_for(alice)
    answer = put(
        client,
        updated=[wire("user", bob.pk, "editor"), wire("group", group.object_id)],
        public=True,
        publicAccessRoleId="promptGroup_viewer",
    )
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "message": "Permissions updated successfully",
            "results": {
                "principals": [bob_wire, group_wire],
                "public": True,
                "publicAccessRoleId": "promptGroup_viewer",
            },
        },
    )
    shown = client.get(f"{PATH}/note").json()
    assert shown == {
        "resourceType": "promptGroup",
        "resourceId": "note",
        "principals": [
            person_wire(alice, "owner"),
            bob_wire,
            group_wire,
        ],
        "public": True,
        "publicAccessRoleId": "promptGroup_viewer",
    }  # fmt: skip
    Role.objects.filter(name="USER").update(description="Everybody")
    answer = put(
        client,
        updated=[wire("role", "USER")],
        removed=[{"type": "user", "id": bob.pk}, {"type": "group", "id": group.object_id}],
        public=False,
    )
    assert answer.json()["results"] == {
        "principals": [
            {"type": "role", "name": "USER", "id": "USER", "source": "local",
             "idOnTheSource": "USER", "accessRoleId": "promptGroup_viewer",
             "description": "Everybody"},
        ],
        "public": False,
    }  # fmt: skip
    assert [each["type"] for each in client.get(f"{PATH}/note").json()["principals"]] == [
        "user",
        "role",
    ]
    assert bits_of(None) == 0


def test_effective_bits_are_told(
    alice: User,
    bob: User,
    client_for: ClientFor,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_note(alice, "one")
    make_note(alice, "two")
    give(person(bob), EDITOR, "one")
    give(person(bob), AccessBits.SHARE, "two")  # not to be seen, so not to be told
    client = client_for(bob)
    with django_assert_num_queries(2):  # the person, the entries
        assert client.get(f"{PATH}/effective/all").json() == {"one": 3}
    with django_assert_num_queries(2):
        assert client.get(f"{PATH}/one/effective").json() == {"permissionBits": 3}
    assert client.get(f"{PATH}/missing/effective").json() == {"permissionBits": 0}
    assert client.get("/api/permissions/agent/effective/all").json() == {}


def test_roles_of_a_type_are_told(alice: User, client_for: ClientFor) -> None:
    answer = client_for(alice).get("/api/permissions/promptGroup/roles").json()
    assert answer == [
        {
            "accessRoleId": f"promptGroup_{kind}",
            "name": f"com_ui_role_{kind}",
            "description": f"com_ui_role_{kind}_desc",
            "permBits": bits,
        }
        for kind, bits in (("viewer", 1), ("editor", 3), ("owner", 15))
    ]


@pytest.mark.parametrize("path", ["roles", "effective/all", "x/effective", "x"])
def test_unknown_type_is_refused(path: str, alice: User, client_for: ClientFor) -> None:
    answer = client_for(alice).get(f"/api/permissions/conversation/{path}")
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "Bad Request", "message": "Unsupported resource type: conversation"},
    )


@pytest.mark.parametrize("note", ["note", "missing"])
def test_stranger_finds_nothing_and_changes_nothing(
    note: str, alice: User, charlie: User, client_for: ClientFor, sharing: None
) -> None:
    make_note(alice, "note")
    client = client_for(charlie)
    answers = [
        client.get(f"{PATH}/{note}"),
        put(client, note, updated=[wire("user", charlie.pk, "owner")]),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()) == (
            404,
            {"error": "Not Found", "message": "promptGroup not found"},
        )
    assert AccessEntry.objects.count() == 1


def test_editors_may_not_share(
    alice: User, bob: User, client_for: ClientFor, sharing: None
) -> None:
    make_note(alice, "note")
    give(person(bob), EDITOR)
    client = client_for(bob)
    answers = [client.get(f"{PATH}/note"), put(client, updated=[wire("user", bob.pk, "owner")])]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")
    assert bits_of(bob) == EDITOR


PICKER = {"VIEW_USERS": True, "VIEW_GROUPS": True, "VIEW_ROLES": True}


@pytest.mark.parametrize(
    ("prompts", "picker", "body", "status"),
    [
        (["SHARE_PUBLIC"], PICKER, {"updated": ["user"]}, 403),
        (["SHARE"], {}, {"updated": ["user"]}, 403),
        (["SHARE"], {"VIEW_GROUPS": True}, {"updated": ["user"]}, 403),
        (["SHARE"], {"VIEW_USERS": True}, {"updated": ["user"]}, 200),
        (["SHARE"], PICKER, {"updated": ["group", "role"]}, 200),
        (["SHARE"], PICKER, {"public": True}, 403),
        (["SHARE"], PICKER, {"updated": ["public"]}, 403),
        (["SHARE"], {}, {"public": False}, 200),
        (["SHARE", "SHARE_PUBLIC"], {}, {"public": True}, 200),
        (["SHARE_PUBLIC"], PICKER, {"public": True}, 403),
    ],
)
def test_role_decides_what_may_be_shared_with_whom(
    prompts: list[str],
    picker: dict[str, bool],
    body: dict[str, Any],
    status: int,
    alice: User,
    bob: User,
    client_for: ClientFor,
) -> None:
    make_note(alice, "note")
    allow("USER", PROMPTS=dict.fromkeys(prompts, True), PEOPLE_PICKER=picker)
    ids = {"user": bob.pk, "group": make_group("G").object_id, "role": "ADMIN", "public": None}
    updated = [wire(type_, ids[type_]) for type_ in body.get("updated", [])]
    answer = put(client_for(alice), **(body | {"updated": updated}))
    assert answer.status_code == status
    assert (AccessEntry.objects.count() > 1) is (status == 200 and body != {"public": False})


def test_access_of_those_already_there_changes_without_the_picker(
    alice: User, bob: User, client_for: ClientFor
) -> None:
    make_note(alice, "note")
    give(person(bob), VIEWER)
    allow("USER", PROMPTS={"SHARE": True})
    assert put(client_for(alice), updated=[wire("user", bob.pk, "editor")]).status_code == 200
    assert bits_of(bob) == EDITOR


def test_owner_cannot_be_pushed_out(
    alice: User, bob: User, client_for: ClientFor, sharing: None
) -> None:
    make_note(alice, "note")
    client = client_for(alice)
    assert put(client, updated=[wire("user", bob.pk, "owner")]).status_code == 200
    bodies: list[dict[str, Any]] = [
        {"updated": [wire("user", alice.pk, "viewer")]},
        {"removed": [{"type": "user", "id": alice.pk}], "updated": [wire("role", "USER")]},
    ]
    for body in bodies:
        answer = put(client_for(bob), **body)
        assert (answer.status_code, answer.json()) == (
            400,
            {
                "error": "Failed to update permissions",
                "details": "What the owner may do cannot be changed.",
            },
        )
    assert bits_of(alice) == OWNER
    assert AccessEntry.objects.count() == 2
    removed = put(client, removed=[{"type": "user", "id": bob.pk}])
    assert removed.status_code == 200
    assert bits_of(bob) == 0


def test_ownership_stays_single_where_the_type_says_so(
    alice: User, bob: User, client_for: ClientFor, sharing: None, settings: Settings
) -> None:
    settings.SHAREABLE = {str(TYPE): "tests.accounts.notes.LINKS"}
    allow("USER", SHARED_LINKS={"SHARE": True}, PEOPLE_PICKER=PICKER)
    make_note(alice, "note")
    answer = put(client_for(alice), updated=[wire("user", bob.pk, "owner")])
    assert (answer.status_code, answer.json()["details"]) == (
        400,
        "Nobody else can be made an owner.",
    )
    assert bits_of(bob) == 0


@pytest.mark.parametrize(
    "body",
    [
        {"updated": "all"},
        {"updated": ["x"]},
        {"updated": [{"type": "user"}]},
        {"updated": [{"type": "user", "id": 5, "accessRoleId": "promptGroup_viewer"}]},
        {"updated": [{"type": [], "id": "x", "accessRoleId": "promptGroup_viewer"}]},
        {"updated": [{"type": "user", "id": "x" * 65, "accessRoleId": "promptGroup_viewer"}]},
        {"updated": [{"type": "user", "id": "\x00", "accessRoleId": "promptGroup_viewer"}]},
        {"updated": [{"type": "role", "id": "NOBODY", "accessRoleId": "promptGroup_viewer"}]},
        {"updated": [{"type": "role", "id": "USER", "accessRoleId": "agent_viewer"}]},
        {"updated": [{"type": "role", "id": "USER", "accessRoleId": {}}]},
        {"updated": [{"type": "role", "id": "USER"}]},
        {"updated": [wire("role", "USER")], "removed": [{"type": "everything"}]},
        {"updated": [wire("role", "USER")] * 501},
        {"updated": [wire("role", "USER")], "public": 1},
        {"public": True, "publicAccessRoleId": "promptGroup_king"},
        {"public": True, "publicAccessRoleId": ["promptGroup_viewer"]},
    ],
)
def test_bad_form_is_refused_whole(
    body: dict[str, Any], alice: User, client_for: ClientFor, sharing: None
) -> None:
    make_note(alice, "note")
    answer = put(client_for(alice), **body)
    assert (answer.status_code, answer.json()["error"]) == (400, "Failed to update permissions")
    assert AccessEntry.objects.count() == 1


@pytest.mark.parametrize("body", [[], "x", 5, None])
def test_body_that_is_no_object_changes_nothing(
    body: Any, alice: User, client_for: ClientFor, sharing: None
) -> None:
    make_note(alice, "note")
    answer = client_for(alice).put(f"{PATH}/note", body, content_type="application/json")
    assert answer.status_code in (200, 400)
    assert AccessEntry.objects.count() == 1
