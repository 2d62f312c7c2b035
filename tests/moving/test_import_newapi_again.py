"""``import_newapi`` once more, interrupted, or rehearsed: nothing twice, and nothing half."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from accounts.models import User
from gateway.models import ApiToken
from gateway.tokens import hash_secret
from providers.models import Channel, ChannelKey
from tests.moving import newapi_source as source
from tests.moving.newapi_command import counts, run, run_anyhow
from tests.moving.newapi_source import KEY, SECOND_KEY, TOTP


@pytest.mark.parametrize("written", [source.dump_bytes, source.postgresql_bytes])
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_nothing_changes_when_it_runs_again_from_a_dump(
    db: None,
    new_api: Path,
    tmp_path: Path,
    written: Callable[[source.Tables], bytes],
    packed: Callable[[bytes], bytes],
) -> None:
    run_anyhow(new_api)
    before = counts()
    dump = tmp_path / "dump.sql"
    dump.write_bytes(packed(written(source.new_api())))
    said = run_anyhow(dump)
    assert counts() == before
    figures = {line.split()[0]: line.split()[1:] for line in said.splitlines()[1:6]}
    assert all(row[1] == "0" for row in figures.values())
    assert figures["users"][3] == "5"


def test_only_what_is_new_is_brought_when_it_runs_later(db: None, tmp_path: Path) -> None:
    tables = source.new_api()
    run_anyhow(source.write_sqlite(tmp_path / "a.db", tables))
    User.objects.filter(email="alice@example.com").update(name="Alice the Great")
    tables["tokens"].append(source.token(9, 2, "n" * 48))
    tables["users"].append(source.user(9, "zoe"))
    run_anyhow(source.write_sqlite(tmp_path / "b.db", tables))
    assert ApiToken.objects.filter(token_hash=hash_secret("sk-" + "n" * 48)).exists()
    assert User.objects.filter(email="zoe@example.com").exists()
    assert User.objects.get(email="alice@example.com").name == "Alice the Great"


def test_it_goes_on_when_it_was_interrupted(
    db: None, new_api: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(**_: Any) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr("moving.newapi.channels.services.set_secret", lost)
        with pytest.raises(CommandError):
            run(new_api)
    assert not Channel.objects.exists()  # a channel without its keys is none
    run_anyhow(new_api)
    whole = counts()
    run_anyhow(new_api)
    assert counts() == whole
    assert ChannelKey.objects.count() == 5


def test_nothing_is_written_when_it_is_a_rehearsal(db: None, new_api: Path) -> None:
    before = counts()
    said = run_anyhow(new_api, "--dry-run")
    assert counts() == before
    assert "Rehearsal: nothing was written" in said


def test_secrets_are_not_told_when_the_report_is_written(db: None, new_api: Path) -> None:
    said = run_anyhow(new_api)
    for secret in (KEY, SECOND_KEY, "sk-upstream-secret", TOTP, "$2a$", "{api_key}"):
        assert secret not in said
