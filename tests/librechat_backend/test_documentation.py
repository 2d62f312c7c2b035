"""What the documentation says of settings and files is true."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def settings_read() -> set[str]:
    modules = (ROOT / "librechat_backend" / "settings").glob("*.py")
    text = "".join(module.read_text(encoding="utf-8") for module in modules)
    by_name = set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', text))
    return by_name | set(settings.PROVIDER_ENVIRONMENT) | set(settings.IDENTITY_ENVIRONMENT)


def test_readme_lists_every_setting_once() -> None:
    listed = re.findall(r"^\| `([A-Z0-9_]+)` \|", read("README.md"), re.MULTILINE)
    assert sorted(listed) == sorted(settings_read())


def test_example_names_only_settings_there_are() -> None:
    named = set(re.findall(r"^#([A-Z0-9_]+)=", read(".env.example"), re.MULTILINE))
    assert named - settings_read() == set()
    assert named


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []
