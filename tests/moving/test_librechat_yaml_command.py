"""A LibreChat configuration, as an operator loads it: alone, and along with a move."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from presets.models import Preset
from providers.models import Channel
from tests.moving.commands import env_file, move_in
from tests.moving.conftest import ENV, FILE, ONE, command
from tests.moving.dumps import write_dump, write_kept
from tests.moving.librechat_database import OldDatabase
from tests.processes import start_fake_provider


def test_command_shows_the_difference_and_no_secret(db: None, tmp_path: Path) -> None:
    tried = command(FILE, "--env", ENV, "--dry-run")
    assert "+ channel Harbour" in tried
    assert "tried out, nothing was saved" in tried
    assert not Channel.objects.exists()
    command(FILE, "--env", ENV, "--report", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "modelSpecs.list.0.preset.imageSomething" in page
    again = command(FILE, "--env", ENV, "-v2")
    assert "0 added, 0 changed" in again
    for text in (tried, page, again):
        assert not [word for word in ("hk-harbour", "sk-openai", "s3cret") if word in text]


def test_command_says_which_file_is_wrong(write: Callable[[str], Path], db: None) -> None:
    with pytest.raises(CommandError, match=r"librechat\.yaml, line 2, a: This is said twice\."):
        command(write("a: 1\na: 2"))
    with pytest.raises(CommandError, match="No such file"):
        command("/nowhere/librechat.yaml")
    with pytest.raises(CommandError, match="No such file"):
        command(FILE, "--env", "/nowhere/.env")


def test_models_are_fetched_when_asked_for_and_stay(
    settings: Any, write: Callable[[str], Path], db: None
) -> None:
    settings.ALLOWED_INTERNAL_HOSTS = ["127.0.0.1"]
    with start_fake_provider() as url:
        path = write(
            "endpoints:\n  custom:\n"
            f"    - {{name: Harbour, apiKey: sk-fake, baseURL: '{url}/v1',"
            " models: {default: [tide-1], fetch: true}}\n"
            "    - {name: Gone, apiKey: sk-x, baseURL: 'http://127.0.0.1:9/v1',"
            " models: {default: [m], fetch: true}}\n"
        )
        said = command(path, "--fetch-models")
    fetched = Channel.objects.get(name="Harbour").model_names
    assert fetched
    assert "tide-1" not in fetched
    assert f"Harbour: {len(fetched)} models" in said
    assert "Gone: its models could not be fetched" in said
    assert "0 added, 0 changed, 0 kept" in command(path)
    assert Channel.objects.get(name="Harbour").model_names == fetched


def test_a_move_takes_the_configuration_along(
    write: Callable[[str], Path], tmp_path: Path, db: None
) -> None:
    old = OldDatabase(conversations=1, length=2, with_hazards=False)
    dump, env = write_dump(tmp_path / "dump", old), str(env_file(tmp_path))
    configuration = str(write(ONE.replace("${KEY}", "k-1234567890123")))
    tried = move_in(dump, "--env", env, "--yaml", configuration, "--dry-run")
    assert "+ channel Harbour" in tried.said
    assert not Channel.objects.exists()
    files = str(write_kept(tmp_path / "old", old))
    done = move_in(dump, "--env", env, "--yaml", configuration, "--files", files)
    assert (done.problem, "Complete" in done.said) == ("", True)
    assert (Channel.objects.get().name, Preset.objects.get().slug) == ("Harbour", "pilot")
    broken = move_in(dump, "--env", env, "--yaml", str(write("a: 1\na: 2")))
    assert "This is said twice" in broken.problem


def test_nothing_in_a_file_gives_orders_to_a_terminal(
    db: None, write: Callable[[str], Path]
) -> None:
    said = command(write('version: 1.3.0\n"sur\\e[2Jprise": 1\n'))
    assert "sur\N{REPLACEMENT CHARACTER}[2Jprise" in said
    assert "\x1b" not in said
