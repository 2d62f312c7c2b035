"""Who may do what with a resource, and how it is shared, as the client's dialog does it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import permissions
from accounts.access_roles import (
    PUBLIC,
    AccessBits,
    Principal,
    PrincipalType,
    access_role_of,
    access_roles,
)
from accounts.models import AccessEntry, Group, Membership, Role, User
from accounts.permissions import Bit, PermissionType
from accounts.services.access import InvalidSharing, forget_resources, grant, revoke
from accounts.services.deletion import delete_account
from tests.accounts.notes import EDITOR, OWNER, SHAREABLE, TYPE, VIEWER, forget_notes, make_note
from tests.conftest import ClientFor
from tests.factories import RoleFactory, UserFactory

PATH = f"/api/permissions/{TYPE}"


@pytest.fixture(autouse=True)
def notes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Notes are shareable, and sharing prompts is a feature of this release."""
    settings.SHAREABLE = SHAREABLE
    built = {(PermissionType.PROMPTS, bit) for bit in (Bit.SHARE, Bit.SHARE_PUBLIC)}
    built.add((PermissionType.SHARED_LINKS, Bit.SHARE))
    monkeypatch.setattr(permissions, "BUILT", permissions.BUILT | built)
    yield
    forget_notes()


@pytest.fixture
def sharing(db: None) -> None:
    """The role USER may find people, and share with them and with everybody."""
    picker = {"VIEW_USERS": True, "VIEW_GROUPS": True, "VIEW_ROLES": True}
    allow("USER", PROMPTS={"SHARE": True, "SHARE_PUBLIC": True}, PEOPLE_PICKER=picker)


def allow(role: str, **matrix: dict[str, bool]) -> None:
    Role.objects.update_or_create(name=role, defaults={"permissions": matrix})


def person(user: User) -> Principal:
    return Principal(PrincipalType.USER, user.pk)


def group_of(group: Group) -> Principal:
    return Principal(PrincipalType.GROUP, group.object_id)


def role_named(name: str) -> Principal:
    return Principal(PrincipalType.ROLE, name)


def give(principal: Principal, bits: AccessBits, note: str = "note") -> None:
    grant(resource_type=TYPE, resource_id=note, principal=principal, bits=bits, granted_by=None)


def bits_of(user: User | None, note: str = "note") -> AccessBits:
    return AccessEntry.objects.bits_of(user, TYPE, note)


def wire(type_: str, id_: str | None, role: str = "viewer") -> dict[str, Any]:
    return {"type": type_, "id": id_, "accessRoleId": f"{TYPE}_{role}"}


def put(client: Any, note: str = "note", **body: Any) -> Any:
    body = {"updated": [], "removed": []} | body
    return client.put(f"{PATH}/{note}", body, content_type="application/json")


def make_group(name: str, parent: Group | None = None, **fields: Any) -> Group:
    return Group.objects.create(name=name, slug=name.lower(), parent=parent, **fields)


# -- Who reaches what ------------------------------------------------------------------------


def test_bits_of_all_principals_are_joined(alice: User, bob: User) -> None:
    make_note(alice, "note")
    above = make_group("Above")
    Membership.objects.create(user=bob, group=make_group("Below", above))
    assert (bits_of(alice), bits_of(bob), bits_of(None)) == (OWNER, AccessBits.NONE, 0)
    give(PUBLIC, VIEWER)
    assert (bits_of(bob), bits_of(None)) == (VIEWER, VIEWER)
    give(group_of(above), EDITOR)
    give(role_named("USER"), AccessBits.DELETE)
    assert bits_of(bob) == EDITOR | AccessBits.DELETE
    give(person(bob), AccessBits.SHARE)
    assert bits_of(bob) == OWNER


