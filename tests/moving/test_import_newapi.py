"""``manage.py import_newapi``: what was in one-api or new-api works here."""

import gzip
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import openai
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Authenticator, Group, Membership, User
from billing.models import Voucher
from billing.services.vouchers import redeem
from gateway.models import ApiToken
from gateway.tokens import hash_secret
from librechat_backend.lib.crypto import decrypt
from providers.models import Channel, ChannelKey
from tests.factories import UserFactory
from tests.live import ROOT, LiveServer, live_server
from tests.moving import newapi_source as source
from tests.moving.newapi_source import CODE, KEY, PASSWORD, SECOND_KEY, TOTP
from tests.processes import start_fake_provider
from usage.models import Balance, Budget, LedgerEntry

VIP = "sk-" + KEY
THIRD_KEY = "c" * 48
PRICE = """
from datetime import UTC, datetime
from usage.models import Price
Price.objects.create(model="gpt-4o", valid_from=datetime(2020, 1, 1, tzinfo=UTC),
                     input_credits=1_000_000, output_credits=1_000_000)
"""


def run(path: Path, *options: str) -> str:
    """What the command says; raises CommandError."""
    out = StringIO()
    call_command("import_newapi", str(path), *options, stdout=out)
    return out.getvalue()


def run_anyhow(path: Path, *options: str) -> str:
    """What it says where something is missing."""
    out = StringIO()
    with pytest.raises(CommandError, match="Something is missing"):
        call_command("import_newapi", str(path), *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def new_api(tmp_path: Path) -> Path:
    return source.write_sqlite(tmp_path / "one-api.db", source.new_api())


def counts() -> list[int]:
    models = (
        User,
        Group,
        Voucher,
        Membership,
        Channel,
        ChannelKey,
        ApiToken,
        Budget,
        LedgerEntry,
        Balance,
    )
    return [model._default_manager.count() for model in models]


# -- The real thing ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server into which an installation has moved, from a packed dump of MySQL."""
    folder = tmp_path_factory.mktemp("new-api")
    with start_fake_provider() as provider, live_server(env={"DEMO_PROVIDER": "false"}) as server:
        tables = source.new_api(provider)
        tables["users"] = [source.user(2, "alice", group="vip"), source.user(3, "bob")]
        tables["tokens"] = [row for row in tables["tokens"] if row["id"] in (1, 2)]
        nearly_used_up = {"unlimited_quota": 0, "remain_quota": 1, "name": "nearly empty"}
        tables["tokens"].append(source.token(3, 2, THIRD_KEY, **nearly_used_up))
        tables["channels"] = [row for row in tables["channels"] if row["id"] in (1, 2)]
        dump = source.write_dump(folder / "dump.sql.gz", tables)
        said = server.manage("import_newapi", str(dump), "--report", str(folder / "report.html"))
        assert "Complete" in said
        assert "Azure" in (folder / "report.html").read_text()
        yield server


def test_the_old_key_is_answered_when_the_official_library_calls(moved: LiveServer) -> None:
    client = openai.OpenAI(base_url=f"{moved.base_url}/v1", api_key=VIP, max_retries=0)
    answer = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hi"}]
    )
    assert answer.choices[0].message.content == "Hello from the fake provider."


def test_limits_of_the_old_key_hold_when_it_is_used(moved: LiveServer) -> None:
    client = openai.OpenAI(base_url=f"{moved.base_url}/v1", api_key=f"sk-{SECOND_KEY}")
    assert [model.id for model in client.models.list()] == ["gpt-4o"]
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}]
        )


def test_what_was_left_of_a_key_is_all_it_may_spend(moved: LiveServer) -> None:
    """The rest of its quota, 2 credits, is less than any call costs."""
    moved.manage("shell", "-c", PRICE)
    told = "402 - The budget “nearly empty: what was left” of the API key"
    with pytest.raises(openai.APIStatusError, match=told):
        asked(moved, f"sk-{THIRD_KEY}")
    assert asked(moved, VIP).choices


def asked(server: LiveServer, key: str) -> Any:
    client = openai.OpenAI(base_url=f"{server.base_url}/v1", api_key=key, max_retries=0)
    return client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hi"}]
    )


