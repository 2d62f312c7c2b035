"""The admin pages of memories, links and prompts: whose and how many, never what."""

import pytest
from django.db import models
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access_roles import PUBLIC, AccessBits, ResourceType
from accounts.models import AccessEntry, User
from accounts.services.access import grant
from tests.conversations.factories import (
    make_conversation,
    make_memory,
    make_prompt,
    make_shared_link,
)

SECRET = "Divorce"
KINDS = ("memory", "sharedlink", "promptgroup")


@pytest.fixture
def admin_client(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def make(kind: str, user: User) -> models.Model:
    match kind:
        case "memory":
            return make_memory(user, "divorce", value=SECRET)
        case "sharedlink":
            link = make_shared_link(make_conversation(user, title=SECRET))
            grant(
                resource_type=ResourceType.SHARED_LINK,
                resource_id=link.pk,
                principal=PUBLIC,
                bits=AccessBits.VIEW,
                granted_by=user,
            )
            return link
    return make_prompt(user, name=SECRET, oneliner=SECRET, command="divorce")


@pytest.mark.parametrize("kind", KINDS)
def test_pages_show_no_content(admin_client: Client, alice: User, kind: str) -> None:
    row, path = make(kind, alice), f"/admin/conversations/{kind}/"
    for page in (path, f"{path}?q=alice@", f"{path}{row.pk}/change/", f"{path}{row.pk}/delete/"):
        text = admin_client.get(page).content.decode()
        assert row.pk in text
        assert SECRET.lower() not in text.lower()
    assert admin_client.get(f"{path}add/").status_code == 403
    assert admin_client.post(f"{path}{row.pk}/change/", {"title": "x"}).status_code == 403


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by_action", [False, True])
def test_deletion_takes_along_who_could_see_it(
    admin_client: Client, alice: User, kind: str, by_action: bool
) -> None:
    row, kept = make(kind, alice), make_prompt(alice)
    path, body = f"/admin/conversations/{kind}/", {"post": "yes"}
    if by_action:
        action = {"action": "delete_selected", "_selected_action": [row.pk]}
        admin_client.post(path, {**body, **action})
    else:
        admin_client.post(f"{path}{row.pk}/delete/", body)
    assert not type(row)._default_manager.filter(pk=row.pk).exists()
    assert AccessEntry.objects.get().resource_id == kept.pk


@pytest.mark.parametrize("kind", KINDS)
def test_list_takes_as_many_queries_for_more_rows(
    admin_client: Client, alice: User, kind: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    path = f"/admin/conversations/{kind}/"
    make_memory(alice) if kind == "memory" else make(kind, alice)
    with django_assert_num_queries(4):
        admin_client.get(path)
    for i in range(20):
        make_memory(alice, "k" * (i + 1)) if kind == "memory" else make(kind, alice)
    with django_assert_num_queries(4):
        admin_client.get(path)


def test_reported_link_is_found_by_its_address(admin_client: Client, alice: User) -> None:
    link = make_shared_link(make_conversation(alice))
    make_shared_link(make_conversation(alice))
    page = admin_client.get("/admin/conversations/sharedlink/", {"q": link.share_id})
    assert list(page.context["cl"].result_list) == [link]


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_closed_to_people_without_rights(alice: User, kind: str) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(f"/admin/conversations/{kind}/").status_code == 302
