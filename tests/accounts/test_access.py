"""Who may do what with a resource, and how that is given and taken."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from accounts.access_roles import (
    PUBLIC,
    AccessBits,
    Principal,
    PrincipalType,
    access_role_of,
    access_roles,
)
from accounts.models import AccessEntry, Group, Membership, Role, User
from accounts.services.access import InvalidSharing, forget_resources, revoke
from accounts.services.deletion import delete_account
from tests.accounts.grants import bits_of, give, group_of, make_group, person, role_named
from tests.accounts.notes import EDITOR, OWNER, TYPE, VIEWER, make_note
from tests.factories import RoleFactory, UserFactory

pytestmark = pytest.mark.usefixtures("notes")


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
