import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User

ROOT = Path(__file__).resolve().parents[2]


def manage(data_dir: Path, *args: str, stdin: str = "", **env: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a real process with its own database."""
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), **env}
    done = subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("commands")
    code, _, error = manage(data_dir, "migrate", "-v0")
    assert code == 0, error
    return data_dir


def test_first_administrator_is_made_once_when_processes_race(migrated: Path) -> None:
    def bootstrap(_: int) -> tuple[int, str, str]:
        return manage(migrated, "bootstrap_admin", ADMIN_EMAIL="Root@Example.com")

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(bootstrap, range(3)))
    assert [code for code, _, _ in results] == [0, 0, 0]
    printed = [out for _, out, _ in results if out]
    assert len(printed) == 1
    assert re.search(r"E-mail: +root@example\.com\n +Password: +\S{20}\n", printed[0])
    assert manage(migrated, "bootstrap_admin") == (0, "", "")


def test_user_is_made_when_the_password_comes_on_stdin(migrated: Path) -> None:
    code, out, error = manage(
        migrated, "create_user", "Eve@Example.com", "--password-stdin", stdin="long enough\n"
    )
    assert (code, out, error) == (0, "Created eve@example.com (USER).\n", "")
    code, out, error = manage(migrated, "create_user", "eve@example.com")
    assert (code, out) == (1, "")
    assert (
        error == "CommandError: There is already a user with the e-mail address eve@example.com.\n"
    )


def test_administrator_has_all_rights_when_bootstrapped(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("bootstrap_admin")
    user = User.objects.get()
    assert (user.email, user.role) == ("admin@librechat.local", "ADMIN")
    assert user.is_staff
    assert user.is_superuser
    found = re.search(r"Password: +(\S+)", capsys.readouterr().out)
    assert found
    assert check_password(found[1], user.password)


def test_bootstrap_fails_when_the_address_belongs_to_somebody_else(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.ADMIN_EMAIL", "alice@example.com")
    with pytest.raises(CommandError, match="belongs to no administrator"):
        call_command("bootstrap_admin")
    assert User.objects.count() == 1


def test_bootstrap_fails_when_the_address_is_none(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.ADMIN_EMAIL", "root")
    with pytest.raises(CommandError, match="ADMIN_EMAIL: 'root' is not an e-mail address"):
        call_command("bootstrap_admin")
    assert not User.objects.exists()


def test_bootstrap_does_nothing_when_there_is_an_administrator(
    admin_user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("bootstrap_admin")
    assert capsys.readouterr().out == ""
    assert User.objects.get() == admin_user


@pytest.mark.parametrize(
    ("options", "role", "is_superuser"),
    [
        ([], "USER", False),
        (["--role", "ADMIN"], "ADMIN", False),
        (["--superuser"], "ADMIN", True),
        (["--superuser", "--role", "USER"], "USER", True),
    ],
)
def test_rights_are_those_asked_for_when_a_user_is_created(
    db: None,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    role: str,
    is_superuser: bool,
) -> None:
    call_command("create_user", "eve@example.com", "--name", "Eve", *options)
    user = User.objects.get()
    assert (user.name, user.role, user.is_superuser) == ("Eve", role, is_superuser)
    assert user.is_staff is is_superuser
    found = re.search(r"Password: (\S+)", capsys.readouterr().out)
    assert found
    assert user.check_password(found[1])


@pytest.mark.parametrize(
    ("args", "stdin", "message"),
    [
        (["eve"], "", "EMAIL: Invalid email"),
        (["e@example.com", "--name", "E"], "", "--name: Must contain at least 3 characters"),
        (["e@example.com", "--password-stdin"], "short", "password: Must contain at least 8"),
        (["e@example.com", "--password-stdin"], "", "password: Must contain at least 8"),
    ],
)
def test_problem_is_named_when_an_argument_is_invalid(
    db: None, monkeypatch: pytest.MonkeyPatch, args: list[str], stdin: str, message: str
) -> None:
    monkeypatch.setattr("sys.stdin.readline", lambda: stdin, raising=False)
    with pytest.raises(CommandError, match=message):
        call_command("create_user", *args)
    assert not User.objects.exists()


def test_password_may_be_shorter_when_the_setting_says_so(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIN_PASSWORD_LENGTH = 4
    monkeypatch.setattr("sys.stdin.readline", lambda: "four\n", raising=False)
    call_command("create_user", "e@example.com", "--password-stdin")
    assert User.objects.get().check_password("four")
