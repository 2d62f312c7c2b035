"""Allowed domains, approval and invitations (contract 01 §4.5)."""

import re

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from pytest_django import Settings

from accounts.models import Invitation, User
from accounts.services import invitations
from tests.accounts.mailed_links import link_in, query_of
from tests.accounts.requests import FORM, login, register, signed_in


def test_address_is_refused_when_its_domain_is_not_allowed(
    stranger: Client, alice: User, settings: Settings
) -> None:
    settings.ALLOWED_REGISTRATION_DOMAINS = ["school.example"]
    refused = register(stranger)
    assert (refused.status_code, refused.json()) == (
        403,
        {
            "message": "The email address provided cannot be used. "
            "Please use a different email address."
        },
    )
    assert register(stranger, email="ada@evil-school.example").status_code == 403
    assert register(stranger, email="Ada@School.Example").status_code == 200


def test_account_waits_for_approval(
    stranger: Client, alice: User, admin_user: User, settings: Settings, with_mail: None
) -> None:
    settings.REGISTRATION_REQUIRES_APPROVAL = True
    register(stranger)
    ada = User.objects.get(email="ada@example.com")
    User.objects.filter(pk=ada.pk).update(email_verified=True)
    refused = login(stranger, "ada@example.com", FORM["password"])
    assert (refused.status_code, refused.json()) == (
        404,
        {"message": "An administrator has to approve your account first."},
    )
    mail.outbox.clear()
    admin = signed_in(admin_user)
    assert "awaits approval" in admin.get("/admin/accounts/user/").content.decode()
    action = {"action": "approve", "_selected_action": [ada.pk, alice.pk]}
    assert admin.post("/admin/accounts/user/", action).status_code == 302
    assert [message.subject for message in mail.outbox] == ["Your account at LibreChat is ready"]
    assert login(stranger, "ada@example.com", FORM["password"]).status_code == 200


def test_deactivated_account_is_not_approved(alice: User, admin_user: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    admin = signed_in(admin_user)
    admin.post("/admin/accounts/user/", {"action": "approve", "_selected_action": [alice.pk]})
    alice.refresh_from_db()
    assert not alice.is_active


def test_invited_person_registers_although_registration_is_closed(
    stranger: Client, alice: User, settings: Settings, with_mail: None
) -> None:
    settings.ALLOW_REGISTRATION = False
    settings.REGISTRATION_REQUIRES_APPROVAL = True
    invitations.invite(email="Ada@Example.com")
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("Invite to join LibreChat!", ["ada@example.com"])
    token = query_of(link_in(message))["token"]
    assert token not in str(list(Invitation.objects.values()))
    assert register(stranger, token=token, name="x").status_code == 404
    assert register(stranger, token=token).status_code == 200
    ada = User.objects.get(email="ada@example.com")
    assert (ada.email_verified, ada.is_active, ada.role) == (True, True, "USER")
    again = register(stranger, token=token, email="eve@example.com")
    assert (again.status_code, again.json()) == (400, {"message": "Invalid invite token"})


@pytest.mark.parametrize("case", ["other address", "late", "wrong"])
def test_invitation_is_refused(
    stranger: Client, alice: User, settings: Settings, case: str
) -> None:
    token = query_of(invitations.invite(email="ada@example.com"))["token"]
    if case == "late":
        Invitation.objects.update(expires_at=F("created_at"))
    response = register(
        stranger,
        token="0" * 64 if case == "wrong" else token,
        email="eve@example.com" if case == "other address" else "ada@example.com",
    )
    assert (response.status_code, response.json()) == (400, {"message": "Invalid invite token"})
    assert User.objects.count() == 1


def test_invitation_does_not_widen_the_domains(
    stranger: Client, alice: User, settings: Settings
) -> None:
    settings.ALLOWED_REGISTRATION_DOMAINS = ["school.example"]
    token = query_of(invitations.invite(email="ada@example.com"))["token"]
    assert register(stranger, token=token).status_code == 403


def test_command_invites_and_prints_the_link(
    alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("invite_user", "ada@example.com")
    out = capsys.readouterr().out
    assert out.startswith(
        "No mail server is set; pass on this link: http://localhost:8000/register"
    )
    with pytest.raises(CommandError, match="already a user"):
        call_command("invite_user", "ALICE@example.com")
    with pytest.raises(CommandError, match="EMAIL: Invalid email"):
        call_command("invite_user", "ada")


def test_administrator_invites(stranger: Client, admin_user: User, settings: Settings) -> None:
    settings.ALLOW_REGISTRATION = False
    client = signed_in(admin_user)
    for _ in range(2):
        page = client.post(
            "/admin/accounts/invitation/add/", {"addresses": "Ada@example.com"}, follow=True
        ).content.decode()
    assert [each.invited_by for each in Invitation.objects.all()] == [admin_user]
    found = re.findall(r"register\?token=([0-9a-f]{64})", page)
    assert register(stranger, token=found[-1]).status_code == 200
    taken = client.post("/admin/accounts/invitation/add/", {"addresses": "admin@example.com"})
    assert "There is already a user with the address admin@example.com." in taken.content.decode()
