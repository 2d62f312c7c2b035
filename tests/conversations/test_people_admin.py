"""What each person keeps, its removal, and reading chats in the administration."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import ChatOpening, Conversation, Message
from tests.conversations.factories import make_answer, make_conversation, make_message

PEOPLE = "/admin/conversations/person/"
OPENINGS = "/admin/conversations/chatopening/"
SECRET = "Divorce"


@pytest.fixture
def admin_client(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


@pytest.fixture
def chat(alice: User) -> Conversation:
    chat = make_conversation(alice, title=SECRET)
    make_message(chat, text=SECRET)
    make_answer(chat, content=[{"type": "text", "text": SECRET}])
    return chat


def page_of(person: User) -> str:
    return f"{PEOPLE}{person.pk}/change/"


def chat_page(chat: Conversation) -> str:
    return f"/admin/conversations/conversation/{chat.pk}/open/"


# -- What a person keeps


def test_list_counts_chats_and_messages(
    admin_client: Client, chat: Conversation, bob: User
) -> None:
    rows = {
        row.email: (row.chats, row.messages)
        for row in admin_client.get(PEOPLE).context["cl"].result_list
    }
    assert (rows["alice@example.com"], rows["bob@example.com"]) == ((1, 2), (0, 0))


def test_list_takes_as_many_queries_for_more_people(
    admin_client: Client, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):
        admin_client.get(PEOPLE)
    for person in (alice, bob):
        for _ in range(5):
            make_message(make_conversation(person))
    with django_assert_num_queries(4):
        admin_client.get(PEOPLE)


def test_page_tells_how_much_and_not_what(
    admin_client: Client, alice: User, chat: Conversation
) -> None:
    make_conversation(alice, is_temporary=True, expired_at=timezone.now() + timedelta(hours=1))
    make_conversation(alice, is_archived=True)
    page = admin_client.get(page_of(alice))
    holdings = page.context["holdings"]
    assert (holdings.chats, holdings.archived, holdings.temporary) == (3, 1, 1)
    assert (holdings.expiring, holdings.messages) == (1, 2)
    assert holdings.text_characters >= 2 * len(SECRET)
    assert SECRET not in page.content.decode()


def test_nothing_is_removed_before_the_address_is_typed(
    admin_client: Client, alice: User, chat: Conversation
) -> None:
    for email in ("", "bob@example.com"):
        page = admin_client.post(page_of(alice), {"older_than_days": "", "email": email})
        assert page.status_code == 200
        assert page.context["going"] == {"chats": 1, "messages": 2}
    assert Message.objects.count() == 2


def test_all_chats_of_one_person_go_when_the_address_is_typed(
    admin_client: Client, alice: User, bob: User, chat: Conversation
) -> None:
    make_conversation(alice, is_archived=True)
    kept = make_message(make_conversation(bob))
    answer = admin_client.post(page_of(alice), {"email": " Alice@Example.com "}, follow=True)
    assert "Removed 2 chats with 2 messages." in answer.content.decode()
    assert list(Message.objects.all()) == [kept]


def test_only_old_chats_go_when_days_are_given(
    admin_client: Client, alice: User, chat: Conversation
) -> None:
    fresh = make_conversation(alice, updated_at=timezone.now())
    body = {"older_than_days": "30", "email": alice.email}
    admin_client.post(page_of(alice), body)
    assert list(Conversation.objects.all()) == [fresh]


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999999999999999999"])
def test_nothing_goes_when_the_days_are_no_number(
    admin_client: Client, alice: User, chat: Conversation, days: str
) -> None:
    page = admin_client.post(page_of(alice), {"older_than_days": days, "email": alice.email})
    assert (page.status_code, page.context["going"]) == (200, None)
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize("path", [PEOPLE, OPENINGS])
def test_pages_are_closed_to_strangers(alice: User, chat: Conversation, path: str) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(path).status_code == 302
    assert client.post(page_of(alice), {"email": alice.email}).status_code == 302
    assert Conversation.objects.count() == 1


# -- Reading


def test_chat_is_not_shown_unless_the_operator_allows_it(
    admin_client: Client, chat: Conversation
) -> None:
    assert admin_client.get(chat_page(chat)).status_code == 403
    assert admin_client.post(chat_page(chat), {"reason": "Curious"}).status_code == 403
    assert not ChatOpening.objects.exists()


def test_chat_is_shown_with_a_reason_and_leaves_a_row(
    admin_client: Client, admin_user: User, alice: User, chat: Conversation, settings: Any
) -> None:
    settings.ADMIN_SHOW_MESSAGE_CONTENT = True
    asked = admin_client.get(chat_page(chat))
    assert (asked.status_code, SECRET in asked.content.decode()) == (200, False)
    for reason in ("", "  ", "x" * 501):
        page = admin_client.post(chat_page(chat), {"reason": reason})
        assert SECRET not in page.content.decode()
    assert not ChatOpening.objects.exists()
    shown = admin_client.post(chat_page(chat), {"reason": "Ticket 17"})
    assert shown.content.decode().count(SECRET) == 3
    opening = ChatOpening.objects.get()
    assert (opening.opened_by, opening.owner) == (admin_user, alice)
    assert (opening.reason, opening.message_count) == ("Ticket 17", 2)
    assert opening.conversation_id == chat.conversation_id
    listed = admin_client.get(OPENINGS).content.decode()
    assert "Ticket 17" in listed
    assert "alice@example.com" in listed


def test_what_was_said_is_text_and_never_a_page(
    admin_client: Client, alice: User, settings: Any
) -> None:
    settings.ADMIN_SHOW_MESSAGE_CONTENT = True
    chat = make_conversation(alice)
    make_message(chat, text="<script>alert(1)</script>")
    page = admin_client.post(chat_page(chat), {"reason": "Ticket 17"}).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_row_of_an_opening_outlives_the_chat_and_nobody_changes_it(
    admin_client: Client, chat: Conversation, settings: Any
) -> None:
    settings.ADMIN_SHOW_MESSAGE_CONTENT = True
    admin_client.post(chat_page(chat), {"reason": "Ticket 17"})
    chat.delete()
    opening = ChatOpening.objects.get()
    assert admin_client.post(f"{OPENINGS}{opening.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{OPENINGS}{opening.pk}/change/", {"reason": "x"}).status_code == 403
    assert ChatOpening.objects.get().reason == "Ticket 17"


def test_staff_without_all_rights_reads_nothing(
    alice: User, chat: Conversation, settings: Any
) -> None:
    settings.ADMIN_SHOW_MESSAGE_CONTENT = True
    staff = User.objects.create(email="staff@example.com", username="staff", is_staff=True)
    client = Client()
    client.force_login(staff)
    assert client.post(chat_page(chat), {"reason": "Curious"}).status_code == 403
    assert not ChatOpening.objects.exists()
