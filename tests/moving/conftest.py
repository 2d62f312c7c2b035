"""A librechat.yaml with every section and its old environment, a small one, and a new-api."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts.models import User
from librechat_backend.lib.env import read_dotenv
from moving.librechat_yaml import Report, load
from moving.librechat_yaml.source import Fate
from tests.conftest import ClientFor
from tests.moving import newapi_source

FILE, ENV = (Path(__file__).parent / name for name in ("librechat.yaml", "old.env"))
Load = Callable[..., Report]
# A file of one channel and one preset.
ONE = """
version: 1.3.14
endpoints:
  custom:
    - name: Harbour
      apiKey: "${KEY}"
      baseURL: https://api.harbour.example/v1
      models: {default: [tide-1]}
      modelDisplayLabel: Pilot
      tokenConfig: {tide-1: {prompt: 1, completion: 2}}
modelSpecs:
  list:
    - {name: pilot, label: Pilot, preset: {endpoint: Harbour, model: tide-1, temperature: 0.5}}
"""


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


@pytest.fixture
def new_api(tmp_path: Path) -> Path:
    return newapi_source.write_sqlite(tmp_path / "one-api.db", newapi_source.new_api())


def command(*arguments: object) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("import_librechat_yaml", *map(str, arguments), stdout=out, stderr=out)
    return out.getvalue()


def reason(report: Report, key: str) -> str:
    """Why what stands at ``key`` was not taken."""
    (line,) = [line for line in report.lines if line.key == key]
    assert line.fate is not Fate.TAKEN
    return line.text
