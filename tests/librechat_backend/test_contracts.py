"""The import contracts hold, and fail on a violation."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_database

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
PACKAGES: list[str] = CONFIGURATION["importlinter"]["root_packages"]
CONTRACTS = {each["name"]: each for each in CONFIGURATION["importlinter"]["contracts"]}
PURE = CONTRACTS["Pure modules know neither Django nor REST framework"]["source_modules"]
CHECK = "from importlinter.cli import lint_imports_command as run; run()"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product's code, free to be spoilt."""
    directory = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", directory)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return directory


def check_contracts(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHECK],
        cwd=directory, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_contracts_hold(checkout: Path) -> None:
    done = check_contracts(checkout)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("accounts/tokens.py", "import conversations.models", "Downward only"),
        ("files/apps.py", "import providers.types", "Downward only"),
        ("presets/resolver.py", "import conversations.tree", "Downward only"),
        ("librechat_backend/lib/ids.py", "import accounts.models", "The floor imports no app"),
        (
            "conversations/tree.py",
            "from django.db import models",
            "Pure modules know neither Django nor REST framework",
        ),
        (
            "accounts/services/login.py",
            "from rest_framework.response import Response",
            "Mutations know no views",
        ),
        ("conversations/chat/engine.py", "import openai", "SDKs live in their adapters"),
        (
            "accounts/views/auth.py",
            "import librechat_backend.settings",
            "Apps know the floor, not the composition root",
        ),
    ],
)
def test_contract_is_broken_when_a_module_imports_what_it_must_not(
    checkout: Path, module: str, line: str, contract: str
) -> None:
    file = checkout / module
    original = file.read_text(encoding="utf-8")
    file.write_text(f"{original}\n{line}\n", encoding="utf-8")
    try:
        done = check_contracts(checkout)
    finally:
        file.write_text(original, encoding="utf-8")
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


@pytest.mark.parametrize("module", PURE)
def test_pure_module_loads_without_django(module: str) -> None:
    """Not even through what it imports."""
    script = (
        f"import sys; sys.modules['django'] = sys.modules['rest_framework'] = None; import {module}"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


RARE = (
    "anthropic",
    "boto3",
    "google.genai",
    "openai",
    "PIL",
    "pymongo",
    "twisted.internet.reactor",
)


def test_server_starts_without_what_is_rarely_needed(tmp_path: Path) -> None:
    """Each of these takes some megabytes and a part of a second in every process."""
    script = f"import sys, librechat_backend.asgi; print([m for m in {RARE} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env={**os.environ, "DATA_DIR": str(tmp_path)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
