import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Role, User
from accounts.permissions import (
    BUILT,
    USER_DEFAULTS,
    Bit,
    PermissionType,
    default_permission,
    has_permission,
    read_role,
)
from tests.factories import UserFactory

ALL = {(type_, bit) for type_, bits in USER_DEFAULTS.items() for bit in bits}


def test_matrix_names_every_type_of_the_contract() -> None:
    assert set(USER_DEFAULTS) == set(PermissionType)
    assert len(ALL) == 42
    assert ALL >= BUILT


def test_defaults_are_those_of_the_contract() -> None:
    granted = {pair for pair in ALL if default_permission("USER", *pair)}
    assert len(granted) == 24
    assert (PermissionType.PROMPTS, Bit.SHARE) not in granted
    assert (PermissionType.MCP_SERVERS, Bit.USE) in granted
    assert all(default_permission("ADMIN", *pair) for pair in ALL)
    assert not any(default_permission("TEACHERS", *pair) for pair in ALL)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["USER", "ADMIN"])
def test_only_built_bits_are_on_when_a_role_has_no_row(name: str) -> None:
    Role.objects.all().delete()
    matrix = read_role(name).permissions
    on = {(type_, bit) for type_, bits in matrix.items() for bit, value in bits.items() if value}
    assert on == {
        (str(type_), str(bit)) for type_, bit in BUILT if default_permission(name, type_, bit)
    }
    assert {(type_, bit) for type_, bits in matrix.items() for bit in bits} == ALL


@pytest.mark.django_db
def test_unbuilt_bit_stays_off_when_a_row_switches_it_on() -> None:
    Role.objects.create(name="X", permissions={"AGENTS": {"USE": True}, "NEW": {"USE": True}})
    matrix = read_role("X").permissions
    assert matrix["AGENTS"]["USE"] is False
    assert "NEW" not in matrix


@pytest.mark.parametrize("value", [False, "true", 1, None, {}])
def test_built_bit_is_off_when_the_row_holds_anything_but_true(alice: User, value: object) -> None:
    Role.objects.update_or_create(
        name="USER", defaults={"permissions": {"TEMPORARY_CHAT": {"USE": value}}}
    )
    assert not has_permission(alice, PermissionType.TEMPORARY_CHAT, Bit.USE)


@pytest.mark.parametrize("stored", [[], "x", {"TEMPORARY_CHAT": True}])
def test_defaults_hold_when_the_row_is_damaged(alice: User, stored: object) -> None:
    Role.objects.update_or_create(name="USER", defaults={"permissions": stored})
    assert has_permission(alice, PermissionType.TEMPORARY_CHAT, Bit.USE)


def test_permission_is_denied_when_its_name_is_unknown(alice: User) -> None:
    assert not has_permission(alice, "NOTHING", "USE")
    assert not has_permission(alice, "TEMPORARY_CHAT", "NOTHING")


@pytest.mark.django_db
def test_everything_is_denied_when_the_role_does_not_exist() -> None:
    ghost = UserFactory.create(role="GHOST")
    assert not has_permission(ghost, PermissionType.TEMPORARY_CHAT, Bit.USE)


def test_permission_costs_one_query(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert has_permission(alice, "TEMPORARY_CHAT", "USE")
