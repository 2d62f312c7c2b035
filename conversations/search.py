"""Full-text search over messages and titles, in the database that holds them.

The index is a table of ours (SearchEntry) that the database's own full-text index follows: FTS5 on
SQLite, GIN on PostgreSQL. Entries are written in the transaction of what they find. Words are made
here, the same for both databases, and consist of letters and digits alone, so neither a text nor
a query can contain anything the database takes for syntax.

The owner of an entry is indexed beside its words: a search visits the owner's entries, not those
of everybody that share a common word.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from django.db import connection, transaction

from accounts.models import User
from conversations.message_text import message_text
from conversations.models import NEW_CHAT_TITLE, Conversation, Message, SearchEntry
from conversations.words import terms, words

Row = TypeVar("Row")

HITS_MAX = 20  # contract 03 §8.2
TITLE_HITS_MAX = 500
# PostgreSQL refuses documents of more than 1 MB; what comes later in a text is not found.
INDEXED_CHARACTERS = 100_000
INDEXED_WORDS = 16_383  # the last position PostgreSQL knows
BATCH = 1000
PREFIX_MIN_LENGTH = 3  # shorter beginnings match too much

MESSAGE, TITLE = "m", "t"


# -- Writing -------------------------------------------------------------------------------


def index_messages(messages: Iterable[Message]) -> None:
    """Make them findable as they are now; temporary ones never are. Call after each change."""
    entries = [
        SearchEntry(
            conversation_id=message.conversation_id,
            message=message,
            owner=f"{MESSAGE}{message.user_id}",
            document=_document(
                message.user_id, MESSAGE, message_text(message.text, message.content)
            ),
        )
        for message in messages
        if not message.is_temporary
    ]
    SearchEntry.objects.bulk_create(
        entries, update_conflicts=True, unique_fields=["message"], update_fields=["document"]
    )


def remove_messages(message_ids: Iterable[str]) -> None:
    """``message_ids`` are primary keys. Call before the messages go without their conversation."""
    SearchEntry.objects.filter(message__in=list(message_ids)).delete()


def index_titles(conversations: Iterable[Conversation]) -> None:
    """Make them findable by the titles they have now; temporary and untitled ones never are."""
    conversations = list(conversations)
    SearchEntry.objects.filter(conversation__in=conversations, message=None).delete()
    SearchEntry.objects.bulk_create(
        SearchEntry(
            conversation=conversation,
            owner=f"{TITLE}{conversation.user_id}",
            document=_document(conversation.user_id, TITLE, conversation.title),
        )
        for conversation in conversations
        if not conversation.is_temporary and conversation.title != NEW_CHAT_TITLE
    )


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many of each were read."""

    conversations: int
    messages: int


def rebuild() -> Rebuilt:
    """Index everything that is stored, batch by batch; entries keep their age."""
    conversations = 0
    for titles in _batched(Conversation.objects.order_by("pk").iterator(BATCH), BATCH):
        with transaction.atomic():
            index_titles(titles)
        conversations += len(titles)
    messages = 0
    for batch in _batched(Message.objects.order_by("created_at", "pk").iterator(BATCH), BATCH):
        with transaction.atomic():
            index_messages(batch)
        messages += len(batch)
    return Rebuilt(conversations, messages)


def _batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch


def _document(user_id: str, kind: str, text: str) -> str:
    found = islice(words(text[:INDEXED_CHARACTERS]), INDEXED_WORDS)
    if connection.vendor != "postgresql":
        return " ".join(found)
    places: defaultdict[str, list[str]] = defaultdict(list)
    for place, word in enumerate(found, start=1):
        places[word].append(str(place))
    lexemes = [f"'{word}':{','.join(at)}" for word, at in places.items()]
    return " ".join([f"'@{kind}{user_id}'", *lexemes])  # no word begins with @


# -- Reading -------------------------------------------------------------------------------


def find_messages(user: User, query: str) -> list[str]:
    """Primary keys of the messages of ``user`` that have all terms of ``query``, newest first.

    Some may be of conversations that are hidden by now. One query.
    """
    return _find("message_id", f"{MESSAGE}{user.pk}", query, HITS_MAX * 5)


def find_titles(user: User, query: str) -> list[str]:
    """Primary keys of the conversations of ``user`` by their titles. One query."""
    return _find("conversation_id", f"{TITLE}{user.pk}", query, TITLE_HITS_MAX)


def _find(column: str, owner: str, query: str, limit: int) -> list[str]:
    wanted = terms(query)
    if not wanted:
        return []
    if connection.vendor == "postgresql":
        # The sum keeps the planner from walking the primary key in search of rare words.
        sql = f"""
            SELECT {column} FROM conversations_searchentry
            WHERE document @@ %s::tsquery AND owner = %s ORDER BY id + 0 DESC LIMIT %s
        """  # noqa: S608
        parameters: list[str | int] = [_tsquery(owner, wanted), owner, limit]
    else:
        sql = f"""
            SELECT entry.{column} FROM conversations_searchindex
            JOIN conversations_searchentry entry ON entry.id = conversations_searchindex.rowid
            WHERE conversations_searchindex MATCH %s
            ORDER BY conversations_searchindex.rowid DESC LIMIT %s
        """  # noqa: S608
        parameters = [_fts_query(owner, wanted), limit]
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [found for (found,) in cursor.fetchall()]


def _tsquery(owner: str, wanted: Sequence[list[str]]) -> str:
    phrases = [" <-> ".join(f"'{word}'" for word in term) for term in wanted]
    if _is_prefix(wanted):
        phrases[-1] += ":*"
    return " & ".join([f"'@{owner}'", *(f"({phrase})" for phrase in phrases)])


def _fts_query(owner: str, wanted: Sequence[list[str]]) -> str:
    phrases = [f'"{" ".join(term)}"' for term in wanted]
    if _is_prefix(wanted):
        phrases[-1] += " *"
    return f'owner : "{owner}" AND document : ({" AND ".join(phrases)})'


def _is_prefix(wanted: Sequence[list[str]]) -> bool:
    """Whether the last word may be the beginning of one: people search while they type."""
    return len(wanted[-1][-1]) >= PREFIX_MIN_LENGTH
