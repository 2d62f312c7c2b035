import socket
from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from tests.librechat_backend.test_settings import SERVE, start
from tests.live import free_port


@pytest.fixture
def client_directory(tmp_path: Path) -> str:
    (tmp_path / "index.html").write_text("<html>", encoding="utf-8")
    return str(tmp_path)


def ids() -> list[str | None]:
    return [message.id for message in run_checks()]


def test_nothing_is_wrong_with_the_defaults() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"WORKERS": 2, "REDIS_URL": ""}, ["librechat_backend.E001"]),
        ({"WORKERS": 2, "REDIS_URL": "redis://127.0.0.1"}, []),
        ({"JWT_SECRET": "x" * 31}, ["librechat_backend.E002"]),
        ({"JWT_SECRET": "x" * 32}, []),
        ({"JWT_REFRESH_SECRET": "x" * 31}, ["librechat_backend.E002"]),
        ({"SECRET_KEY": "x" * 31}, ["librechat_backend.E002"]),
        ({"JWT_SECRET": "x" * 64, "JWT_REFRESH_SECRET": "x" * 64}, ["librechat_backend.E003"]),
        ({"LIBRECHAT_CLIENT_DIR": "/nowhere"}, ["librechat_backend.E004"]),
        ({"DATA_DIR": Path("/nowhere")}, ["librechat_backend.E005"]),
        ({"DEBUG": True, "HOST": "0.0.0.0"}, ["librechat_backend.W001"]),
        ({"DEBUG": True, "HOST": "chat.example.com"}, ["librechat_backend.W001"]),
        ({"DEBUG": True, "HOST": "127.0.0.1"}, []),
        ({"DEBUG": True, "HOST": "::1"}, []),
        ({"DEBUG": False, "HOST": "0.0.0.0"}, []),
        ({"MEMORY_ENDPOINT": "openAI"}, ["librechat_backend.E009"]),
        ({"MEMORY_MODEL": "gpt-4.1"}, ["librechat_backend.E009"]),
        ({"MEMORY_ENDPOINT": "openAI", "MEMORY_MODEL": "gpt-4.1"}, []),
    ],
)
def test_check_finds_what_does_not_fit_together(
    settings: Settings, values: dict[str, object], expected: list[str]
) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    assert ids() == expected


def test_built_client_is_accepted(settings: Settings, client_directory: str) -> None:
    settings.LIBRECHAT_CLIENT_DIR = client_directory
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WORKERS", "2", "(librechat_backend.E001) WORKERS is 2, but there is no REDIS_URL"),
        ("JWT_SECRET", "short", "(librechat_backend.E002) JWT_SECRET is shorter than 32"),
        ("LIBRECHAT_CLIENT_DIR", "/proc", "(librechat_backend.E004) LIBRECHAT_CLIENT_DIR: there"),
        (
            "DATABASE_URL",
            "postgres://nobody:hunter2@127.0.0.1:1/chat",
            "DATABASE_URL: cannot use the database: ",
        ),
        ("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0", "REDIS_URL: cannot use Redis: "),
    ],
)
def test_server_does_not_start_when_a_check_fails(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    done = start(tmp_path, *SERVE, **{"PORT": str(free_port()), name: value})
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def test_server_says_so_when_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(tmp_path, *SERVE, PORT=str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"HOST, PORT: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    )
