"""The admin as a whole: its order, its first page, signing in, and stopping answers."""

from collections.abc import Callable
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from conversations.models import Generation, Message
from librechat_backend.lib.ids import new_uuid
from librechat_backend.lib.times import to_epoch_ms
from tests.conversations.factories import make_conversation, make_message
from tests.factories import PASSWORD

ANSWERS = "/admin/conversations/generation/"


@pytest.fixture
def admin_client(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> AsyncMock:
    """Calls of the message to the process that writes."""
    ask = AsyncMock()
    monkeypatch.setattr("conversations.chat.control.ask_to_abort", ask)
    return ask


@pytest.fixture
def generation(alice: User) -> Generation:
    return make_generation(alice)


def make_generation(user: User, status: str = "running") -> Generation:
    now = timezone.now()
    return Generation.objects.create(
        user=user, conversation=make_conversation(user), created_ms=to_epoch_ms(now),
        status=status, endpoint="Demo", model="demo-slow", user_message_id=new_uuid(),
        response_message_id=new_uuid(), process="p1", heartbeat_at=now, created_at=now,
    )  # fmt: skip


def test_sections_come_in_the_order_people_think_in(admin_client: Client) -> None:
    sections = [app["name"] for app in admin_client.get("/admin/").context["app_list"]]
    known = [
        "People", "Models", "Presets", "Chats", "API", "Usage", "Billing", "Files",
        "Moving in", "Operation",
        "This administration",
    ]  # fmt: skip
    assert sections == [name for name in known if name in sections]
    assert {"People", "Models", "Chats", "This administration"} <= set(sections)


def test_first_page_counts_what_is_going_on(
    admin_client: Client, alice: User, generation: Generation
) -> None:
    make_generation(alice, status="complete")
    User.objects.create_user("gone@example.com", is_active=False)
    for age in (timedelta(0), timedelta(days=2)):
        message = make_message(generation.conversation)
        Message.objects.filter(pk=message.pk).update(created_at=timezone.now() - age)
    figures = admin_client.get("/admin/").context["figures"]
    assert [(figure.label, figure.value) for figure in figures] == [
        ("people", 2),
        ("answers being written", 1),
        ("active channels", 1),
        ("messages today", 1),
    ]


def test_first_page_shows_only_figures_of_lists_a_person_may_open(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    alice.user_permissions.add(Permission.objects.get(codename="view_channel"))
    client = Client()
    client.force_login(alice)
    figures = client.get("/admin/").context["figures"]
    assert [figure.label for figure in figures] == ["active channels"]


def test_links_of_the_figures_lead_somewhere(admin_client: Client) -> None:
    for figure in admin_client.get("/admin/").context["figures"]:
        assert admin_client.get(figure.url).status_code == 200


# -- Signing in --------------------------------------------------------------------------------


def sign_in(password: str = PASSWORD) -> bytes:
    form = {"username": "admin@example.com", "password": password, "next": "/admin/"}
    return Client().post("/admin/login/", form, follow=True).content


def test_administrator_signs_in(admin_user: User) -> None:
    assert b"answers being written" in sign_in()


def test_sign_in_leads_to_the_overview_when_no_page_was_asked_for(admin_user: User) -> None:
    form = {"username": "admin@example.com", "password": PASSWORD}
    answer = Client().post("/admin/login/", form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")


def test_attempts_to_sign_in_are_limited(admin_user: User, settings: Settings) -> None:
    settings.LOGIN_MAX = 2
    for _ in range(2):
        assert b"Too many login attempts" not in sign_in("wrong")
    page = sign_in()
    assert b"Too many login attempts" in page
    assert b"answers being written" not in page


def test_admin_is_closed_to_people_without_the_right(alice: User, stranger: Client) -> None:
    client = Client()
    client.force_login(alice)
    for each in (client, stranger):
        answer = each.get("/admin/")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")


# -- Answers -----------------------------------------------------------------------------------


def shown(client: Client, query: str = "") -> list[Generation]:
    return list(client.get(f"{ANSWERS}{query}").context["cl"].result_list)


def test_list_shows_what_is_being_written(
    admin_client: Client, alice: User, generation: Generation
) -> None:
    finished = make_generation(alice, status="complete")
    assert shown(admin_client) == [generation]
    assert shown(admin_client, "?status=complete") == [finished]
    assert set(shown(admin_client, "?status=all")) == {generation, finished}


def test_list_names_owner_and_model(admin_client: Client, generation: Generation) -> None:
    page = admin_client.get(ANSWERS).content.decode()
    assert "alice@example.com" in page
    assert "demo-slow" in page


def test_list_takes_as_many_queries_for_more_rows(
    admin_client: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_generation(alice)
    with django_assert_num_queries(5):
        admin_client.get(ANSWERS)
    for _ in range(20):
        make_generation(alice)
    with django_assert_num_queries(5):
        admin_client.get(ANSWERS)


def by_button(client: Client, generation: Generation) -> int:
    return client.post(ANSWERS, {"_stop": generation.pk}).status_code


def by_action(client: Client, generation: Generation) -> int:
    body = {"action": "stop", "_selected_action": [generation.pk], "index": "0"}
    return client.post(ANSWERS, body).status_code


@pytest.mark.parametrize("stop", [by_button, by_action])
def test_stop_asks_the_process_that_writes(
    admin_client: Client,
    generation: Generation,
    asked: AsyncMock,
    stop: Callable[[Client, Generation], int],
) -> None:
    assert stop(admin_client, generation) == 302
    asked.assert_awaited_once_with(generation)
    assert LogEntry.objects.get().change_message == "Stopped."


def test_nobody_is_asked_to_stop_what_has_ended(
    admin_client: Client, alice: User, asked: AsyncMock
) -> None:
    by_button(admin_client, make_generation(alice, status="complete"))
    asked.assert_not_awaited()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("stop", [by_button, by_action])
def test_stop_is_refused_to_people_who_may_only_look(
    alice: User,
    generation: Generation,
    asked: AsyncMock,
    stop: Callable[[Client, Generation], int],
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    alice.user_permissions.add(Permission.objects.get(codename="view_generation"))
    client = Client()
    client.force_login(alice)
    stop(client, generation)
    asked.assert_not_awaited()


def test_answers_can_be_neither_added_nor_deleted(
    admin_client: Client, generation: Generation
) -> None:
    assert admin_client.get(f"{ANSWERS}add/").status_code == 403
    assert (
        admin_client.post(f"{ANSWERS}{generation.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    assert Generation.objects.count() == 1
