import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Conversation, Message
from tests.conversations.factories import make_answer, make_conversation, make_message

LIST = "/admin/conversations/conversation/"
SECRET = "Divorce"


@pytest.fixture
def admin_client(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


@pytest.fixture
def chat(alice: User) -> Conversation:
    chat = make_conversation(
        alice, title=SECRET, settings={"promptPrefix": SECRET}, tags=[SECRET], files=[SECRET]
    )
    make_message(chat, text=SECRET)
    make_answer(chat, content=[{"type": "text", "text": SECRET}])
    return chat


def test_pages_show_no_content(admin_client: Client, chat: Conversation) -> None:
    for path in (LIST, f"{LIST}{chat.pk}/change/", f"{LIST}{chat.pk}/delete/"):
        page = admin_client.get(path)
        assert page.status_code == 200
        text = page.content.decode()
        assert chat.conversation_id in text
        assert SECRET not in text


def test_list_names_owner_model_and_number_of_messages(
    admin_client: Client, chat: Conversation
) -> None:
    page = admin_client.get(LIST, {"q": "alice@"})
    [row] = page.context["cl"].result_list
    assert (row, row.stored) == (chat, 2)
    assert {"alice@example.com", "gpt-4o-mini"} <= set(
        page.content.decode().replace("<", ">").split(">")
    )


def test_list_takes_as_many_queries_for_more_rows(
    admin_client: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_conversation(alice)
    with django_assert_num_queries(5):
        admin_client.get(LIST)
    for _ in range(20):
        make_message(make_conversation(alice))
    with django_assert_num_queries(5):
        admin_client.get(LIST)


def test_nothing_can_be_added_or_changed(admin_client: Client, chat: Conversation) -> None:
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{chat.pk}/change/", {"model": "x"}).status_code == 403
    assert Conversation.objects.get().model == "gpt-4o-mini"


def test_deletion_takes_the_messages_along(
    admin_client: Client, alice: User, chat: Conversation
) -> None:
    kept = make_message(make_conversation(alice))
    admin_client.post(f"{LIST}{chat.pk}/delete/", {"post": "yes"})
    assert list(Message.objects.all()) == [kept]


def test_action_deletes_what_is_selected(
    admin_client: Client, alice: User, chat: Conversation
) -> None:
    kept = make_conversation(alice)
    body = {"action": "delete_selected", "_selected_action": [chat.pk], "post": "yes"}
    admin_client.post(LIST, body)
    assert list(Conversation.objects.all()) == [kept]
    assert Message.objects.count() == 0


def test_pages_are_closed_to_people_without_rights(alice: User, chat: Conversation) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(LIST).status_code == 302
    assert client.post(f"{LIST}{chat.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Conversation.objects.count() == 1
