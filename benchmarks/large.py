"""A database of 1,000,000 messages: lists, an opened chat, and search, whole HTTP requests.

It is made first (``make seed``), unless BENCH_SEEDED_DATA_DIR (SQLite) or BENCH_SEEDED_DATABASE_URL
(PostgreSQL) names one that was made before.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from benchmarks.client import Client
from benchmarks.report import Row, at_most, figure, median, percentile
from benchmarks.seed import LISTED_CHATS, OPENED_MESSAGES
from tests.live import ROOT, LiveServer

MESSAGES = 1_000_000
# What people look for: the share of the messages that have it is very different.
SEARCHES = {
    "a very common word": "the",
    "two very common words": "and the",
    "the beginning of a word": "kar",
    "a common and a rare word": "than kami",
    "a word nobody wrote": "harbourmaster",
    "a phrase": "of-the",
}
PEOPLE = {"heavy": "half of all messages", "few": "100 messages"}


def run(*, smoke: bool, **env: str) -> list[Row]:
    messages, rounds = (3000, 3) if smoke else (MESSAGES, 60)
    with _seeded(messages, env) as server:
        tokens = _tokens(server)
        _check_plans(server)
        return asyncio.run(_measure(server, tokens, rounds))


@contextmanager
def _seeded(messages: int, env: dict[str, str]) -> Iterator[LiveServer]:
    """A running server on a database that was seeded."""
    is_postgresql = bool(env.get("DATABASE_URL"))
    made = os.environ.get(
        "BENCH_SEEDED_DATABASE_URL" if is_postgresql else "BENCH_SEEDED_DATA_DIR", ""
    )
    server = LiveServer(
        env={"LOG_LEVEL": "warning", **env, **({"DATABASE_URL": ""} if made else {})},
        data_dir=Path(made) if made and not is_postgresql else None,
    )
    if made and is_postgresql:
        server.env["DATABASE_URL"] = made
    try:
        server.migrate_quickly()
        if not made:
            command = [sys.executable, "-m", "benchmarks.seed", "--messages", str(messages)]
            subprocess.run(command, cwd=ROOT, env=server.env, check=True)  # noqa: S603
        server.start()
        yield server
    finally:
        server.close()


def _tokens(server: LiveServer) -> dict[str, str]:
    """Person → access token, and ``opened`` → the id of a chat of OPENED_MESSAGES."""
    found: dict[str, str] = json.loads(server.manage("shell", "-v0", "-c", TOKENS))
    return found


TOKENS = """
import json
from accounts.models import User
from accounts.tokens import issue_access_token
from conversations.models import Conversation
people = {n: User.objects.get(email=f"seed-{n}@example.com") for n in ("heavy", "lister", "few")}
found = {name: issue_access_token(user) for name, user in people.items()}
first = Conversation.objects.filter(user=people["heavy"]).order_by("created_at").first()
print(json.dumps(found | {"opened": first.conversation_id}))
"""


def _check_plans(server: LiveServer) -> None:
    """Raises AssertionError where the database would read a whole table."""
    server.manage("shell", "-v0", "-c", PLANS)


PLANS = """
from django.db import connection
from accounts.models import User
from conversations import search
from conversations.models import Conversation, Message
from conversations.words import terms
heavy = User.objects.get(email="seed-heavy@example.com")
lister = User.objects.get(email="seed-lister@example.com")
owner, many = f"m{heavy.pk}", search.RECENT_ENTRIES
words = terms("harbourmaster")
first = Conversation.objects.filter(user=heavy).order_by("created_at").first()
plans = [
    Conversation.objects.owned_by(lister).listed().order_by("-updated_at", "-id")[:26].explain(),
    Message.objects.of_conversation(heavy, first.conversation_id).explain(),
]
if connection.vendor == "postgresql":
    query = search._tsquery(owner, words)
    statements = [
        ("EXPLAIN " + search.RECENT, [owner, owner, many, query, 100, owner, many]),
        ("EXPLAIN " + search.GIN, [query, owner, query, owner, 100]),
    ]
else:
    statements = [("EXPLAIN QUERY PLAN " + search.FTS5, [search._fts_query(owner, words), 100])]
for statement, parameters in statements:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(column="message_id"), parameters)
        plans.append("\\n".join(str(row) for row in cursor.fetchall()))
for plan in plans:
    assert "Seq Scan" not in plan, plan
    assert "SCAN conversations_message" not in plan, plan
    assert "SCAN conversations_conversation" not in plan, plan
"""


async def _measure(server: LiveServer, tokens: dict[str, str], rounds: int) -> list[Row]:
    clients = {name: Client(server.port, tokens[name]) for name in ("heavy", "lister", "few")}
    listed = await _times_ms(clients["lister"], "/api/convos", rounds)
    opened = await _times_ms(clients["heavy"], f"/api/messages/{tokens['opened']}", rounds)
    rows = [
        at_most(f"list 25 of {LISTED_CHATS:,} chats, p95", percentile(listed, 0.95), 30, "ms"),
        at_most(f"open a chat of {OPENED_MESSAGES}, p95", percentile(opened, 0.95), 40, "ms"),
    ]
    for person, share in PEOPLE.items():
        for what, text in SEARCHES.items():
            path = f"/api/messages?search={quote(text)}"
            times = await _times_ms(clients[person], path, rounds)
            work = f"search for {what}, person with {share}"
            rows.append(at_most(f"{work}, p95", percentile(times, 0.95), 100, "ms"))
            rows.append(figure(f"{work}, p50", f"{median(times):.1f} ms"))
    return rows


async def _times_ms(client: Client, path: str, rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        status, _body = await client.request("GET", path)
        times.append(1000 * (time.perf_counter() - begin))
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
    return times
