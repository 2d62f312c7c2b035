"""A move that is killed, again and again, ends in the same rows as one that was not."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.live import ROOT, LiveServer
from tests.moving.commands import env_file
from tests.moving.dumps import write_dump, write_kept
from tests.moving.strange_database import StrangeDatabase

OLD = StrangeDatabase(people=5, conversations=30, length=10)
KILLS = 10
GROUP = "(SELECT object_id FROM accounts_group WHERE id = group_id)"
# What each move makes anew, or the database counts by itself, is left out.
TABLES = {
    "accounts_user": "id, email, password, avatar, favorites, created_at, updated_at",
    "accounts_authenticator": "user_id",
    "accounts_backupcode": "user_id, used_at",
    "accounts_group": "object_id, name, slug",
    "accounts_membership": "user_id",
    "accounts_role": "name, permissions",
    "conversations_project": "*",
    "conversations_tag": "*",
    "conversations_conversation": "*",
    "conversations_message": "*",
    "conversations_searchentry": "conversation_id, message_id, owner, document",
    "presets_personalpreset": "*",
    "files_file": "*",
    "files_blob": "id, key, byte_count, checksum",
    "moving_awaitedbytes": "*",
    "conversations_sharedlink": "*",
    "conversations_promptgroup": "*",
    "conversations_prompt": "*",
    "conversations_memory": "*",
    "accounts_accessentry": "resource_id, user_id, group_id IS NULL, role_id, bits, granted_at",
    "accounts_favoritetool": "user_id, item_type, item_id, created_at",
    "accounts_toolcredential": "user_id, plugin_key, field, updated_at",
    "usage_balance": "*",
    "usage_ledgerentry": "user_id, kind, amount, cost, reference, details",
    "presets_preset": "*",
    "presets_presetversion": "preset_id, version, fields, created_at",
    "presets_assignment": f"preset_id, user_id, {GROUP}, effect",
    "presets_policy": f"{GROUP}, enforce, prioritize, allows_override, allows_personal_presets",
    "moving_keptdocument": "collection, document_id, user_id, fingerprint, changed_at",
    "moving_step": "collection, is_done, tally",
}


@pytest.fixture
def servers() -> Iterator[list[LiveServer]]:
    both = [LiveServer(), LiveServer()]
    for server in both:
        server.migrate_quickly()
    yield both
    for server in both:
        server.close()


def test_rows_are_the_same_when_a_move_was_killed(
    servers: list[LiveServer], tmp_path: Path
) -> None:
    dump = str(write_dump(tmp_path / "dump", OLD))
    files = str(write_kept(tmp_path / "old", OLD))
    arguments = [dump, "--env", str(env_file(tmp_path)), "--files", files]
    whole, killed = servers
    statements = int(move(whole, [0], arguments).split()[-1])
    dice = random.Random(3)
    moments = [dice.randint(10, statements // 7) for _ in range(KILLS)]
    said = move(killed, [*moments, 0], arguments)
    assert said.count("killed\n") == KILLS
    assert "not killed" not in said
    assert "Going on where the last run ended" in said
    assert rows(killed) == rows(whole)


def move(server: LiveServer, moments: list[int], arguments: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.moving.killed_move", ",".join(map(str, moments)), *arguments],
        cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return done.stdout


def rows(server: LiveServer) -> dict[str, list[str]]:
    url = server.env.get("DATABASE_URL", "")
    database = server.data_dir / "db.sqlite3"
    connection: Any = psycopg.connect(url) if url else sqlite3.connect(database)
    with connection:
        return {table: _rows(connection, table) for table in TABLES}


def _rows(connection: Any, table: str) -> list[str]:
    statement = f"SELECT {TABLES[table]} FROM {table}"  # noqa: S608 — names of our own
    return sorted(map(repr, connection.execute(statement).fetchall()))
