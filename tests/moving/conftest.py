"""A librechat.yaml with every section, and the environment it was written for."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts.models import User
from librechat_backend.lib.env import read_dotenv
from moving.librechat_yaml import Report, load
from tests.conftest import ClientFor

FILE, ENV = (Path(__file__).parent / name for name in ("librechat.yaml", "old.env"))
Load = Callable[..., Report]


@pytest.fixture(autouse=True)
def nothing_of_our_own(settings: Settings) -> None:
    settings.PROVIDER_ENVIRONMENT = {}
    settings.DEMO_PROVIDER = "false"
    settings.ALLOWED_INTERNAL_HOSTS = []


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """A file with this text."""

    def write(text: str) -> Path:
        path = tmp_path / "librechat.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def load_text(db: None, write: Callable[[str], Path]) -> Load:
    def run(text: str, *, overwrites: bool = False, dry_run: bool = False, **env: str) -> Report:
        return load(write(text), env, dry_run=dry_run, overwrites=overwrites)

    return run


@pytest.fixture
def load_all(db: None) -> Load:
    """The file with everything."""

    def run(*, dry_run: bool = False) -> Report:
        return load(FILE, read_dotenv(ENV), dry_run=dry_run)

    return run


@pytest.fixture
def ask(alice: User, client_for: ClientFor) -> Callable[[str], object]:
    """What the client of a person hears."""
    return lambda path: client_for(alice).get(path).json()


def command(*arguments: object) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("import_librechat_yaml", *map(str, arguments), stdout=out, stderr=out)
    return out.getvalue()
