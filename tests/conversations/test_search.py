"""Search in messages and titles (contract 03 §8)."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations import search as index
from conversations.models import Conversation, Message, SearchEntry
from conversations.search import HITS_MAX, find_messages, find_titles, index_messages
from tests.conftest import ClientFor
from tests.conversations.factories import MOMENT, make_answer, make_conversation, make_message
from tests.factories import UserFactory


@pytest.fixture
def chat(alice: User) -> Conversation:
    return make_conversation(alice)


def found(client: Client, search: str) -> list[str]:
    answer = client.get("/api/messages", {"search": search})
    assert answer.status_code == 200
    assert answer.json()["nextCursor"] is None
    return [message["text"] for message in answer.json()["messages"]]


def titles(client: Client, search: str) -> list[str]:
    answer = client.get("/api/convos", {"search": search})
    assert answer.status_code == 200
    return [row["title"] for row in answer.json()["conversations"]]


def send(client: Client, method: str, path: str, body: Any = None) -> None:
    answer = getattr(client, method)(f"/api{path}", body or {}, content_type="application/json")
    assert answer.status_code < 300


def test_search_is_on(client: Client, stranger: Client) -> None:
    answer = client.get("/api/search/enable")
    assert (answer.status_code, answer.json()) == (200, True)
    assert stranger.get("/api/search/enable").status_code == 401
    assert stranger.get("/api/messages?search=x").status_code == 401


def test_hit_is_the_message_with_the_title_and_model_of_its_chat(
    client: Client, chat: Conversation
) -> None:
    content = [
        {"type": "think", "think": "The moon."},
        {"type": "tool_call", "tool_call": {"name": "secret"}},
        {"type": "text", "text": {"value": "At noon."}},
    ]
    answer = make_answer(chat, content=content, model="other")
    hit = client.get("/api/messages?search=moon").json()["messages"][0]
    listed = client.get(f"/api/messages/{chat.conversation_id}").json()[0]
    assert hit == {
        **listed,
        "text": "The moon.\nAt noon.",
        "title": "Tide tables",
        "model": "gpt-4o-mini",
    }
    assert hit["messageId"] == answer.message_id
    assert found(client, "secret") == []


@pytest.mark.parametrize(
    ("text", "search", "is_found"),
    [
        ("When is high tide?", "tide", True),
        ("When is high tide?", "HIGH  when", True),
        ("When is high tide?", "high low", False),
        ("When is high tide?", "tid", True),
        ("When is high tide?", "ti", False),
        ("When is high tide?", "hig tide", False),
        ("Café déjà vu", "cafe DEJA", True),
        ("cafe", "café", True),
        ("straße", "STRASSE", True),
        ("Привет, мир", "привет", True),
        ("今天的潮汐表", "潮汐", True),
        ("今天的潮汐表", "汐潮", False),
        ("สวัสดีชาวโลก", "ชาว", True),
        ("안녕하세요 세계", "세계", True),
        ("مرحبا بالعالم", "مرحبا", True),
        ("नमस्ते दुनिया", "दुनिया", True),
        ("foo_bar(baz)", "foo_bar", True),
        ("foo_bar(baz)", "bar_foo", False),
        ("version 1.25-rc", "1.25", True),
        ("ﬁne", "fine", True),
    ],
)
def test_words_are_found_in_any_language(
    client: Client, chat: Conversation, text: str, search: str, is_found: bool
) -> None:
    make_message(chat, text=text)
    assert found(client, search) == ([text] if is_found else [])


HOSTILE = [
    "", " ", "%00", "\x00", '"', "'", "'; DROP TABLE x; --", "NEAR(a b)", "owner : x", "a OR b",
    "NOT a", "a*", "* *", "^a", "(", ":*", "a:*", "a & !b", "<->", "\\", "-", "{a}", "a AND",
    "x" * 100_000, "x " * 10_000, "\ud800".encode("utf-8", "replace").decode(), "🌊", "\u0301",
]  # fmt: skip


@pytest.mark.parametrize("search", HOSTILE)
def test_query_has_no_syntax(client: Client, chat: Conversation, search: str) -> None:
    make_message(chat, text="nothing of it")
    assert found(client, search) == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40))
def test_any_text_is_stored_and_looked_for(alice: User, text: str) -> None:
    chat = make_conversation(alice, title="T")
    message = make_message(chat, text=f"needle {text}")
    assert find_messages(alice, "needle")[0] == message.pk
    find_messages(alice, text)
    find_titles(alice, text)


@pytest.mark.parametrize(
    "text", ["x" * 3_000_000, "word " * 300_000, "".join(map(chr, range(0x4E00, 0x9FFF))) * 6]
)
def test_long_message_is_found_by_its_beginning(
    client: Client, alice: User, chat: Conversation, text: str
) -> None:
    message = make_message(chat, text=f"needle {text}")
    assert find_messages(alice, "needle") == [message.pk]


def test_nobody_finds_what_belongs_to_somebody_else(client: Client, alice: User, bob: User) -> None:
    theirs = make_conversation(bob, title="Harbour")
    make_message(theirs, text=f"harbour m{alice.pk} @m{alice.pk} t{alice.pk} {alice.pk}")
    for search in ("harbour", f"m{alice.pk}", alice.pk, f"owner:m{bob.pk} harbour"):
        assert found(client, search) == []
        assert titles(client, search) == []


def test_hidden_chats_are_not_searched_and_archived_ones_are(client: Client, alice: User) -> None:
    past = timezone.now() - timedelta(seconds=1)
    for field, value in [("is_archived", True), ("is_temporary", True), ("expired_at", past)]:
        chat = make_conversation(alice, **{field: value})
        make_message(chat, text=f"needle {field}", is_temporary=chat.is_temporary)
    assert found(client, "needle") == ["needle is_archived"]
    assert SearchEntry.objects.filter(conversation__is_temporary=True).count() == 0


def test_newest_hits_come_first_and_are_not_too_many(client: Client, chat: Conversation) -> None:
    for i in range(HITS_MAX + 1):
        make_message(chat, text=f"needle {i}")
    assert found(client, "needle") == [f"needle {i}" for i in range(HITS_MAX, 0, -1)]


@pytest.mark.parametrize("size", [1, HITS_MAX])
def test_search_takes_three_queries_however_much_is_found(
    client: Client, chat: Conversation, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(size):
        make_message(chat, text="needle")
    with django_assert_num_queries(3):  # the caller, the index, the messages
        assert len(found(client, "needle")) == size
    with django_assert_num_queries(3):  # the caller, the index, the conversations
        assert titles(client, "tide") == ["Tide tables"]


def test_chats_are_found_by_title_tag_and_id(client: Client, alice: User) -> None:
    chat = make_conversation(alice, title="High tide", tags=["the sea"])
    make_conversation(alice, title="Other")
    for search in ("TIDE hi", "high", "the sea", chat.conversation_id):
        assert titles(client, search) == (["High tide"] if search != "TIDE hi" else [])


# -- The index follows what happens


def test_index_follows_edits_and_deletions(client: Client, alice: User, chat: Conversation) -> None:
    question, answer = make_message(chat, text="before"), make_answer(chat)
    path = f"/messages/{chat.conversation_id}"
    send(client, "put", f"{path}/{question.message_id}", {"text": "after"})
    send(client, "put", f"{path}/{answer.message_id}", {"text": "later", "index": 0})
    assert (found(client, "before"), found(client, "noon")) == ([], [])
    assert (found(client, "after"), found(client, "later")) == (["after"], ["later"])
    send(client, "delete", f"{path}/{question.message_id}")
    assert found(client, "after") == []
    send(client, "delete", "/convos/all")
    assert found(client, "later") == []
    assert index_size() == SearchEntry.objects.count() == 0


def test_index_follows_new_titles(client: Client, chat: Conversation) -> None:
    argument = {"conversationId": chat.conversation_id, "title": "Ebb and flow"}
    send(client, "post", "/convos/update", {"arg": argument})
    assert (titles(client, "tide"), titles(client, "flow")) == ([], ["Ebb and flow"])


def test_copies_are_found_too(client: Client, chat: Conversation) -> None:
    make_message(chat, text="needle")
    send(client, "post", "/convos/duplicate", {"conversationId": chat.conversation_id})
    assert found(client, "needle") == ["needle", "needle"]
    assert titles(client, "tide") == ["Tide tables", "Tide tables"]


def test_index_goes_with_its_owner(alice: User, chat: Conversation) -> None:
    make_message(chat)
    alice.delete()
    assert index_size() == 0


def test_rebuilding_finds_everything_again(client: Client, chat: Conversation) -> None:
    make_message(chat, text="needle")
    SearchEntry.objects.all().delete()
    assert (found(client, "needle"), titles(client, "tide")) == ([], [])
    for _ in range(2):
        out = StringIO()
        call_command("rebuild_search", stdout=out)
        assert out.getvalue() == "Indexed 1 titles and 1 messages.\n"
    assert (found(client, "needle"), titles(client, "tide")) == (["needle"], ["Tide tables"])


def test_rebuilding_goes_on_behind_a_message(client: Client, chat: Conversation) -> None:
    first, second = make_message(chat, text="needle 1"), make_message(chat, text="needle 2")
    SearchEntry.objects.all().delete()
    assert rebuilt("--after", first.pk) == "Indexed 0 titles and 1 messages.\n"
    assert found(client, "needle") == ["needle 2"]
    assert rebuilt("--after", second.pk) == "Indexed 0 titles and 0 messages.\n"


def test_rebuilding_what_is_missing_touches_nothing_else(
    client: Client, alice: User, chat: Conversation
) -> None:
    kept, lost = make_message(chat, text="needle 1"), make_message(chat, text="needle 2")
    make_message(chat, text="hidden", is_temporary=True)
    SearchEntry.objects.filter(message=kept).update(owner="m0")
    SearchEntry.objects.filter(message=lost).delete()
    make_conversation(alice, title="Untouched")
    SearchEntry.objects.filter(message=None, conversation=chat).delete()
    assert rebuilt("--missing") == "Indexed 1 titles and 2 messages.\n"
    assert SearchEntry.objects.get(message=kept).owner == "m0"
    assert titles(client, "tide") == ["Tide tables"]
    assert "needle 2" in found(client, "needle")


def test_rebuilding_says_where_to_go_on_when_it_is_stopped(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = make_message(chat), make_message(chat)
    monkeypatch.setattr(index, "BATCH", 1)
    original, calls = index.index_messages, []

    def stop(messages: list[Message]) -> None:
        calls.append(messages)
        if len(calls) == 2:
            raise KeyboardInterrupt
        original(messages)

    monkeypatch.setattr(index, "index_messages", stop)
    with pytest.raises(CommandError, match=f"Go on with --after {first.pk}"):
        rebuilt()


def rebuilt(*options: str) -> str:
    out = StringIO()
    call_command("rebuild_search", *options, stdout=out)
    return out.getvalue()


# -- How it is found


@pytest.mark.parametrize("newer", [0, 5])
def test_what_is_rare_among_many_is_found_behind_the_newest(
    client: Client, chat: Conversation, monkeypatch: pytest.MonkeyPatch, newer: int
) -> None:
    monkeypatch.setattr(index, "RECENT_ENTRIES", 3)
    for number in range(4):
        make_message(chat, text=f"needle {number}")
    for _ in range(newer):
        make_message(chat, text="hay")
    assert found(client, "needle") == [f"needle {number}" for number in (3, 2, 1, 0)]
    assert found(client, "needle 2") == ["needle 2"]


@pytest.mark.parametrize(
    ("texts", "found_count", "query_count"),
    [
        (["needle", "hay"] * 12, 5, 2),  # a larger window holds the rest
        (["needle", *["hay"] * 20, *["needle", "hay"] * 3], 4, 3),  # and here it does not
        (["needle", *["hay"] * 20], 1, 2),
    ],
)
def test_what_is_neither_common_nor_rare_is_found_among_more_of_the_newest(
    alice: User, chat: Conversation, monkeypatch: pytest.MonkeyPatch,
    texts: list[str], found_count: int, query_count: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(index, "HITS_MAX", 1)
    monkeypatch.setattr(index, "RECENT_ENTRIES", 6)
    for text in texts:
        make_message(chat, text=text)
    needles = chat.messages.filter(text="needle").order_by("-search_entry__pk")
    expected = list(needles.values_list("pk", flat=True)[:5])
    assert len(expected) == found_count
    with CaptureQueriesContext(connection) as queries:
        assert index.find_messages(alice, "needle") == expected
    assert len(queries) == (query_count if connection.vendor == "postgresql" else 1)


def test_people_whose_ids_end_alike_find_their_own_alone(client_for: ClientFor, db: None) -> None:
    people = [UserFactory.create(pk=f"{number:018x}abcdef") for number in (1, 2)]
    for person in people:
        make_message(make_conversation(person), text=f"needle {person.pk}")
    for person in people:
        assert found(client_for(person), "needle") == [f"needle {person.pk}"]


@pytest.mark.parametrize("statement", ["RECENT", "GIN", "FTS5"])
def test_no_table_is_read_as_a_whole(alice: User, bob: User, statement: str) -> None:
    for person in (alice, bob):
        chat = make_conversation(person)
        index_messages(
            Message.objects.bulk_create(
                Message(
                    message_id=f"{person.pk}{n}", conversation=chat, user=person,
                    text=f"common word{n}", created_at=MOMENT, updated_at=MOMENT,
                )
                for n in range(400)
            )
        )  # fmt: skip
    plan = plan_of(statement, f"m{alice.pk}")
    if plan:
        assert "Seq Scan" not in plan
        assert "SCAN entry" not in plan
        # Of so few entries those of one owner may be read one by one.
        names = {"RECENT": "conversations_searchentry_newest", "GIN": "conversations_searchentry_"}
        assert names.get(statement, "VIRTUAL TABLE INDEX") in plan


def plan_of(statement: str, owner: str) -> str:
    """How the database would work; empty where it does not know the statement."""
    is_postgresql = connection.vendor == "postgresql"
    if is_postgresql == (statement == "FTS5"):
        return ""
    wanted = [["word7"]]
    limit = index.RECENT_ENTRIES
    query = index._tsquery(owner, wanted)
    parameters: dict[str, list[Any]] = {
        "RECENT": [owner, owner, limit, query, 100, owner, limit],
        "GIN": [query, owner, query, owner, 100],
        "FTS5": [index._fts_query(owner, wanted), 100],
    }
    explain = "EXPLAIN" if is_postgresql else "EXPLAIN QUERY PLAN"
    sql = getattr(index, statement).format(column="message_id")
    with connection.cursor() as cursor:
        if is_postgresql:
            cursor.execute("ANALYZE conversations_searchentry")
            cursor.execute("SET LOCAL enable_seqscan = off")  # so small a table would be read
        cursor.execute(f"{explain} {sql}", parameters[statement])
        return "\n".join(str(row) for row in cursor.fetchall())


def index_size() -> int:
    """Words the database still finds, whatever the rows say."""
    if connection.vendor == "postgresql":
        return SearchEntry.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO conversations_searchindex(conversations_searchindex) "
            "VALUES ('integrity-check')"
        )
        cursor.execute(
            "SELECT count(*) FROM conversations_searchindex WHERE owner MATCH 'm* OR t*'"
        )
        return int(cursor.fetchone()[0])
