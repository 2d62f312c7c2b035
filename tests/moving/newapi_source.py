"""Databases of one-api and new-api, as SQLite files and as mysqldump writes them."""

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import bcrypt

Table = list[dict[str, Any]]
Tables = dict[str, Table]

PASSWORD = "correct horse"
LATER = 4_102_444_800  # 2100
KEY = "aB3dE5fG7hJ9kL1m" + "0123456789aBcDeF" * 2
VIP = "sk-" + KEY  # as its owner sends it
SECOND_KEY = "bC4eF6gH8jK1lM3n" + "0123456789aBcDeF" * 2
CODE = "0123456789abcdef" * 2
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def hashed(password: str) -> str:
    """As Go's library writes it; cheap, for the tests' time."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, b"2a")).decode()


def user(id_: int, username: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_, "username": username, "password": hashed(PASSWORD),
        "display_name": username.title(), "role": 1, "status": 1,
        "email": f"{username}@example.com", "github_id": "", "access_token": f"access{id_}",
        "quota": 1_500_000, "used_quota": 250_000, "request_count": 12, "group": "default",
        "aff_code": f"a{id_}", "inviter_id": 0, "deleted_at": None, **fields,
    }  # fmt: skip


def token(id_: int, user_id: int, key: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_, "user_id": user_id, "key": key, "status": 1, "name": f"program {id_}",
        "created_time": 1_700_000_000, "accessed_time": 1_710_000_000, "expired_time": -1,
        "remain_quota": 500_000, "unlimited_quota": 1, "model_limits_enabled": 0,
        "model_limits": "", "allow_ips": "", "used_quota": 3, "group": "", "deleted_at": None,
        **fields,
    }  # fmt: skip


def channel(id_: int, base_url: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "id": id_, "type": 1, "key": "sk-upstream-secret", "status": 1, "name": f"channel {id_}",
        "weight": 0, "created_time": 1_700_000_000, "test_time": 0, "response_time": 120,
        "base_url": base_url, "other": "", "balance": 0.0, "models": "gpt-4o,gpt-4o-mini",
        "group": "default", "used_quota": 99, "model_mapping": "", "priority": 0, "auto_ban": 1,
        "tag": None, "setting": None, "param_override": None, "header_override": None,
        "openai_organization": None, "status_code_mapping": "",
        "channel_info": json.dumps({"is_multi_key": False}), **fields,
    }  # fmt: skip


def new_api(base_url: str = "http://llm.example") -> Tables:
    """A small installation, with one of everything that is special."""
    return {
        "users": [
            user(1, "root", role=100, email="", password=hashed("123456"), quota=100_000_000),
            user(2, "alice", group="vip"),
            user(3, "bob", status=2, quota=-10, linux_do_id="4711"),
            user(4, "ghost", deleted_at="2024-01-01 00:00:00"),
            user(5, "alice-too", email="Alice@example.com"),
            user(6, "nobody", password="plain text"),
        ],
        "tokens": [
            token(1, 2, KEY),
            token(
                2, 2, SECOND_KEY, unlimited_quota=0, model_limits_enabled=1, expired_time=LATER,
                model_limits="gpt-4o, claude", allow_ips="10.0.0.0/8\n127.0.0.1\nnonsense",
                group="vip",
            ),
            token(3, 4, "c" * 48),
            token(4, 2, "d" * 48, status=2),
            token(5, 2, "e" * 48, deleted_at="2024-01-01 00:00:00"),
            token(6, 2, "too-short"),
            token(7, 2, "f" * 48, status=4, unlimited_quota=0, remain_quota=-5),
        ],
        "channels": [
            channel(1, base_url, name="OpenAI; it's \"main\"", group="default,vip", weight=3),
            channel(
                2, base_url, name="Azure", type=3, other="2024-06-01", group="vip", priority=10,
                model_mapping=json.dumps({"gpt-4o": "via", "via": "prod", "x": 3}), tag="europe",
                key="first\nsecond\nfirst\n",
                channel_info=json.dumps({
                    "is_multi_key": True, "multi_key_status_list": {"1": 3},
                    "multi_key_disabled_reason": {"1": "quota used up"},
                }),
                param_override=json.dumps({"temperature": 0.2, "operations": []}),
                header_override=json.dumps({"X-Team": "blue", "X-Key": "{api_key}"}),
                openai_organization="org-1", status_code_mapping='{"404": "503"}',
            ),
            channel(3, "https://claude.example", type=14, status=2, models="claude-x"),
            channel(4, type=41, name="Vertex"),
            channel(5, type=25, name="OpenAI; it's \"main\""),
        ],
        "options": [
            {"key": "QuotaPerUnit", "value": "500000"}, {"key": "SMTPServer", "value": "x"},
        ],
        "redemptions": [
            {"id": 1, "key": CODE, "status": 1, "name": "gift", "quota": 1_000_000},
            {"id": 2, "key": "f" * 32, "status": 3, "name": "old", "quota": 5},
            {"id": 3, "key": "e" * 32, "status": 1, "name": "late", "quota": 5, "expired_time": 9},
        ],
        "two_fas": [
            {"id": 1, "user_id": 2, "secret": TOTP, "is_enabled": 1, "deleted_at": None},
            {"id": 2, "user_id": 3, "secret": TOTP, "is_enabled": 0, "deleted_at": None},
        ],
        "abilities": [{"group": "vip", "model": "gpt-4o", "channel_id": 2}],
        "logs": [{"id": n, "content": f"it's ),( {n}\\"} for n in range(1, 8)],
    }  # fmt: skip


def one_api(base_url: str = "") -> Tables:
    """An older installation: fewer columns, other numbers beyond 25."""
    dropped = {
        "users": {"deleted_at"},
        "tokens": {"model_limits_enabled", "model_limits", "allow_ips", "group", "deleted_at"},
        "channels": {
            "auto_ban", "tag", "setting", "param_override", "header_override", "channel_info",
            "openai_organization", "status_code_mapping",
        },
    }  # fmt: skip
    tables: Tables = {
        "users": [user(1, "root", role=100), user(2, "alice", status=3), user(3, "bob")],
        "tokens": [token(1, 3, KEY, models="gpt-4o", subnet="10.0.0.0/8,::1")],
        "channels": [
            channel(1, base_url, config=json.dumps({"region": "eu"}), system_prompt="Be kind"),
            channel(2, type=28, models="mistral-small-latest", config="", system_prompt=None),
        ],
    }
    return {
        name: [{k: v for k, v in row.items() if k not in dropped[name]} for row in rows]
        for name, rows in tables.items()
    }


def columns_of(rows: Table) -> list[str]:
    return list(dict.fromkeys(column for row in rows for column in row))


def write_sqlite(path: Path, tables: Tables) -> Path:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    with connection:
        for name, rows in tables.items():
            columns = columns_of(rows)
            listed = ", ".join(f"`{column}`" for column in columns)
            connection.execute(f"CREATE TABLE `{name}` ({listed})")
            marks = ", ".join("?" * len(columns))
            values = [tuple(map(row.get, columns)) for row in rows]
            connection.executemany(f"INSERT INTO `{name}` VALUES ({marks})", values)  # noqa: S608
    connection.close()
    return path


def write_dump(path: Path, tables: Tables) -> Path:
    """Compressed where the name says so."""
    data = dump_bytes(tables)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def dump_bytes(tables: Tables) -> bytes:
    parts = [
        "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n",
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n",
        "/*!50503 SET NAMES utf8mb4 */;\n",
    ]
    for name, rows in tables.items():
        columns = columns_of(rows)
        lines = ",\n".join(f"  `{column}` longtext COMMENT 'a; b'" for column in columns)
        parts.append(
            f"--\n-- Table structure for table `{name}`\n--\n\nDROP TABLE IF EXISTS `{name}`;\n"
            f"CREATE TABLE `{name}` (\n{lines},\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n"
            f"LOCK TABLES `{name}` WRITE;\n/*!40000 ALTER TABLE `{name}` DISABLE KEYS */;\n"
        )
        values = [map(row.get, columns) for row in rows]
        tuples = ",".join(f"({','.join(map(_literal, each))})" for each in values)
        parts.append(f"INSERT INTO `{name}` VALUES {tuples};\nUNLOCK TABLES;\n")  # noqa: S608
    parts.append("-- Dump completed on 2026-01-01  0:00:00\n")
    return "".join(parts).encode()


def postgresql_bytes(tables: Tables) -> bytes:
    """As pg_dump writes it: columns with odd names in quotes, truth as a letter."""
    parts = [
        "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n"
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;\n"
    ]
    for name, rows in tables.items():
        columns = columns_of(rows)
        listed = ", ".join(f'"{each}"' if each in ("group", "key") else each for each in columns)
        parts.append(f"CREATE TABLE public.{name} (\n    id bigint NOT NULL\n);\n")
        parts.append(f"COPY public.{name} ({listed}) FROM stdin;\n")
        lines = ["\t".join(map(_copied, map(row.get, columns))) for row in rows]
        parts.append("".join(f"{line}\n" for line in lines) + "\\.\n\n")
    parts.append("--\n-- PostgreSQL database dump complete\n--\n")
    return "".join(parts).encode()


def _copied(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    escaped = str(value).replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace("\t", "\\t").replace("\r", "\\r")


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int | float):
        return str(value)
    for plain, escaped in (
        ("\\", "\\\\"),
        ("\0", "\\0"),
        ("\n", "\\n"),
        ("'", "\\'"),
        ('"', '\\"'),
    ):
        value = value.replace(plain, escaped)
    return f"'{value}'"