def test_groups_that_pass_nothing_on_give_nothing(bob: User) -> None:
    off = make_group("Off", is_active=False)
    Membership.objects.create(user=bob, group=make_group("Below off", off))
    Membership.objects.create(user=bob, group=make_group("Above", None))
    AccessEntry.objects.create(
        resource_type=TYPE, resource_id="note", principal_type="group", group=off, bits=1
    )
    give(group_of(make_group("Below", Group.objects.get(name="Above"))), EDITOR)
    assert bits_of(bob) == 0


def test_resource_ids_are_one_query_with_groups_role_and_public(
    alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(6):
        make_note(alice, f"note{number}")
    above = make_group("Above")
    Membership.objects.create(user=bob, group=make_group("Below", above))
    give(group_of(above), EDITOR, "note0")
    give(role_named("USER"), VIEWER, "note1")
    give(PUBLIC, VIEWER, "note2")
    give(person(bob), AccessBits.EDIT, "note3")
    with django_assert_num_queries(1):
        found = {row["resource_id"] for row in AccessEntry.objects.resource_ids(bob, TYPE)}
    assert found == {"note0", "note1", "note2"}
    shareable = AccessEntry.objects.resource_ids(bob, TYPE, AccessBits.EDIT)
    with django_assert_num_queries(1):
        others = AccessEntry.objects.filter(resource_id__in=shareable).values_list("resource_id")
        assert {each for (each,) in others} == {"note0", "note3"}
    with django_assert_num_queries(1):
        assert AccessEntry.objects.bits_by_resource(bob, TYPE) == {
            "note0": EDITOR,
            "note1": VIEWER,
            "note2": VIEWER,
            "note3": AccessBits.EDIT,
        }
    only = AccessEntry.objects.bits_by_resource(bob, TYPE, ["note0", "note9"])
    assert only == {"note0": EDITOR}


class TestAgainstTheObvious(TestCase):
    """Random trees, members and entries, compared with walking up the tree by hand."""

    @budget(max_examples=40, deadline=None)
    @given(data=st.data())
    def test_bits_are_those_of_the_oracle(self, data: st.DataObject) -> None:
        groups: list[Group] = []
        for number in range(data.draw(st.integers(0, 6))):
            parent = data.draw(st.sampled_from([None, *groups]))
            groups.append(make_group(f"G{number}", parent, is_active=data.draw(st.booleans())))
        people = UserFactory.create_batch(2, role=data.draw(st.sampled_from(["USER", "ADMIN"])))
        for user in people:
            for group in data.draw(st.sets(st.sampled_from(groups))) if groups else ():
                Membership.objects.create(user=user, group=group)
        principals = [*map(person, people), PUBLIC, role_named("USER"), role_named("ADMIN")]
        principals += [group_of(group) for group in groups if group.is_active]
        entries = data.draw(
            st.dictionaries(st.sampled_from(principals), st.integers(1, 15), max_size=6)
        )
        for principal, bits in entries.items():
            give(principal, AccessBits(bits))
        for user in people:
            assert bits_of(user) == _obvious_bits(user, entries)

    def setUp(self) -> None:
        Role.objects.get_or_create(name="ADMIN")
        Role.objects.get_or_create(name="USER")


def _obvious_bits(user: User, entries: dict[Principal, int]) -> int:
    mine = {person(user), PUBLIC, role_named(user.role)}
    for membership in Membership.objects.filter(user=user):
        group: Group | None = membership.group
        while group is not None and group.is_active:
            mine.add(group_of(group))
            group = group.parent
    bits = 0
    for principal, allowed in entries.items():
        bits |= allowed if principal in mine else 0
    return bits


# -- Giving and taking -----------------------------------------------------------------------


def test_second_grant_replaces_the_first(alice: User, bob: User) -> None:
    for principal in (person(bob), PUBLIC, role_named("USER"), group_of(make_group("G"))):
        give(principal, EDITOR)
        give(principal, VIEWER)
        assert AccessEntry.objects.of_principal(principal).get().bits == 1
        assert revoke(resource_type=TYPE, resource_id="note", principal=principal)
        assert not revoke(resource_type=TYPE, resource_id="note", principal=principal)


@pytest.mark.parametrize("type_", ["user", "group", "role"])
def test_nothing_is_given_to_a_principal_there_is_not(db: None, type_: str) -> None:
    with pytest.raises(InvalidSharing):
        give(Principal(PrincipalType(type_), "5d0c1f6e2b7a4c1d9a407f2f"), VIEWER)
    with pytest.raises(InvalidSharing):
        give(PUBLIC, AccessBits.NONE)
    assert not AccessEntry.objects.exists()


def test_database_refuses_what_the_services_never_write(alice: User) -> None:
    wrong: list[dict[str, Any]] = [
        {"principal_type": "public", "user": alice, "bits": 1},
        {"principal_type": "user", "bits": 1},
        {"principal_type": "public", "bits": 0},
        {"principal_type": "nobody", "bits": 1},
    ]
    for fields in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            AccessEntry.objects.create(resource_type=TYPE, resource_id="note", **fields)
    give(PUBLIC, VIEWER)
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessEntry.objects.create(
            resource_type=TYPE, resource_id="note", principal_type="public", bits=1
        )


def test_rights_end_with_resource_principal_and_owner(alice: User, bob: User) -> None:
    for note in ("kept", "forgotten"):
        make_note(alice, note)
    make_note(bob, "of bob")
    group, role = make_group("G"), RoleFactory.create(name="TEMP")
    for principal in (person(bob), group_of(group), role_named("TEMP"), PUBLIC):
        give(principal, VIEWER, "kept")
    give(person(alice), VIEWER, "of bob")
    forget_resources(resource_type=TYPE, resource_ids=["forgotten"])
    group.delete()
    role.delete()
    delete_account(user=bob)
    left = AccessEntry.objects.values_list("resource_id", "principal_type")
    assert set(left) == {("kept", "user"), ("kept", "public")}
    delete_account(user=alice)
    assert not AccessEntry.objects.exists()


def test_roles_have_the_names_the_client_knows() -> None:
    ids = {role.id for type_ in SHARED for role in access_roles(type_)}
    assert ids == {
        *(f"agent_{kind}" for kind in KINDS),
        *(f"promptGroup_{kind}" for kind in KINDS),
        "sharedLink_viewer",
        "sharedLink_owner",
    }
    assert [access_role_of(TYPE, bits).kind for bits in (0, 1, 2, 3, 7, 15)] == [
        "viewer", "viewer", "viewer", "editor", "editor", "owner",
    ]  # fmt: skip


SHARED = [TYPE, type(TYPE).AGENT, type(TYPE).SHARED_LINK]
KINDS = ("viewer", "editor", "owner")


# -- The share dialog ------------------------------------------------------------------------


def test_dialog_shows_and_changes_who_has_access(
    alice: User, bob: User, client_for: ClientFor, sharing: None
) -> None:
    make_note(alice, "note")
    group = make_group("Team", description="All of us")
    client = client_for(alice)
    answer = put(
        client,
        updated=[wire("user", bob.pk, "editor"), wire("group", group.object_id)],
        public=True,
        publicAccessRoleId="promptGroup_viewer",
    )
    bob_wire = {
        "type": "user",
        "name": "Bob",
        "email": "bob@example.com",
        "id": bob.pk,
        "source": "local",
        "idOnTheSource": bob.pk,
        "accessRoleId": "promptGroup_editor",
    }
    group_wire = {
        "type": "group",
        "name": "Team",
        "description": "All of us",
        "id": group.object_id,
        "source": "local",
        "idOnTheSource": group.object_id,
        "accessRoleId": "promptGroup_viewer",
    }
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
            {**bob_wire, "name": "Alice", "email": "alice@example.com", "id": alice.pk,
             "idOnTheSource": alice.pk, "accessRoleId": "promptGroup_owner"},
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
