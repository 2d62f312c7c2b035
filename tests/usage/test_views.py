"""The statements of docs/analytics.md, run by the programs it names."""

import re
import shlex
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import Group, User
from tests.live import ROOT
from tests.usage.analytics_rows import BEGIN, log
from usage.analytics.rollup import roll_up
from usage.models import LedgerEntry

DOCUMENT = ROOT / "docs" / "analytics.md"
STATEMENTS = re.findall(r'^sqlite3 var/db\.sqlite3 "([^"]+)"$', DOCUMENT.read_text("utf-8"), re.M)
EXPECTED = [
    ["2026-01-01|3e-06", "2026-01-02|2e-06"],
    ["alice@example.com|3|5", "|1|0"],
    ["Company|5e-06", "Sales|5e-06"],
    ["writer|1|3|2026-01-02"],
    ["alice@example.com|2|2026-01-02"],
    ["m|1"],
    ["chat-1|5"],
]


def run(statement: str) -> list[str]:
    """By ``sqlite3``, or by ``psql``."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        command = ["sqlite3", str(database["NAME"]), statement]
    else:
        named = {"dbname": "NAME", "host": "HOST", "port": "PORT", "user": "USER",
                 "password": "PASSWORD"}  # fmt: skip
        address = " ".join(
            f"{k}={shlex.quote(str(database[v]))}" for k, v in named.items() if database[v]
        )
        command = ["psql", address, "-X", "-A", "-t", "-c", statement]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def used(transactional_db: None, alice: User) -> None:
    company = Group.objects.create(name="Company", slug="company")
    sales = Group.objects.create(name="Sales", slug="sales", parent=company)
    groups = [{"id": each.pk, "name": each.name} for each in (sales, company)]
    common = {"face": "chat", "status": "ok", "user_id": alice.pk, "groups": groups,
              "preset_slug": "writer", "requested_model": "m"}  # fmt: skip
    log([{**common, "created_at": BEGIN, "cost_credits": 3},
         {**common, "created_at": BEGIN + timedelta(days=1), "cost_credits": None}])  # fmt: skip
    roll_up()
    log([{**common, "created_at": BEGIN + timedelta(days=1), "cost_credits": 2},
         {"created_at": BEGIN, "face": "api", "status": "failed", "user_id": None}])  # fmt: skip
    for cost in (3, 2):
        LedgerEntry.objects.create(
            kind="usage", user=alice, cost=cost, request_id=f"r{cost}", conversation_id="chat-1"
        )


def test_statements_of_the_document_tell_what_was_used(used: None) -> None:
    for statement, expected in zip(STATEMENTS, EXPECTED, strict=True):
        found = [_plain(line) for line in run(statement)]
        assert sorted(found, key=str) == sorted(map(_plain, expected), key=str), statement


def _plain(line: str) -> list[str | float]:
    """The two programs write numbers in different ways."""
    values: list[str | float] = []
    for text in line.split("|"):
        try:
            values.append(float(text))
        except ValueError:
            values.append(text)
    return values


def test_pictures_of_the_document_are_there() -> None:
    pictures = re.findall(r"\((images/[^)]+)\)", DOCUMENT.read_text("utf-8"))
    assert len(pictures) == 2
    assert all((Path(DOCUMENT).parent / each).stat().st_size < 200_000 for each in pictures)
