"""Dumps of MySQL and MariaDB, as their many options write them."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.models import ApiToken
from providers.models import Channel
from tests.moving import newapi_source as source
from tests.moving.newapi_command import counts, run_anyhow

pytestmark = pytest.mark.django_db

ODD = 'Ünï 世界 👋 it\'s "main"; -- no comment /* nor */ \\ back\ttab\nline ),( `tick` # end'
Write = Callable[[Any], str]


def text(value: Any) -> str:
    """As MySQL escapes it; all characters of a text."""
    if value is None or isinstance(value, int | float):
        return "NULL" if value is None else str(value)
    for plain, escaped in (
        ("\\", "\\\\"), ("\0", "\\0"), ("\n", "\\n"), ("\r", "\\r"), ("'", "\\'"), ('"', '\\"'),
        ("\x1a", "\\Z"),
    ):  # fmt: skip
        value = value.replace(plain, escaped)
    return f"'{value}'"


def doubled(value: Any) -> str:
    """As NO_BACKSLASH_ESCAPES-minded tools write quotes."""
    return text(value).replace("\\'", "''")


def hexadecimal(value: Any) -> str:
    """As ``--hex-blob`` writes columns of bytes."""
    return f"0x{value.encode().hex()}" if isinstance(value, str) and value else text(value)


def quoted_hexadecimal(value: Any) -> str:
    return f"x'{value.encode().hex()}'" if isinstance(value, str) and value else text(value)


def binary(value: Any) -> str:
    """As newer mysqldump writes bytes it does not turn into hexadecimal numbers."""
    return f"_binary {text(value)}" if isinstance(value, str) else text(value)


def dump(
    *, write: Write = text, is_complete: bool = False, is_extended: bool = True,
    charset: str = "utf8mb4", is_mariadb: bool = False, verb: str = "INSERT INTO",
) -> bytes:  # fmt: skip
    tables = source.new_api()
    tables["channels"][0]["name"] = ODD if charset == "utf8mb4" else "Grüße"
    head = "-- MySQL dump 10.13  Distrib 8.4.0, for Linux (x86_64)\n"
    if is_mariadb:
        head = (
            "/*M!999999\\- enable the sandbox mode */ \n"
            "-- MariaDB dump 10.19  Distrib 10.11.8-MariaDB, for debian-linux-gnu (x86_64)\n"
        )
    parts = [
        head, "--\n-- Host: localhost    Database: oneapi\n-- ------------------------------\n",
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n",
        f"/*!50503 SET NAMES {charset} */;\n/*!40103 SET TIME_ZONE='+00:00' */;\n",
        "/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\n",
    ]  # fmt: skip
    for name, rows in tables.items():
        columns = source.columns_of(rows)
        lines = ",\n".join(f"  `{each}` longtext COMMENT 'it''s; ('" for each in columns)
        parts.append(
            f"DROP TABLE IF EXISTS `{name}`;\n/*!40101 SET @saved_cs_client = "
            f"@@character_set_client */;\nCREATE TABLE `{name}` (\n{lines},\n"
            "  PRIMARY KEY (`id`),\n  KEY `idx` (`id`)\n"
            f") ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4;\nLOCK TABLES `{name}` "
            f"WRITE;\n/*!40000 ALTER TABLE `{name}` DISABLE KEYS */;\n"
        )
        listed = f" ({', '.join(f'`{each}`' for each in columns)})" if is_complete else ""
        tuples = [f"({','.join(write(row.get(each)) for each in columns)})" for row in rows]
        several = [",\n".join(tuples)] if is_extended else tuples
        parts += [f"{verb} `{name}`{listed} VALUES {each};\n" for each in several]
        parts.append(f"/*!40000 ALTER TABLE `{name}` ENABLE KEYS */;\nUNLOCK TABLES;\n")
    parts.append(
        "DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`x`@`%`*/ /*!50003 TRIGGER `t` BEFORE "
        "INSERT ON `logs` FOR EACH ROW BEGIN SET @a = 1; END */;;\nDELIMITER ;\n"
        "-- Dump completed on 2026-11-01 12:00:00\n"
    )
    return "".join(parts).encode("cp1252" if charset == "latin1" else "utf-8")


def figures(said: str) -> list[list[str]]:
    """The table of a report."""
    return [line.split() for line in said.splitlines() if line.split()[1:2] != ["×"]][:9]


VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "--skip-extended-insert": {"is_extended": False},
    "--complete-insert": {"is_complete": True},
    "--complete-insert --skip-extended-insert": {"is_complete": True, "is_extended": False},
    "--hex-blob": {"write": hexadecimal},
    "hexadecimal in quotes": {"write": quoted_hexadecimal},
    "_binary": {"write": binary},
    "doubled quotes": {"write": doubled},
    "--default-character-set=latin1": {"charset": "latin1"},
    "--replace": {"verb": "REPLACE INTO"},
    "--insert-ignore": {"verb": "INSERT IGNORE INTO"},
    "--delayed-insert": {"verb": "INSERT DELAYED INTO"},
    "MariaDB": {"is_mariadb": True},
}


@pytest.mark.parametrize("options", VARIANTS)
def test_the_same_moves_in_whatever_options_the_dump_was_made_with(
    tmp_path: Path, options: str
) -> None:
    database = source.write_sqlite(tmp_path / "one-api.db", source.new_api())
    expected = figures(run_anyhow(database, "--dry-run"))
    path = tmp_path / "dump.sql"
    path.write_bytes(dump(**VARIANTS[options]))
    assert figures(run_anyhow(path)) == expected
    named = "Grüße" if "latin1" in options else ODD[:100]
    assert Channel.objects.filter(name=named).exists(), list(Channel.objects.values("name"))
    assert ApiToken.objects.count() == 4


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_lines_may_end_as_windows_writes_them(tmp_path: Path, line_end: bytes) -> None:
    path = tmp_path / "dump.sql.gz"
    path.write_bytes(gzip.compress(dump().replace(b"\n", line_end)))
    run_anyhow(path)
    assert (counts()[0], ApiToken.objects.count()) == (5, 4)
