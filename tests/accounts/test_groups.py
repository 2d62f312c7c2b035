"""The group tree and its members."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections

from accounts.exceptions import GroupInUse, InvalidGroup
from accounts.groups import EffectiveGroup, effective_groups, managed_group_ids
from accounts.models import AccessStamp, Group, Membership, User
from accounts.models.stamp import current_stamp
from accounts.services.groups import (
    add_member,
    create_group,
    delete_group,
    move_group,
    remove_member,
    set_role,
    update_group,
)
from librechat_backend.lib.errors import Forbidden


@pytest.fixture
def tree(db: None) -> tuple[Group, Group, Group]:
    """Company → Sales → North."""
    company = create_group(actor=None, name="Company")
    sales = create_group(actor=None, name="Sales", parent=company)
    return company, sales, create_group(actor=None, name="North", parent=sales)


Tree = tuple[Group, Group, Group]


def test_slug_is_made_of_the_name_and_free(db: None) -> None:
    slugs = [create_group(actor=None, name="Réseau Nord").slug for _ in range(3)]
    assert slugs == ["reseau-nord", "reseau-nord-2", "reseau-nord-3"]


def test_error_stands_beside_the_field_when_slug_is_taken(tree: Tree) -> None:
    with pytest.raises(InvalidGroup) as caught:
        create_group(actor=None, name="Other", slug="sales")
    assert list(caught.value.errors) == ["slug"]
    assert Group.objects.count() == 3


def test_error_stands_beside_the_name_when_it_is_empty(db: None) -> None:
    with pytest.raises(InvalidGroup) as caught:
        create_group(actor=None, name=" ")
    assert caught.value.errors == {"name": ["This field cannot be blank."]}


def test_effective_groups_are_own_ones_and_all_above(tree: Tree, alice: User) -> None:
    company, sales, north = tree
    add_member(actor=None, group=north, user=alice)
    assert effective_groups(alice.id) == (
        EffectiveGroup(north.pk, "North", 0),
        EffectiveGroup(sales.pk, "Sales", 1),
        EffectiveGroup(company.pk, "Company", 2),
    )


def test_nothing_comes_through_a_group_that_is_inactive(tree: Tree, alice: User) -> None:
    _, sales, north = tree
    add_member(actor=None, group=north, user=alice)
    update_group(actor=None, group=sales, is_active=False)
    assert [group.name for group in effective_groups(alice.id)] == ["North"]


def test_move_is_refused_beside_parent_when_it_makes_a_loop(tree: Tree) -> None:
    company, _, north = tree
    with pytest.raises(InvalidGroup) as caught:
        move_group(actor=None, group=company, parent=north)
    message = "“North” belongs to “Company”: this would be a loop."
    assert caught.value.errors == {"parent": [message]}


def test_group_cannot_belong_to_itself(tree: Tree) -> None:
    with pytest.raises(InvalidGroup) as caught:
        move_group(actor=None, group=tree[0], parent=tree[0])
    assert caught.value.errors == {"parent": ["“Company” cannot belong to itself."]}


@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_make_no_loop() -> None:
    left, right = (create_group(actor=None, name=name) for name in ("Left", "Right"))
    barrier, refused = threading.Barrier(2), []

    def move(group: Group, parent: Group) -> None:
        barrier.wait(timeout=10)
        try:
            move_group(actor=None, group=group, parent=parent)
        except InvalidGroup as error:
            refused.append(list(error.errors))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=move, args=pair) for pair in ((left, right), (right, left))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert refused == [["parent"]]
    assert Group.objects.filter(parent=None).count() == 1


def test_group_with_groups_below_is_not_deleted(tree: Tree) -> None:
    with pytest.raises(GroupInUse, match="“North”") as caught:
        delete_group(actor=None, group=tree[1])
    assert caught.value.status == 409
    delete_group(actor=None, group=tree[2])
    assert Group.objects.count() == 2


def test_member_is_added_once_and_gets_the_last_role(tree: Tree, alice: User) -> None:
    add_member(actor=None, group=tree[0], user=alice)
    add_member(actor=None, group=tree[0], user=alice, role="manager")
    assert [row.role for row in Membership.objects.all()] == ["manager"]
    set_role(actor=None, group=tree[0], user=alice, role="member")
    assert managed_group_ids(alice.id) == set()
    assert remove_member(actor=None, group=tree[0], user=alice)
    assert not remove_member(actor=None, group=tree[0], user=alice)


def test_unknown_role_is_refused(tree: Tree, alice: User) -> None:
    with pytest.raises(InvalidGroup) as caught:
        add_member(actor=None, group=tree[0], user=alice, role="boss")
    assert caught.value.errors == {"role": ["“boss” is none of member, manager."]}


def test_manager_changes_only_their_subtree(tree: Tree, alice: User, bob: User) -> None:
    company, sales, north = tree
    add_member(actor=None, group=sales, user=alice, role="manager")
    add_member(actor=alice, group=north, user=bob)
    team = create_group(actor=alice, name="Team", parent=north)
    move_group(actor=alice, group=team, parent=sales)
    update_group(actor=alice, group=sales, description="Sells")
    for attempt in (
        lambda: add_member(actor=alice, group=company, user=alice),
        lambda: update_group(actor=alice, group=company, name="Mine"),
        lambda: create_group(actor=alice, name="Loose"),
        lambda: move_group(actor=alice, group=sales, parent=None),
        lambda: move_group(actor=alice, group=team, parent=company),
        lambda: update_group(actor=alice, group=sales, is_active=False),
        lambda: delete_group(actor=alice, group=sales),
    ):
        stamp = current_stamp()
        with pytest.raises(Forbidden):
            attempt()
        assert current_stamp() == stamp


def test_stranger_changes_nothing(tree: Tree, charlie: User) -> None:
    add_member(actor=None, group=tree[2], user=charlie)
    for group in tree:
        with pytest.raises(Forbidden):
            update_group(actor=charlie, group=group, name="Mine")
        with pytest.raises(Forbidden):
            add_member(actor=charlie, group=group, user=charlie, role="manager")


def test_manager_who_is_deactivated_changes_nothing(tree: Tree, alice: User) -> None:
    add_member(actor=None, group=tree[0], user=alice, role="manager")
    alice.is_active = False
    with pytest.raises(Forbidden):
        update_group(actor=alice, group=tree[0], name="Mine")


def test_stamp_is_renewed_by_every_way_to_write(tree: Tree, alice: User, bob: User) -> None:
    company, sales, north = tree
    ways: tuple[Callable[[], object], ...] = (
        lambda: Membership.objects.create(user=alice, group=north),
        lambda: Membership.objects.bulk_create([Membership(user=bob, group=north)]),
        lambda: Membership.objects.filter(user=bob).update(role="manager"),
        lambda: Group.objects.bulk_update([north], ["name"]),
        lambda: company.children.add(north),
        lambda: company.children.remove(north),
        lambda: company.children.clear(),
        lambda: Membership.objects.update_or_create(user=alice, group=north, defaults={}),
        lambda: alice.memberships.all().delete(),
        lambda: Membership.objects.get(user=bob).delete(),
        lambda: sales.save(),
        lambda: sales.delete(),
    )
    for number, write in enumerate(ways):
        before = current_stamp()
        write()
        assert current_stamp() != before, number
    assert AccessStamp.objects.count() == 1
