from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import Ban, RefreshSession, Role, User
from accounts.permissions import BUILT
from tests.accounts.requests import login, signed_in
from tests.factories import PASSWORD, UserFactory

USERS, ROLES, SESSIONS = (f"/admin/accounts/{name}/" for name in ("user", "role", "refreshsession"))


@pytest.fixture
def helper(db: None) -> User:
    """May work with users in the admin, and is no superuser."""
    user = UserFactory.create(email="helper@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    return user


def form(user: User, **changes: Any) -> dict[str, Any]:
    """What the change page of ``user`` sends; a checkbox that is off is not sent."""
    fields = {"email": user.email, "name": user.name, "username": user.username, "role": user.role}
    flags = {
        flag: "on" for flag in ("is_active", "is_staff", "is_superuser") if getattr(user, flag)
    }
    identities = dict.fromkeys(
        (f"socialaccount_set-{name}_FORMS" for name in ("TOTAL", "INITIAL")), "0"
    )
    sent = fields | flags | identities | changes
    return {name: value for name, value in sent.items() if value is not None}


def change(client: Client, user: User, **changes: Any) -> Any:
    return client.post(f"{USERS}{user.pk}/change/", form(user, **changes))


def session_of(user: User) -> RefreshSession:
    return RefreshSession.objects.create(
        user=user, token_hash="hash-of-a-token", expires_at=timezone.now() + timedelta(days=1)
    )


@pytest.mark.parametrize("path", [USERS, ROLES, SESSIONS, f"{USERS}add/", f"{ROLES}add/"])
def test_pages_open_for_the_administrator_alone(
    stranger: Client, alice: User, admin_user: User, path: str
) -> None:
    session_of(alice)
    assert signed_in(admin_user).get(path).status_code == 200
    assert stranger.get(path).status_code == 302
    assert signed_in(alice).get(path).status_code == 302


def test_user_can_sign_in_when_created_in_the_admin(stranger: Client, admin_user: User) -> None:
    response = signed_in(admin_user).post(
        f"{USERS}add/",
        {
            "email": "Eve@Example.com",
            "name": "Eve",
            "role": "USER",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )
    assert response.status_code == 302, response.content
    assert login(stranger, "eve@example.com").json()["user"]["role"] == "USER"


@pytest.mark.parametrize(
    ("email", "password", "error"),
    [
        ("ALICE@example.com", PASSWORD, "already exists"),
        ("eve@example.com", "short", "at least 8 characters"),
    ],
)
def test_user_is_not_created_when_the_form_is_wrong(
    alice: User, admin_user: User, email: str, password: str, error: str
) -> None:
    fields = {"email": email, "name": "Eve", "role": "USER", "usable_password": "true"}
    response = signed_in(admin_user).post(
        f"{USERS}add/", fields | {"password1": password, "password2": password}
    )
    assert response.status_code == 200
    assert error in response.content.decode()
    assert User.objects.count() == 2


def test_sessions_end_when_a_user_is_deactivated(alice: User, admin_user: User) -> None:
    session_of(alice)
    assert change(signed_in(admin_user), alice, is_active=None).status_code == 302
    alice.refresh_from_db()
    assert not alice.is_active
    assert not RefreshSession.objects.exists()


def test_sessions_live_on_when_only_the_name_changes(alice: User, admin_user: User) -> None:
    session_of(alice)
    assert change(signed_in(admin_user), alice, name="Alicia").status_code == 302
    alice.refresh_from_db()
    assert alice.name == "Alicia"
    assert RefreshSession.objects.count() == 1


def test_nobody_locks_themselves_out(admin_user: User) -> None:
    client = signed_in(admin_user)
    change(client, admin_user, is_active=None, is_staff=None, is_superuser=None, name="Me")
    admin_user.refresh_from_db()
    assert (admin_user.name, admin_user.is_active) == ("Me", True)
    assert admin_user.is_staff
    assert admin_user.is_superuser
    assert client.post(f"{USERS}{admin_user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=admin_user.pk).exists()


@pytest.mark.parametrize("is_self", [True, False])
def test_helper_raises_no_rights(alice: User, helper: User, is_self: bool) -> None:
    target = helper if is_self else alice
    before = target.is_staff
    change(signed_in(helper), target, role="ADMIN", is_staff="on", is_superuser="on", name="Name")
    target.refresh_from_db()
    assert target.name == "Name"
    assert (target.role, target.is_superuser, target.is_staff) == ("USER", False, before)


@pytest.mark.parametrize("page", ["change/", "password/", "delete/"])
def test_helper_has_no_power_over_an_administrator(
    helper: User, admin_user: User, page: str
) -> None:
    before = admin_user.password
    data = {"post": "yes", "email": "x@example.com", "password1": "1" * 9, "password2": "1" * 9}
    response = signed_in(helper).post(f"{USERS}{admin_user.pk}/{page}", data)
    assert response.status_code == 403
    admin_user.refresh_from_db()
    assert (admin_user.email, admin_user.password) == ("admin@example.com", before)


@pytest.mark.parametrize("page", ["change/", "password/", "delete/"])
@pytest.mark.parametrize("is_staff", [True, False])
def test_helper_gets_at_nobody_who_may_do_more(
    alice: User, helper: User, is_staff: bool, page: str
) -> None:
    """An administrator of the chat's, or staff with other rights."""
    if is_staff:
        alice.user_permissions.set(Permission.objects.filter(codename="change_channel"))
    alice.is_staff, alice.role = is_staff, "USER" if is_staff else "ADMIN"
    alice.save()
    client, before = signed_in(helper), alice.password
    data = {"post": "yes", "email": "x@example.com", "password1": "1" * 9, "password2": "1" * 9}
    assert client.post(f"{USERS}{alice.pk}/{page}", data).status_code == 403
    action = {"action": "send_password_link", "_selected_action": [alice.pk]}
    told = client.post(USERS, action, follow=True).context["messages"]
    assert not any("token=" in str(message) for message in told)
    alice.refresh_from_db()
    assert (alice.email, alice.password) == ("alice@example.com", before)


@pytest.mark.parametrize("is_above", [True, False])
def test_helper_bans_no_administrator(
    alice: User, helper: User, admin_user: User, is_above: bool
) -> None:
    person = admin_user if is_above else alice
    typed = {
        "user": person.pk, "ip_address": "", "reason": "rude",
        "expires_at_0": "2099-01-01", "expires_at_1": "00:00",
    }  # fmt: skip
    signed_in(helper).post("/admin/accounts/ban/add/", typed)
    assert Ban.objects.filter(user=person).exists() is not is_above


def test_no_secret_is_shown(alice: User, admin_user: User) -> None:
    session = session_of(alice)
    client = signed_in(admin_user)
    for page in (SESSIONS, f"{SESSIONS}{session.pk}/change/", f"{USERS}{alice.pk}/change/"):
        html = client.get(page, follow=True).content.decode()
        assert "hash-of-a-token" not in html
        assert alice.password not in html


def test_devices_are_signed_out(alice: User, bob: User, admin_user: User) -> None:
    session = session_of(alice)
    session_of(bob)
    client = signed_in(admin_user)
    client.post(SESSIONS, {"action": "sign_out", "_selected_action": [session.pk]})
    assert [left.user for left in RefreshSession.objects.all()] == [bob]
    client.post(USERS, {"action": "sign_out", "_selected_action": [bob.pk]})
    assert not RefreshSession.objects.exists()


def test_role_is_edited_with_checkboxes(admin_user: User) -> None:
    stored = {"NOT_YET_BUILT": {"USE": True}}
    role, _ = Role.objects.update_or_create(name="USER", defaults={"permissions": stored})
    client = signed_in(admin_user)
    page = f"{ROLES}{role.pk}/change/"
    html = client.get(page).content.decode()
    assert 'value="TEMPORARY_CHAT.USE"' in html
    assert 'name="permissions"' not in html

    assert client.post(page, {"description": "All"}).status_code == 302
    role.refresh_from_db()
    off: dict[str, dict[str, bool]] = {}
    for type_, bit in BUILT:
        off.setdefault(type_, {})[bit] = False
    assert role.permissions == stored | off

    client.post(page, {"description": "All", "allowed": ["TEMPORARY_CHAT.USE"]})
    role.refresh_from_db()
    assert role.permissions == stored | off | {"TEMPORARY_CHAT": {"USE": True}}


def test_unbuilt_feature_cannot_be_ticked(admin_user: User) -> None:
    role, _ = Role.objects.update_or_create(name="USER", defaults={"permissions": {}})
    response = signed_in(admin_user).post(f"{ROLES}{role.pk}/change/", {"allowed": ["AGENTS.USE"]})
    assert response.status_code == 200
    role.refresh_from_db()
    assert role.permissions == {}


def test_role_is_not_deleted_when_built_in_or_in_use(admin_user: User) -> None:
    builtin, _ = Role.objects.get_or_create(name="USER")
    used, free = Role.objects.create(name="TEACHERS"), Role.objects.create(name="GUESTS")
    UserFactory.create(role="TEACHERS")
    client = signed_in(admin_user)
    for role, status in ((builtin, 403), (used, 403), (free, 302)):
        response = client.post(f"{ROLES}{role.pk}/delete/", {"post": "yes"})
        assert response.status_code == status
    assert not Role.objects.filter(name="GUESTS").exists()


def test_role_keeps_its_name(admin_user: User) -> None:
    role = Role.objects.create(name="TEACHERS")
    signed_in(admin_user).post(f"{ROLES}{role.pk}/change/", {"name": "X", "description": "d"})
    role.refresh_from_db()
    assert (role.name, role.description) == ("TEACHERS", "d")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "javascript:x()"])
def test_signing_in_leads_nowhere_else(admin_user: User, target: str) -> None:
    credentials = {"username": admin_user.email, "password": PASSWORD, "next": target}
    answer = Client().post(f"/admin/login/?next={target}", credentials)
    assert answer.status_code == 302
    assert answer["location"].startswith("/")
    assert "evil" not in answer["location"]


def test_devices_are_told_apart_by_what_their_browsers_do_not_share(
    alice: User, admin_user: User
) -> None:
    browser = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
    )
    login(Client(headers={"User-Agent": browser}), "alice@example.com")
    page = signed_in(admin_user).get(SESSIONS).content.decode()
    assert "(Windows NT 10.0; Win64; x64) Chrome/141.0.0.0 Edg/141.0.0.0" in page
    assert "Mozilla" not in page
