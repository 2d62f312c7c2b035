"""Full-text search over messages and titles, in the database that holds them.

The index is a table of ours (SearchEntry) that the database's own full-text index follows: FTS5 on
SQLite, GIN on PostgreSQL. Entries are written in the transaction of what they find. Words are made
here, the same for both databases, and consist of letters and digits alone, so neither a text nor
a query can contain anything the database takes for syntax.

A search visits the entries of one owner, not those of everybody who uses a common word: on SQLite
the owner is indexed beside the words, on PostgreSQL each word is indexed with its owner's mark; but
the first entries of those who moved in are not in the index there (moving.listing).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import Model, QuerySet

from accounts.models import User
from conversations.message_text import message_text
from conversations.models import NEW_CHAT_TITLE, Conversation, Message, SearchEntry
from conversations.words import terms, words
from librechat_backend.lib.compiled import CompiledInsert
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.together import Statement

M = TypeVar("M", bound=Model)

HITS_MAX = 20  # contract 03 §8.2
TITLE_HITS_MAX = 500
# PostgreSQL refuses documents of more than 1 MB; what comes later in a text is not found.
INDEXED_CHARACTERS = 100_000
INDEXED_WORDS = 16_383  # the last position PostgreSQL knows
BATCH = 1000
PREFIX_MIN_LENGTH = 3  # shorter beginnings match too much

MESSAGE, TITLE = "m", "t"
MARK_LENGTH = 6  # the part of an id that counts up


# -- Writing -------------------------------------------------------------------------------


def index_messages(messages: Iterable[Message]) -> None:
    """Make them findable as they are now; temporary ones never are. Call after each change."""
    rows = (message.__dict__ for message in messages)
    SearchEntry.objects.bulk_create(
        (SearchEntry(**entry) for entry in message_entries(rows)),
        update_conflicts=True,
        unique_fields=["message"],
        update_fields=["document"],
    )


def indexing_new(message: Message) -> list[Statement[int]]:
    """The same of one that is only being stored, to be written together with it."""
    return [_ENTRY.inserting(SearchEntry(**entry)) for entry in message_entries([message.__dict__])]


_ENTRY = CompiledInsert(SearchEntry)


def message_entries(rows: Iterable[JSONDict]) -> Iterator[JSONDict]:
    """Columns of messages → columns of their entries, for who writes many past the models."""
    for row in rows:
        if not row["is_temporary"]:
            text, owner = message_text(row["text"], row["content"]), row["user_id"]
            yield {
                "conversation_id": row["conversation_id"],
                "message_id": row["id"],
                "owner": f"{MESSAGE}{owner}",
                "document": _document(owner, MESSAGE, text),
            }


def remove_messages(message_ids: Iterable[str]) -> None:
    """``message_ids`` are primary keys. Call before the messages go without their conversation."""
    SearchEntry.objects.filter(message__in=list(message_ids)).delete()


def index_titles(conversations: Iterable[Conversation]) -> None:
    """Make them findable by the titles they have now; temporary and untitled ones never are."""
    conversations = list(conversations)
    SearchEntry.objects.filter(conversation__in=conversations, message=None).delete()
    rows = (conversation.__dict__ for conversation in conversations)
    SearchEntry.objects.bulk_create(SearchEntry(**entry) for entry in title_entries(rows))


def title_entries(rows: Iterable[JSONDict]) -> Iterator[JSONDict]:
    """Columns of conversations → columns of their entries, as for messages."""
    for row in rows:
        if not row["is_temporary"] and row["title"] != NEW_CHAT_TITLE:
            owner, title = row["user_id"], row["title"]
            yield {
                "conversation_id": row["id"],
                "owner": f"{TITLE}{owner}",
                "document": _document(owner, TITLE, title),
            }


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many of each were read so far; ``last_id`` is the message to go on after."""

    conversations: int = 0
    messages: int = 0
    last_id: str = ""


def rebuild(*, after: str = "", only_missing: bool = False) -> Iterator[Rebuilt]:
    """Index what is stored, batch by batch, each whole; entries keep their age.

    ``after``: go on behind that message, with the titles done. ``only_missing``: what has an entry
    is left as it is.
    """
    done = Rebuilt(last_id=after)
    for titled in () if after else _conversations(only_missing=only_missing):
        with transaction.atomic():
            index_titles(titled)
        done = replace(done, conversations=done.conversations + len(titled))
        yield done
    for batch in _messages(after, only_missing=only_missing):
        with transaction.atomic():
            index_messages(batch)
        done = replace(done, messages=done.messages + len(batch), last_id=batch[-1].pk)
        yield done


def _conversations(*, only_missing: bool) -> Iterator[list[Conversation]]:
    rows = Conversation.objects.order_by("pk").only("id", "user_id", "title", "is_temporary")
    if only_missing:
        rows = rows.exclude(search_entries__message=None, search_entries__isnull=False)
    return _pages(rows, "")


def _messages(after: str, *, only_missing: bool) -> Iterator[list[Message]]:
    columns = ("id", "user_id", "conversation_id", "text", "content", "is_temporary")
    rows = Message.objects.order_by("pk").only(*columns)
    return _pages(rows.filter(search_entry=None) if only_missing else rows, after)


