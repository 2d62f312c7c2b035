"""A wrong value stops the start with one line that names the variable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_database

ROOT = Path(__file__).resolve().parents[2]
SERVE = ("-m", "librechat_backend")
MANAGE = ("manage.py", "migrate")


def start(data_dir: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), "PORT": "0", **env}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", [SERVE, MANAGE])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "abc", "PORT: expected a whole number from 1 to 65535, got 'abc'"),
        ("PORT", "70000", "PORT: expected a whole number from 1 to 65535, got '70000'"),
        ("WORKERS", "0", "WORKERS: expected a whole number of at least 1, got '0'"),
        ("TRUST_PROXY", "yes", "TRUST_PROXY: expected a whole number from 0 to 10, got 'yes'"),
        (
            "TEMPORARY_CHAT_RETENTION",
            "99999999",
            "TEMPORARY_CHAT_RETENTION: expected a whole number from 1 to 8760000, got '99999999'",
        ),
        (
            "LOGIN_WINDOW",
            "9" * 18,
            f"LOGIN_WINDOW: expected a whole number from 1 to 525600000, got '{'9' * 18}'",
        ),
        (
            "REFRESH_TOKEN_EXPIRY",
            "9" * 15,
            "REFRESH_TOKEN_EXPIRY: expected a whole number from 1000 to 31536000000000, got"
            " '999999999999999'",
        ),
        ("DEBUG", "maybe", "DEBUG: expected true or false, got 'maybe'"),
        ("CREDS_KEY", "xyz", "CREDS_KEY: expected 64 hexadecimal digits"),
        ("CREDS_IV", "00" * 32, "CREDS_IV: expected 32 hexadecimal digits"),
        (
            "DOMAIN_SERVER",
            "chat",
            "DOMAIN_SERVER: expected an address such as https://chat.example.com, got 'chat'",
        ),
        (
            "DATABASE_URL",
            "mysql://root:hunter2@db/chat",
            "DATABASE_URL: expected postgres://… or sqlite:///…, got the scheme 'mysql'",
        ),
        (
            "DATABASE_URL",
            "postgres://db:port/chat",
            "DATABASE_URL: Port could not be cast to integer value as 'port'",
        ),
        ("REDIS_URL", "127.0.0.1:6379", "REDIS_URL: expected redis://HOST:PORT/NUMBER"),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL: expected one of critical, debug, error, info, warning, got 'loud'",
        ),
        (
            "JWT_SECRET_FILE",
            "/no",
            "JWT_SECRET_FILE: cannot read /no: [Errno 2] No such file or directory: '/no'",
        ),
        (
            "DATA_DIR",
            "/proc/nowhere",
            "DATA_DIR: cannot keep secrets in /proc/nowhere: No such file or directory",
        ),
    ],
)
def test_start_ends_with_one_line_when_a_value_is_wrong(
    tmp_path: Path, command: tuple[str, ...], name: str, value: str, message: str
) -> None:
    done = start(tmp_path, *command, **{"PORT": "8000", name: value})
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{message}\n")


def test_start_says_so_when_the_stored_secrets_are_damaged(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"JWT_SECRET": "x"}', encoding="utf-8")
    done = start(tmp_path, *SERVE, PORT="8000")
    assert done.returncode == 1
    assert done.stderr == (
        f"DATA_DIR: {tmp_path}/secrets.json lacks CREDS_IV, CREDS_KEY, JWT_REFRESH_SECRET, "
        "SECRET_KEY\n"
    )
    assert "Traceback" not in done.stderr


def test_value_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("seventy\n", encoding="utf-8")
    done = start(tmp_path, *SERVE, PORT="8000", PORT_FILE=str(tmp_path / "port"))
    assert done.stderr == "PORT: expected a whole number from 1 to 65535, got 'seventy'\n"


def test_relative_data_directory_is_below_the_project(tmp_path: Path) -> None:
    relative = os.path.relpath(tmp_path / "state", ROOT)
    done = start(
        tmp_path, "manage.py", "migrate", "--verbosity", "0", PORT="8000", DATA_DIR=relative
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "state").iterdir()} >= {"db.sqlite3", "secrets.json"}
