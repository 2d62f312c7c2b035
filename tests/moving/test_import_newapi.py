"""``manage.py import_newapi``: people, keys and channels of one-api or new-api are here."""

from pathlib import Path

from django.test import Client

from accounts.models import Authenticator, User
from billing.models import Voucher
from billing.services.vouchers import redeem
from gateway.models import ApiToken
from gateway.tokens import hash_secret
from librechat_backend.lib.crypto import decrypt
from providers.models import Channel
from tests.factories import UserFactory
from tests.moving import newapi_source as source
from tests.moving.newapi_command import run, run_anyhow
from tests.moving.newapi_source import CODE, PASSWORD, SECOND_KEY, TOTP, VIP
from usage.models import Balance, Budget, LedgerEntry

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