def _pages(rows: QuerySet[M], after: str) -> Iterator[list[M]]:
    while page := list(rows.filter(pk__gt=after)[:BATCH]):
        yield page
        after = page[-1].pk


def _document(user_id: str, kind: str, text: str) -> str:
    found = islice(words(text[:INDEXED_CHARACTERS]), INDEXED_WORDS)
    if connection.vendor != "postgresql":
        return " ".join(found)
    mark = _mark(f"{kind}{user_id}")
    return " ".join([f"{mark}{word}:{place}" for place, word in enumerate(found, start=1)])


def _mark(owner: str) -> str:
    """Of one length, and short, for it stands before each word; two owners may share one."""
    return owner[0] + owner[-MARK_LENGTH:]


# -- Reading -------------------------------------------------------------------------------

FTS5 = """
    SELECT entry.{column} FROM conversations_searchindex
    JOIN conversations_searchentry entry ON entry.id = conversations_searchindex.rowid
    WHERE conversations_searchindex MATCH %s
    ORDER BY conversations_searchindex.rowid DESC LIMIT %s
"""
# PostgreSQL's index knows no order: of a common word it finds all there are. So the newest entries
# are read first, one by one; that many are a matter of milliseconds, and hold enough of whatever
# is common. Only what is rare among them is looked up in the index.
RECENT_ENTRIES = 3000
# Where these held this share of what is wanted, more of the newest hold the rest: all there are of
# such a word would be thousands, and the index's way through them is longer.
NEARLY = 1 / 2
# Between, not equals: an order by a column that is known to be constant would be left away, and
# with it the reason to use the one index that has the newest of an owner side by side.
RECENT = """
    SELECT
        ARRAY(
            SELECT {column} FROM (
                SELECT id, {column}, document FROM conversations_searchentry
                WHERE owner BETWEEN %s AND %s ORDER BY owner DESC, id DESC LIMIT %s
            ) AS recent
            WHERE document @@ %s::tsquery ORDER BY id DESC LIMIT %s
        ),
        NOT EXISTS (SELECT 1 FROM conversations_searchentry WHERE owner = %s OFFSET %s)
"""
# The sum keeps the planner from walking the primary key in search of rare words.
GIN = """
    SELECT {column} FROM (
        SELECT id, {column} FROM conversations_searchentry
        WHERE is_listed AND document @@ %s::tsquery AND owner = %s
        UNION ALL
        SELECT id, {column} FROM conversations_searchentry
        WHERE NOT is_listed AND document @@ %s::tsquery AND owner = %s
    ) AS found ORDER BY id + 0 DESC LIMIT %s
"""


def find_messages(user: User, query: str) -> list[str]:
    """Primary keys of the messages of ``user`` that have all terms of ``query``, newest first.

    Some may be of conversations that are hidden by now. One query; on PostgreSQL up to two more for
    what is not common among thousands of messages.
    """
    return _find("message_id", f"{MESSAGE}{user.pk}", query, HITS_MAX * 5)


def find_titles(user: User, query: str) -> list[str]:
    """Primary keys of the conversations of ``user`` by their titles; queries as above."""
    return _find("conversation_id", f"{TITLE}{user.pk}", query, TITLE_HITS_MAX)


def _find(column: str, owner: str, query: str, limit: int) -> list[str]:
    wanted = terms(query)
    if not wanted:
        return []
    if connection.vendor != "postgresql":
        return [found for (found,) in _rows(FTS5, column, _fts_query(owner, wanted), limit)]
    query = _tsquery(owner, wanted)
    recent, is_all = _recent(column, query, owner, limit, RECENT_ENTRIES)
    if not is_all and limit * NEARLY <= len(recent) < limit:
        enough = 2 * RECENT_ENTRIES * limit // len(recent)
        recent, is_all = _recent(column, query, owner, limit, enough)
    if is_all or len(recent) >= limit:
        return recent
    return [found for (found,) in _rows(GIN, column, *(query, owner) * 2, limit)]


def _recent(
    column: str, query: str, owner: str, limit: int, entries: int
) -> tuple[list[str], bool]:
    """What is found among the newest ``entries`` of ``owner``, and whether those are all."""
    ((found, is_all),) = _rows(RECENT, column, owner, owner, entries, query, limit, owner, entries)
    return list(found), is_all


def _rows(sql: str, column: str, *parameters: str | int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql.format(column=column), parameters)
        rows: list[Any] = cursor.fetchall()
    return rows


def _tsquery(owner: str, wanted: Sequence[list[str]]) -> str:
    mark = _mark(owner)
    phrases = [" <-> ".join(f"'{mark}{word}'" for word in term) for term in wanted]
    if _is_prefix(wanted):
        phrases[-1] += ":*"
    return " & ".join(f"({phrase})" for phrase in phrases)


def _fts_query(owner: str, wanted: Sequence[list[str]]) -> str:
    phrases = [f'"{" ".join(term)}"' for term in wanted]
    if _is_prefix(wanted):
        phrases[-1] += " *"
    return f'owner : "{owner}" AND document : ({" AND ".join(phrases)})'


def _is_prefix(wanted: Sequence[list[str]]) -> bool:
    """Whether the last word may be the beginning of one: people search while they type."""
    return len(wanted[-1][-1]) >= PREFIX_MIN_LENGTH
