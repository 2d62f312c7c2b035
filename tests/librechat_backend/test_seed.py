"""``make seed``: made-up chats for trying things out."""

import os
import subprocess
import sys

from benchmarks.seed import PEOPLE, plans
from tests.live import ROOT, LiveServer

COUNTS = """
from accounts.models import User
from conversations.models import Conversation, Message, SearchEntry
from conversations.search import find_messages
user = User.objects.get(email="seed-heavy@example.com")
print(Message.objects.count(), SearchEntry.objects.filter(message__isnull=False).count())
print(Message.objects.filter(user=user).count(), len(find_messages(user, "the")) > 0)
"""


def seed(server: LiveServer, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "benchmarks.seed", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=server.env, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_shares_add_up_whatever_the_total() -> None:
    for total in (1, 7, 100, 12_345, 1_000_000):
        people = plans(total)
        assert (sum(plan.messages for plan in people), len(people)) == (total, PEOPLE)
        assert all(plan.messages >= 0 for plan in people)


def test_database_is_filled_once_and_people_can_sign_in() -> None:
    server = LiveServer()
    try:
        server.migrate()
        status, output = seed(server, "--messages", "600")
        assert status == 0, output
        assert server.manage("shell", "-v0", "-c", COUNTS).split() == ["600", "600", "300", "True"]
        again = seed(server, "--messages", "600")
        assert again[0] == 1
        assert "Nothing was done" in again[1]
        password = output.split()[-1]
        server.start()
        assert server.sign_in("seed-heavy@example.com", password)
        assert os.environ.get("DATABASE_URL", "") or (server.data_dir / "db.sqlite3").exists()
    finally:
        server.close()


def test_seed_is_refused_when_there_is_nothing_to_make() -> None:
    command = [sys.executable, "-m", "benchmarks.seed", "--messages", "0"]
    assert subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == 2
