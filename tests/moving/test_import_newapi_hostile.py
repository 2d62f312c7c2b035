"""Sources of ``import_newapi`` that are damaged or something else: named, and nothing written."""

import sqlite3
from pathlib import Path

import pytest
from django.core.management import CommandError

from accounts.models import User
from gateway.models import ApiToken
from gateway.tokens import hash_secret
from tests.moving import newapi_source as source
from tests.moving.newapi_command import counts, run, run_anyhow
from tests.moving.newapi_source import VIP

DUMP = source.dump_bytes(source.new_api())
POSTGRESQL = source.postgresql_bytes(source.new_api())
HOSTILE = {
    "empty": (b"", "no table"),
    "text": (b"Dear reader, this is a letter.\n", "cut off"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 99, "neither"),
    "cut-dump": (DUMP[:-2000], "cut off|damaged"),
    "without-last-line": (DUMP.rsplit(b"-- Dump", 1)[0], "last line is missing"),
    "cut-gzip": (b"\x1f\x8b\x08\0" + b"\0" * 6 + b"\x03", "damaged or cut off"),
    "postgresql-empty": (POSTGRESQL[:30] + POSTGRESQL[-45:], "no table"),
    "postgresql-cut": (POSTGRESQL[:-60], "last line is missing"),
    "postgresql-damaged": (POSTGRESQL.replace(b"\t", b"\t\t", 1), "another length"),
    "postgresql-inserts": (POSTGRESQL[:40] + b"\nINSERT INTO users VALUES (1);\n", "--inserts"),
    "postgresql-charset": (POSTGRESQL.replace(b"UTF8", b"LATIN1"), "--encoding=UTF8"),
    "postgresql-packed": (b"PGDMP\x01\x0e" + b"\0" * 99, "--format"),
    "sqlite-text": (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "file itself"),
    "other-tables": (b"CREATE TABLE `pets` (\n `id` int\n);\n", "not of one-api or new-api"),
    "twice": (DUMP + DUMP, "twice"),
    "function": (
        b"CREATE TABLE `users` (\n `id` int\n);\nINSERT INTO `users` VALUES (sleep(9));\n",
        "damaged",
    ),
    "charset": (b"/*!40101 SET NAMES gbk */;\n", "gbk"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_the_fault_is_named_and_nothing_written_when_the_file_is_hostile(
    db: None, tmp_path: Path, name: str
) -> None:
    data, reason = HOSTILE[name]
    path = tmp_path / "source"
    path.write_bytes(data)
    before = counts()
    with pytest.raises(CommandError, match=reason):
        run(path)
    assert counts() == before


def test_the_fault_is_named_when_a_sqlite_file_is_damaged(db: None, new_api: Path) -> None:
    data = new_api.read_bytes()
    new_api.write_bytes(data[: len(data) // 2])
    with pytest.raises(CommandError, match="damaged"):
        run(new_api)
    new_api.write_bytes(data[:4096] + b"\xff" * 4096 + data[8192:])
    with pytest.raises(CommandError, match="damaged"):
        run(new_api)
    assert not User.objects.exists()


def test_the_fault_is_named_when_there_is_no_file(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Cannot read"):
        run(tmp_path / "nothing.db")


def test_views_are_not_run_when_a_database_has_them_for_tables(db: None, tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    connection = sqlite3.connect(path)
    for name in ("users", "tokens", "channels"):
        connection.execute(f"CREATE VIEW {name} AS SELECT 1 AS id")
    connection.commit()
    connection.close()
    with pytest.raises(CommandError, match="no table"):
        run(path)


def test_odd_rows_are_listed_when_columns_hold_anything(db: None, tmp_path: Path) -> None:
    tables = source.new_api()
    tables["users"] += [
        source.user(20, "x", quota="many"),
        source.user(21, "y" * 300, email="no address", display_name="\0" + "n" * 300),
        {**source.user(22, "z"), "id": None},
    ]
    tables["tokens"] += [
        source.token(20, 2, "k" * 48, expired_time=10**17),
        source.token(1, 2, "j" * 48),
    ]
    tables["channels"] += [
        source.channel(20, "ftp://x"),
        source.channel(21, type="one"),
        source.channel(22, key=""),
        source.channel(23, model_mapping="{", param_override="[1]", priority=10**15),
    ]
    said = run_anyhow(source.write_sqlite(tmp_path / "odd.db", tables))
    for reason in (
        "quota is no number", "it has no id", "expired_time is no time", "it has no key",
        "base_url is no http address", "type is no number", "model_mapping is no JSON",
    ):  # fmt: skip
        assert reason in said, reason
    assert User.objects.get(email__startswith="yyy").name == "n" * 80
    assert ApiToken.objects.get(token_hash=hash_secret(VIP)).name == "program 1"