def test_nobody_comes_in_when_a_key_was_never_there(moved: LiveServer) -> None:
    client = openai.OpenAI(base_url=f"{moved.base_url}/v1", api_key="sk-" + "z" * 48)
    with pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_the_old_password_signs_in_when_everything_has_moved(moved: LiveServer) -> None:
    assert moved.sign_in("bob@example.com", PASSWORD)


def test_the_status_is_1_when_something_is_missing(moved: LiveServer, new_api: Path) -> None:
    command = [sys.executable, "manage.py", "import_newapi", str(new_api), "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, env=moved.env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "LOST 1 × type 41" in done.stdout
    assert "Rehearsal" in done.stdout


# -- People -----------------------------------------------------------------------------------


def test_people_keep_what_they_had_when_they_move(db: None, new_api: Path) -> None:
    run_anyhow(new_api)
    alice = User.objects.get(email="alice@example.com")
    assert (alice.username, alice.name, alice.role, alice.is_active) == (
        "alice", "Alice", "USER", True,
    )  # fmt: skip
    assert [m.group.name for m in alice.memberships.select_related("group")] == ["vip"]
    assert alice.balance.credits == 3_000_000
    entry = LedgerEntry.objects.get(user=alice)
    assert (entry.kind, entry.details["used_before"]) == ("import", 500_000)
    assert not User.objects.get(email="bob@example.com").is_active
    assert not User.objects.filter(username="ghost").exists()


def test_the_hash_is_renewed_when_somebody_signs_in(db: None, new_api: Path) -> None:
    run_anyhow(new_api)
    User.objects.filter(email="alice@example.com").update(two_factor_enabled=False)
    body = {"email": "alice@example.com", "password": PASSWORD}
    assert User.objects.get(email="alice@example.com").password.startswith("bcrypt$$2a$")
    answer = Client().post("/api/auth/login", body, content_type="application/json")
    assert answer.status_code == 200
    assert not User.objects.get(email="alice@example.com").password.startswith("bcrypt")


def test_the_second_factor_is_asked_for_when_it_was_before(db: None, new_api: Path) -> None:
    run_anyhow(new_api)
    body = {"email": "alice@example.com", "password": PASSWORD}
    answer = Client().post("/api/auth/login", body, content_type="application/json")
    assert answer.json()["twoFAPending"] is True
    assert decrypt(Authenticator.objects.get(user__username="alice").secret) == TOTP


def test_people_get_an_address_when_they_had_none(db: None, new_api: Path) -> None:
    said = run_anyhow(new_api, "--domain", "corp.example")
    assert User.objects.filter(email="root@corp.example").exists()
    assert User.objects.filter(email="alice-too-5@corp.example").exists()
    assert "made-up address" in said


def test_nobody_is_administrator_when_it_was_not_asked_for(db: None, new_api: Path) -> None:
    run_anyhow(new_api)
    assert not User.objects.filter(is_staff=True).exists()
    assert not User.objects.filter(role="ADMIN").exists()


def test_the_well_known_password_opens_nothing_when_root_moves(db: None, new_api: Path) -> None:
    run_anyhow(new_api, "--staff")
    root = User.objects.get(username="root")
    assert root.is_superuser
    assert not root.has_usable_password()


def test_an_account_is_left_alone_when_its_address_was_here(db: None, new_api: Path) -> None:
    alice = UserFactory.create(email="alice@example.com", password="another secret")
    said = run_anyhow(new_api)
    assert "users: LOST 2 × there is an account with this address" in said
    assert not ApiToken.objects.filter(user=alice).exists()
    assert not Balance.objects.filter(user=alice).exists()


def test_an_account_gets_keys_and_credits_when_merging_is_asked_for(
    db: None, new_api: Path
) -> None:
    alice = UserFactory.create(email="alice@example.com", password="another secret")
    run_anyhow(new_api, "--merge-accounts")
    run_anyhow(new_api, "--merge-accounts")
    alice.refresh_from_db()
    assert alice.check_password("another secret")
    assert not User.objects.filter(username="alice-too").exists()
    assert ApiToken.objects.get(token_hash=hash_secret(VIP)).user == alice
    assert alice.balance.credits == 2 * 3_000_000  # there she had two accounts
    assert alice.memberships.count() == 2


# -- Keys and channels ------------------------------------------------------------------------


def test_keys_keep_their_limits_when_they_move(db: None, new_api: Path) -> None:
    run_anyhow(new_api)
    first = ApiToken.objects.get(token_hash=hash_secret(VIP))
    assert (first.model_names, first.networks, first.expires_at) == (None, None, None)
    assert (first.name, first.is_active, first.prefix) == ("program 1", True, "sk-aB3dE")
    assert first.created_at.year == 2023
    assert not Budget.objects.filter(owner_id=first.pk).exists()
    second = ApiToken.objects.get(token_hash=hash_secret(f"sk-{SECOND_KEY}"))
    assert second.model_names == ["gpt-4o", "claude"]
    assert second.networks == ["10.0.0.0/8", "127.0.0.1/32"]
    assert second.expires_at is not None
    assert second.expires_at.year == 2100
    budget = Budget.objects.get(owner_kind="token", owner_id=second.pk)
    assert (budget.limit_credits, budget.window) == (1_000_000, "total")
    off = ApiToken.objects.get(name="program 4")
    assert not off.is_active
    used_up = ApiToken.objects.get(name="program 7")
    assert (used_up.is_active, Budget.objects.get(owner_id=used_up.pk).limit_credits) == (False, 0)


def test_codes_can_be_redeemed_when_nobody_had(db: None, new_api: Path, bob: User) -> None:
    bob.email = "somebody@example.com"
    bob.save()
    run_anyhow(new_api)
    assert redeem(user=bob, code=CODE).amount == 2_000_000
    assert Voucher.objects.count() == 1


def test_channels_keep_their_settings_when_they_move(db: None, new_api: Path) -> None:
    run_anyhow(new_api)
    azure = Channel.objects.get(name="Azure")
    assert (azure.kind, azure.priority, azure.weight) == ("azure", 10, 1)
    assert azure.model_mapping == {"gpt-4o": "prod", "via": "prod"}
    assert azure.options == {"api_version": "2024-06-01"}
    assert azure.headers == {"X-Team": "blue", "OpenAI-Organization": "org-1"}
    assert azure.parameter_overrides == {"temperature": 0.2}
    keys = list(azure.keys.order_by("created_at"))
    assert [decrypt(key.encrypted) for key in keys] == ["first", "second"]
    assert [(key.is_active, key.label) for key in keys] == [(True, ""), (False, "quota used up")]
    assert [group.name for group in azure.groups.all()] == ["vip"]
    assert not azure.is_for_everyone
    everyone = Channel.objects.get(kind="openai")
    assert (everyone.is_for_everyone, everyone.weight, everyone.is_active) == (True, 3, True)
    claude = Channel.objects.get(kind="anthropic")
    assert (claude.base_url, claude.is_active) == ("https://claude.example", False)
    moonshot = Channel.objects.get(endpoint="Moonshot")
    assert moonshot.base_url == "https://api.moonshot.cn/v1"
    assert moonshot.name == 'OpenAI; it\'s "main" (5)'


def test_it_is_said_when_a_channel_lies_in_the_own_network(db: None, tmp_path: Path) -> None:
    tables = source.new_api()
    tables["channels"] = [source.channel(1, "http://10.0.0.7:8000", name="Cellar")]
    said = run_anyhow(source.write_sqlite(tmp_path / "one-api.db", tables))
    assert "ALLOWED_INTERNAL_HOSTS=10.0.0.7:8000" in said


def test_numbers_are_those_of_one_api_when_its_columns_are_there(db: None, tmp_path: Path) -> None:
    said = run(source.write_sqlite(tmp_path / "one-api.db", source.one_api("http://llm:1")))
    assert "Read as one-api" in said
    assert "not taken over: system_prompt" in said
    assert Channel.objects.get(kind="mistral").base_url == ""
    assert Channel.objects.get(kind="openai").base_url == "http://llm:1/v1"
    token = ApiToken.objects.get()
    assert (token.model_names, token.networks) == (["gpt-4o"], ["10.0.0.0/8", "::1/128"])


# -- Again, and never half --------------------------------------------------------------------


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


DUMP = source.dump_bytes(source.new_api())
POSTGRESQL = source.postgresql_bytes(source.new_api())
HOSTILE = {
    "empty": (b"", "no table"),
    "text": (b"Dear reader, this is a letter.\n", "cut off"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 99, "neither"),
    "cut-dump": (DUMP[:-2000], "cut off|damaged"),
    "without-last-line": (DUMP.rsplit(b"-- Dump", 1)[0], "last line is missing"),
    "cut-gzip": (b"\x1f\x8b\x08\0" + b"\0" * 6 + b"\x03", "damaged or cut off"),
    "postgresql-empty": (POSTGRESQL[:30] + POSTGRESQL[-45:], "no table"),
    "postgresql-cut": (POSTGRESQL[:-60], "last line is missing"),
    "postgresql-damaged": (POSTGRESQL.replace(b"\t", b"\t\t", 1), "another length"),
    "postgresql-inserts": (POSTGRESQL[:40] + b"\nINSERT INTO users VALUES (1);\n", "--inserts"),
    "postgresql-charset": (POSTGRESQL.replace(b"UTF8", b"LATIN1"), "--encoding=UTF8"),
    "postgresql-packed": (b"PGDMP\x01\x0e" + b"\0" * 99, "--format"),
    "sqlite-text": (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "file itself"),
    "other-tables": (b"CREATE TABLE `pets` (\n `id` int\n);\n", "not of one-api or new-api"),
    "twice": (DUMP + DUMP, "twice"),
    "function": (
        b"CREATE TABLE `users` (\n `id` int\n);\nINSERT INTO `users` VALUES (sleep(9));\n",
        "damaged",
    ),
    "charset": (b"/*!40101 SET NAMES gbk */;\n", "gbk"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_the_fault_is_named_and_nothing_written_when_the_file_is_hostile(
    db: None, tmp_path: Path, name: str
) -> None:
    data, reason = HOSTILE[name]
    path = tmp_path / "source"
    path.write_bytes(data)
    before = counts()
    with pytest.raises(CommandError, match=reason):
        run(path)
    assert counts() == before


def test_the_fault_is_named_when_a_sqlite_file_is_damaged(db: None, new_api: Path) -> None:
    data = new_api.read_bytes()
    new_api.write_bytes(data[: len(data) // 2])
    with pytest.raises(CommandError, match="damaged"):
        run(new_api)
    new_api.write_bytes(data[:4096] + b"\xff" * 4096 + data[8192:])
    with pytest.raises(CommandError, match="damaged"):
        run(new_api)
    assert not User.objects.exists()


def test_the_fault_is_named_when_there_is_no_file(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Cannot read"):
        run(tmp_path / "nothing.db")


def test_views_are_not_run_when_a_database_has_them_for_tables(db: None, tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    connection = sqlite3.connect(path)
    for name in ("users", "tokens", "channels"):
        connection.execute(f"CREATE VIEW {name} AS SELECT 1 AS id")
    connection.commit()
    connection.close()
    with pytest.raises(CommandError, match="no table"):
        run(path)


def test_odd_rows_are_listed_when_columns_hold_anything(db: None, tmp_path: Path) -> None:
    tables = source.new_api()
    tables["users"] += [
        source.user(20, "x", quota="many"),
        source.user(21, "y" * 300, email="no address", display_name="\0" + "n" * 300),
        {**source.user(22, "z"), "id": None},
    ]
    tables["tokens"] += [
        source.token(20, 2, "k" * 48, expired_time=10**17),
        source.token(1, 2, "j" * 48),
    ]
    tables["channels"] += [
        source.channel(20, "ftp://x"),
        source.channel(21, type="one"),
        source.channel(22, key=""),
        source.channel(23, model_mapping="{", param_override="[1]", priority=10**15),
    ]
    said = run_anyhow(source.write_sqlite(tmp_path / "odd.db", tables))
    for reason in (
        "quota is no number", "it has no id", "expired_time is no time", "it has no key",
        "base_url is no http address", "type is no number", "model_mapping is no JSON",
    ):  # fmt: skip
        assert reason in said, reason
    assert User.objects.get(email__startswith="yyy").name == "n" * 80
    assert ApiToken.objects.get(token_hash=hash_secret(VIP)).name == "program 1"
