"""Claims decide who may come, and what groups and role they get."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.test import Client

from accounts.identity.claims import Claims
from accounts.identity.rules import rules_for
from accounts.models import Group, IdentityRule, Membership, User
from accounts.models.stamp import current_stamp
from accounts.services.external import unlink_identity
from tests.accounts.identity.conftest import (
    FakeProviders,
    SetUp,
    is_signed_in,
    refusal_of,
    sign_in,
)
from tests.factories import RoleFactory, UserFactory


def make_rule(effect: str, **fields: Any) -> IdentityRule:
    rule = IdentityRule(**{"effect": effect, "claim": "groups", **fields})
    rule.full_clean()
    rule.save()
    return rule


def make_group(name: str, parent: Group | None = None) -> Group:
    return Group.objects.create(name=name, slug=name.lower(), parent=parent)


def groups_of(user: User) -> dict[str, str]:
    return dict(user.memberships.values_list("group__name", "source"))


def come(openid: FakeProviders, **claims: Any) -> User:
    openid.set_person(**claims)
    assert is_signed_in(sign_in(Client()))
    return User.objects.get(email="ada@example.com")


# -- Requirements ------------------------------------------------------------------------------


def test_refused_when_requirement_is_not_met(openid: FakeProviders) -> None:
    make_rule("require", value="chat-users")
    for groups in ([], None, ["chat-users-2"], "chat", {"chat-users": True}):
        openid.set_person(groups=groups)
        assert refusal_of(sign_in(Client())) == "requirement_not_met"
    assert User.objects.count() == 0
    come(openid, groups=["x", "chat-users"])


def test_one_of_several_requirements_is_enough(openid: FakeProviders) -> None:
    make_rule("require", value="staff")
    make_rule("require", claim="department", value="Research & Development")
    come(openid, department="Research & Development")


def test_person_who_lost_the_required_group_is_refused(openid: FakeProviders) -> None:
    make_rule("require", value="staff")
    come(openid, groups=["staff"])
    openid.set_person(groups=[])
    assert refusal_of(sign_in(Client())) == "requirement_not_met"


def test_rule_of_another_provider_or_switched_off_does_not_count(
    openid: FakeProviders,
) -> None:
    make_rule("require", value="staff", provider="saml")
    make_rule("require", value="staff", is_active=False)
    come(openid)


@pytest.mark.parametrize(
    ("kind", "control"),
    [
        ("id", {"userinfo_changes": {"realm_access": None}}),
        ("userinfo", {"id_token_changes": {"realm_access": None}}),
        ("", {}),
    ],
)
def test_required_role_of_the_environment(
    kind: str, control: dict[str, Any], openid: FakeProviders, set_up: SetUp
) -> None:
    set_up(
        OPENID_REQUIRED_ROLE="chat, admin",
        OPENID_REQUIRED_ROLE_PARAMETER_PATH="realm_access.roles",
        OPENID_REQUIRED_ROLE_TOKEN_KIND=kind,
    )
    assert refusal_of(sign_in(Client())) == "requirement_not_met"
    person = {"sub": "ada-1", "email": "ada@example.com", "email_verified": True}
    openid.set(person=person | {"realm_access": {"roles": ["chat"]}}, **control)
    assert is_signed_in(sign_in(Client()))


def test_required_role_is_looked_for_where_the_environment_says(
    openid: FakeProviders, set_up: SetUp
) -> None:
    set_up(
        OPENID_REQUIRED_ROLE="chat",
        OPENID_REQUIRED_ROLE_PARAMETER_PATH="roles",
        OPENID_REQUIRED_ROLE_TOKEN_KIND="access",
    )
    openid.set_person(roles=["chat"])
    assert refusal_of(sign_in(Client())) == "requirement_not_met"
    openid.set(access_claims={"roles": ["chat"]})
    assert is_signed_in(sign_in(Client()))


def test_rows_do_not_widen_what_the_environment_requires(
    openid: FakeProviders, set_up: SetUp
) -> None:
    set_up(OPENID_REQUIRED_ROLE="chat", OPENID_REQUIRED_ROLE_PARAMETER_PATH="roles")
    make_rule("require", value="staff")
    openid.set_person(groups=["staff"])
    assert refusal_of(sign_in(Client())) == "requirement_not_met"
    openid.set_person(roles=["chat"])
    assert refusal_of(sign_in(Client())) == "requirement_not_met"
    come(openid, groups=["staff"], roles=["chat"])


def test_nobody_comes_when_the_environment_makes_no_sense(
    openid: FakeProviders, set_up: SetUp
) -> None:
    set_up(OPENID_REQUIRED_ROLE="chat")
    assert refusal_of(sign_in(Client())) == "not_configured"
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "variables",
    [
        {"OPENID_ADMIN_ROLE": "boss"},
        {"OPENID_ROLE_SYNC_ENABLED": "true"},
        {"OPENID_ROLE_SYNC_ENABLED": "perhaps"},
        {
            "OPENID_REQUIRED_ROLE": "x",
            "OPENID_REQUIRED_ROLE_PARAMETER_PATH": "x",
            "OPENID_REQUIRED_ROLE_TOKEN_KIND": "refresh",
        },
    ],
)
def test_wrong_settings_are_told(variables: dict[str, str], set_up: SetUp, db: None) -> None:
    set_up(**variables)
    with pytest.raises(ImproperlyConfigured):
        rules_for("openid")


# -- Groups ------------------------------------------------------------------------------------


def test_groups_follow_the_claims(openid: FakeProviders) -> None:
    staff, lab = make_group("Staff"), make_group("Lab")
    make_rule("group", value="g-staff", group=staff)
    make_rule("group", value="g-lab", group=lab)
    make_rule("group", claim="department", value="7", group=lab)
    user = come(openid, groups=["g-staff", "unknown"])
    assert groups_of(user) == {"Staff": "claim"}
    come(openid, groups="g-lab", department=7)
    assert groups_of(user) == {"Lab": "claim"}
    come(openid, groups=[])
    assert groups_of(user) == {}


def test_membership_by_hand_stays(openid: FakeProviders) -> None:
    staff, lab = make_group("Staff"), make_group("Lab")
    make_rule("group", value="g-staff", group=staff)
    user = UserFactory.create(email="ada@example.com", email_verified=True)
    Membership.objects.create(user=user, group=lab)
    Membership.objects.create(user=user, group=staff, role="manager")
    come(openid, groups=["g-staff"])
    assert groups_of(user) == {"Staff": "manual", "Lab": "manual"}
    come(openid, groups=[])
    assert groups_of(user) == {"Staff": "manual", "Lab": "manual"}
    assert user.memberships.get(group=staff).role == "manager"


def test_group_goes_when_its_rule_goes(openid: FakeProviders) -> None:
    rule = make_rule("group", value="g", group=make_group("Staff"))
    user = come(openid, groups=["g"])
    rule.delete()
    come(openid, groups=["g"])
    assert groups_of(user) == {}


def test_offers_are_made_anew_only_when_groups_change(openid: FakeProviders) -> None:
    make_rule("group", value="g", group=make_group("Staff"))
    come(openid, groups=["g"])
    stamp = current_stamp()
    come(openid, groups=["g"])
    assert current_stamp() == stamp
    come(openid, groups=[])
    assert current_stamp() != stamp


def test_groups_are_made_as_values_name_them(openid: FakeProviders) -> None:
    company = make_group("Company")
    make_group("Lab", company)
    make_group("Elsewhere")
    make_rule("groups", group=company)
    names = ["/lab", "New Team", "new team", "Elsewhere", "x" * 101, " ", "\0"]
    user = come(openid, groups=names)
    assert set(groups_of(user)) == {"Lab", "New Team", "Elsewhere"}
    assert set(company.children.values_list("name", flat=True)) == {"Lab", "New Team", "Elsewhere"}
    come(openid, groups=["NEW TEAM"])
    assert set(groups_of(user)) == {"New Team"}
    assert Group.objects.count() == 5


def test_groups_at_the_top_when_rule_names_none(openid: FakeProviders) -> None:
    make_rule("groups", claim="teams")
    user = come(openid, teams=["One", "Two"])
    assert set(groups_of(user)) == {"One", "Two"}
    assert set(Group.objects.values_list("parent", flat=True)) == {None}


def test_nobody_loses_groups_when_provider_left_the_list_out(openid: FakeProviders) -> None:
    make_rule("group", value="g", group=make_group("Staff"))
    user = come(openid, groups=["g"])
    come(openid, _claim_names={"groups": "src1"})
    assert groups_of(user) == {"Staff": "claim"}
    come(openid, hasgroups=True)
    assert groups_of(user) == {"Staff": "claim"}
    come(openid)
    assert groups_of(user) == {}


def test_group_that_another_identity_gives_stays(openid: FakeProviders) -> None:
    staff = make_group("Staff")
    make_rule("group", value="g", group=staff)
    user = come(openid, groups=["g"])
    SocialAccount.objects.create(
        user=user, provider="saml:x", uid="1", extra_data={"groups": [staff.pk]}
    )
    come(openid, groups=[])
    assert groups_of(user) == {"Staff": "claim"}


def test_what_an_identity_gave_goes_when_it_is_unlinked(openid: FakeProviders) -> None:
    RoleFactory.create(name="EDITOR")
    make_rule("group", value="g", group=make_group("Staff"))
    make_rule("role", value="g", role="EDITOR")
    user = come(openid, groups=["g"])
    assert user.role == "EDITOR"
    unlink_identity(account=SocialAccount.objects.get())
    user.refresh_from_db()
    assert (groups_of(user), user.role) == ({}, "USER")
    assert user.refresh_sessions.count() == 0


# -- Roles -------------------------------------------------------------------------------------


def test_role_follows_the_claims(openid: FakeProviders) -> None:
    RoleFactory.create(name="EDITOR")
    RoleFactory.create(name="GUEST")
    make_rule("role", value="guests", role="GUEST", position=2)
    make_rule("role", value="editors", role="EDITOR", position=1)
    assert come(openid, groups=["guests", "editors"]).role == "EDITOR"
    assert come(openid, groups=["guests"]).role == "GUEST"
    assert come(openid, groups=[]).role == "USER"


def test_role_by_hand_stays_when_claims_name_none(openid: FakeProviders) -> None:
    RoleFactory.create(name="EDITOR")
    make_rule("role", value="bosses", role="ADMIN")
    come(openid)
    User.objects.update(role="EDITOR")
    assert come(openid).role == "EDITOR"


def test_administrator_by_hand_stays_one(openid: FakeProviders) -> None:
    RoleFactory.create(name="EDITOR")
    make_rule("role", value="editors", role="EDITOR")
    make_rule("role", value="bosses", role="ADMIN")
    come(openid)
    User.objects.update(role="ADMIN")
    assert come(openid, groups=["editors"]).role == "ADMIN"
    assert come(openid, groups=["bosses"]).role == "ADMIN"
    assert come(openid, groups=[]).role == "ADMIN"


def test_role_that_does_not_exist_gives_nothing(openid: FakeProviders) -> None:
    make_rule("role", value="editors", role="EDITOR")
    assert come(openid, groups=["editors"]).role == "USER"


def test_admin_role_of_the_environment(openid: FakeProviders, set_up: SetUp) -> None:
    set_up(
        OPENID_ADMIN_ROLE="chat-admin",
        OPENID_ADMIN_ROLE_PARAMETER_PATH="roles",
        OPENID_ADMIN_ROLE_TOKEN_KIND="id",
    )
    user = come(openid, roles=["chat-admin"])
    assert (user.role, user.is_staff, user.is_superuser) == ("ADMIN", False, False)
    assert come(openid, roles=["other"]).role == "USER"


def test_roles_named_as_at_the_provider(openid: FakeProviders, set_up: SetUp) -> None:
    RoleFactory.create(name="editor")
    RoleFactory.create(name="basic")
    set_up(
        OPENID_ROLE_SYNC_ENABLED="true",
        OPENID_ROLE_SYNC_CLAIM="roles",
        OPENID_ROLE_SYNC_ROLE_PRIORITY="ADMIN,editor",
        OPENID_ROLE_SYNC_FALLBACK_ROLE="basic",
    )
    assert come(openid, roles=["ADMIN"]).role == "basic"
    assert come(openid, roles=["ADMIN", "editor"]).role == "editor"
    assert come(openid, roles=[]).role == "basic"


@pytest.mark.parametrize(
    "fields",
    [
        {"effect": "require"},
        {"effect": "group", "value": "x"},
        {"effect": "role", "value": "x"},
        {"effect": "groups", "value": "x"},
        {"effect": "nonsense", "value": "x"},
        {"effect": "require", "value": "x", "claim": ""},
    ],
)
def test_rule_that_says_too_little_is_refused(fields: dict[str, Any], db: None) -> None:
    with pytest.raises(ValidationError):
        make_rule(**fields)


# -- Looking things up -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("groups", ("a b", "7")),
        ("realm.roles", ("x",)),
        ("http://schemas.example.com/claims/Group", ("dn",)),
        ("text", ("one two", "one", "two")),
        ("yes", ("true",)),
        ("no", ()),
        ("number", ("7",)),
        ("nothing", ()),
        ("realm", ()),
        ("realm.roles.x", ()),
        ("text.x", ()),
        ("", ()),
        ("only-access", ("z",)),
    ],
)
def test_values(path: str, values: tuple[str, ...]) -> None:
    userinfo = {
        "groups": ["a b", 7, None, {"x": 1}, "\0"],
        "realm": {"roles": ["x"]},
        "http://schemas.example.com/claims/Group": ["dn"],
        "text": "one two",
        "yes": True,
        "no": False,
        "number": 7,
    }
    claims = Claims({"userinfo": userinfo, "access": {"only-access": "z"}})
    assert claims.values(path) == values
