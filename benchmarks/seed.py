"""``make seed N=1000000``: fill an empty database with that many messages of people made up.

What it makes is reproducible: one person with half of all messages, one with exactly 10,000 chats
when there is room, some with many, most with few. Chats are trees with branches; one has exactly
200 messages. Everything can be searched.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import django
from django.db import connection, transaction

from benchmarks.words import Writer

if TYPE_CHECKING:
    from accounts.models import User
    from conversations.models import Conversation, Message

SEED = 20260101
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 700
BATCH_MESSAGES = 5000
PEOPLE = 50
LISTED_CHATS = 10_000
OPENED_MESSAGES = 200
MEAN_MESSAGES = 20
ROLES = ("heavy", "lister", "few")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many messages each person writes, and, where that is fixed, in how many chats."""

    name: str
    messages: int
    chats: int | None = None


def plans(total: int) -> list[Plan]:
    """``heavy`` has half, ``lister`` a chat for each two of his messages, ``few`` a hundred."""
    listed = min(2 * LISTED_CHATS, total // 10)
    few = min(100, total // 10)
    rest = total - total // 2 - listed - few
    others = _shares(rest, PEOPLE - len(ROLES))
    people = [Plan(f"person{number}", share) for number, share in enumerate(others)]
    return [
        Plan("heavy", total // 2),
        Plan("lister", listed, chats=max(1, listed // 2)),
        Plan("few", few),
        *people,
    ]


def _shares(total: int, people: int) -> list[int]:
    """Each half as much again as the next; together ``total``."""
    weights = [1 / (rank + 1) for rank in range(people)]
    shares = [int(total * weight / sum(weights)) for weight in weights]
    shares[0] += total - sum(shares)
    return shares


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make seed")
    parser.add_argument("--messages", type=int, required=True, metavar="N")
    parser.add_argument("--force", action="store_true", help="also into a database with chats")
    options = parser.parse_args(arguments)
    if options.messages < 1:
        parser.error("N must be at least 1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "librechat_backend.settings")
    django.setup()
    if not options.force and _has_chats():
        sys.stderr.write("This database holds chats. Nothing was done; --force adds to them.\n")
        return 1
    password = secrets.token_urlsafe(12)
    seed(options.messages, password)
    sys.stdout.write(f"People seed-…@example.com sign in with the password {password}\n")
    return 0


def _has_chats() -> bool:
    from conversations.models import Conversation

    return Conversation.objects.exists()


def seed(total: int, password: str) -> None:
    """Write it all; in many transactions, each whole."""
    from django.contrib.auth.hashers import make_password

    from librechat_backend.lib.progress import Progress

    writer, done, hashed = Writer(SEED), 0, make_password(password)
    progress = Progress("Messages", total)
    for plan in plans(total):
        user = _person(plan.name, hashed)
        for chats, messages in _batches(_chats(writer, user, plan)):
            _store(chats, messages)
            done += len(messages)
            progress.reach(done)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _person(name: str, hashed: str) -> "User":
    from accounts.models import User

    given = {"name": name.title(), "email_verified": True, "password": hashed}
    email = f"seed-{name}@example.com"
    return User.objects.update_or_create(email=email, defaults=given)[0]


def _chats(
    writer: Writer, user: "User", plan: Plan
) -> Iterator[tuple["Conversation", list["Message"]]]:
    """Oldest first."""
    left, number = plan.messages, 0
    chats = plan.chats or max(1, plan.messages // MEAN_MESSAGES)
    while left > 0:
        if plan.chats is None:
            size = min(left, max(2, int(writer.random.expovariate(1 / MEAN_MESSAGES))))
        else:
            size = min(left, plan.messages // plan.chats)
        if plan.name == "heavy" and number == 0 and left >= OPENED_MESSAGES:
            size = OPENED_MESSAGES
        moment = BEGIN + timedelta(days=DAYS * min(1.0, number / chats))
        yield _chat(writer, user, size, moment)
        left, number = left - size, number + 1


def _chat(
    writer: Writer, user: "User", size: int, moment: datetime
) -> tuple["Conversation", list["Message"]]:
    from conversations.models import Conversation
    from librechat_backend.lib.ids import new_uuid

    chat = Conversation(
        conversation_id=new_uuid(),
        user=user,
        title=writer.title(),
        endpoint="openAI",
        model="gpt-4.1",
        tags=["work"] if writer.random.random() < 0.1 else [],
        is_archived=writer.random.random() < 0.02 and size != 2,
        created_at=moment,
        updated_at=moment + timedelta(minutes=size),
    )
    return chat, _messages(writer, chat, size)


def _messages(writer: Writer, chat: "Conversation", size: int) -> list["Message"]:
    """A tree: questions, answers, now and then a second try of either."""
    from librechat_backend.lib.ids import NO_PARENT

    messages: list[Message] = []
    for number in range(size):
        before = messages[-1] if messages else None
        if before is None or not before.is_created_by_user:
            again = before is not None and writer.random.random() < 0.05
            parent = before.parent_message_id if before and again else None
            if again and parent is not None:  # another answer to the same question
                messages.append(_answer(writer, chat, parent, number))
            else:
                parent = before.message_id if before else NO_PARENT
                messages.append(_question(writer, chat, parent, number))
        else:
            messages.append(_answer(writer, chat, before.message_id, number))
    return messages


def _question(writer: Writer, chat: "Conversation", parent: str, number: int) -> "Message":
    return _message(chat, parent, number, is_created_by_user=True, text=writer.question())


def _answer(writer: Writer, chat: "Conversation", parent: str, number: int) -> "Message":
    content = [{"type": "text", "text": writer.answer()}]
    return _message(chat, parent, number, content=content, model=chat.model, sender="GPT-4.1")


def _message(chat: "Conversation", parent: str, number: int, **fields: object) -> "Message":
    from conversations.models import Message
    from librechat_backend.lib.ids import new_uuid

    moment = chat.created_at + timedelta(minutes=number)
    return Message(
        **{
            "message_id": new_uuid(),
            "conversation": chat,
            "user_id": chat.user_id,
            "parent_message_id": parent,
            "sender": "User",
            "endpoint": chat.endpoint,
            "token_count": 100,
            "created_at": moment,
            "updated_at": moment,
            **fields,
        }
    )


def _batches(
    chats: Iterator[tuple["Conversation", list["Message"]]],
) -> Iterator[tuple[list["Conversation"], list["Message"]]]:
    batch: list[Conversation] = []
    messages: list[Message] = []
    for chat, own in chats:
        batch.append(chat)
        messages += own
        if len(messages) >= BATCH_MESSAGES:
            yield batch, messages
            batch, messages = [], []
    if messages:
        yield batch, messages


@transaction.atomic
def _store(chats: list["Conversation"], messages: list["Message"]) -> None:
    from conversations.models import Conversation, Message
    from conversations.search import index_messages, index_titles

    Conversation.objects.bulk_create(chats, batch_size=1000)
    Message.objects.bulk_create(messages, batch_size=1000)
    index_titles(chats)
    index_messages(messages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
