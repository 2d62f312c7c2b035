"""``import_librechat``: what people have besides their chats, as they see it afterwards."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import bson
import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.test import Client

from accounts.models import AccessEntry, FavoriteTool, ToolCredential, User
from conversations.models import Memory, Prompt, PromptGroup, SharedLink
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.crypto import decrypt
from presets.models import Preset
from tests.conftest import ClientFor
from tests.conversations.chat.scripted import ChatClient
from tests.moving.commands import Done, env_file, move_in
from tests.moving.dumps import write_dump, write_kept
from tests.moving.librechat_values import PIXEL, Person, oid, uuid
from tests.moving.whole_database import SPEC, TOOL_KEY, WholeDatabase
from usage.ledger.movements import adjust, open_balance
from usage.models import Balance, BillingRules, LedgerEntry

CLEAN = WholeDatabase(conversations=6, length=6, with_hazards=False)
STRANGE = WholeDatabase(conversations=6, length=6)
AROUND = (
    "sharedlinks", "promptgroups", "prompts", "memoryentries", "toolfavorites", "pluginauths",
    "aclentries", "balances", "transactions",
)  # fmt: skip
SPECS = f"""
version: 1.3.0
endpoints:
  custom:
    - {{name: Harbour, apiKey: sk-1, baseURL: "https://harbour.example.com/v1",
       models: {{default: [gpt-4o]}}}}
modelSpecs:
  list:
    - {{name: {SPEC}, label: Mini, preset: {{endpoint: Harbour, model: gpt-4o}}}}
"""

pytestmark = pytest.mark.django_db


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return write_dump(tmp_path / "dump", STRANGE)


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.ALLOW_SHARED_LINKS_PUBLIC = True
    settings.SPOOL_DIR = tmp_path / "spool"
    disk = {**settings.STORAGES["disk"], "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "disk": disk}


def take(dump: Path, *options: str) -> Done:
    files = write_kept(dump.parent / "old", STRANGE)
    return move_in(dump, "--env", str(env_file(dump.parent)), "--files", str(files), *options)


def person(number: int) -> User:
    return User.objects.get(pk=str(Person(number).id))


def test_all_of_it_arrives_when_nothing_is_strange(tmp_path: Path) -> None:
    done = take(write_dump(tmp_path / "dump", CLEAN))
    assert done.problem == "", done.said
    for collection in AROUND:
        counts = done.counts(collection)
        assert 0 < counts["read"] == counts["written"], collection


def test_second_run_changes_nothing_when_the_source_is_the_same(dump: Path) -> None:
    take(dump)
    before = stored()
    done = take(dump)
    assert stored() == before
    for collection in AROUND:
        counts = done.counts(collection)
        assert counts["written"] == counts["updated"] == 0, collection


def stored() -> list[Any]:
    models = (
        SharedLink,
        PromptGroup,
        Prompt,
        Memory,
        FavoriteTool,
        ToolCredential,
        AccessEntry,
        Balance,
        LedgerEntry,
    )
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_counts_are_those_of_a_rehearsal(dump: Path) -> None:
    rehearsed = take(dump, "--dry-run")
    assert not SharedLink.objects.exists()
    real = take(dump)
    for collection in AROUND:
        assert rehearsed.counts(collection) == real.counts(collection), collection


# -- Links --------------------------------------------------------------------------------------


def opened(client: Client, number: int) -> Any:
    return client.get(f"/api/share/share-{number}-abcdefghijkl")


def test_links_open_under_their_addresses_when_nobody_is_signed_in(
    dump: Path, client: Client
) -> None:
    take(dump)
    shown = opened(client, 0).json()["messages"]
    assert all(each["text"] or each["content"] for each in shown)
    assert len(shown) == 3  # the question and its two answers
    assert len(opened(client, 1).json()["messages"]) == 6
    assert opened(client, 1).json()["title"] == "Link 1"


def test_links_stay_closed_that_were_not_for_everybody(
    dump: Path, client: Client, client_for: ClientFor
) -> None:
    take(dump)
    assert opened(client, 3).status_code == 401
    assert opened(client_for(person(0)), 3).status_code == 403
    assert opened(client_for(person(1)), 3).status_code == 200
    assert opened(client, 2).status_code == 401  # only its owner has an entry


def test_links_show_only_what_is_of_their_chat(dump: Path, client: Client) -> None:
    done = take(dump)
    assert "sharedlinks: 1 × a message it showed is not here" in done.said
    assert opened(client, 6).json()["messages"] == []
    assert opened(client, 7).status_code == 200
    assert opened(client, 4).status_code == opened(client, 5).status_code == 404
    assert SharedLink.objects.get(pk=str(oid("link", 0))).title == "Link 0"
    snapshots = SharedLink.objects.get(pk=str(oid("link", 2))).file_snapshots
    assert [each["file_id"] for each in snapshots] == [uuid("file", 0)]


@pytest.mark.django_db(transaction=True)
async def test_pictures_of_links_open_when_their_bytes_came(dump: Path) -> None:
    await in_database(take, dump)
    owner = await in_database(person, 0)
    url = f"/api/share/share-2-abcdefghijkl/files/{uuid('file', 0)}"
    answer = await ChatClient(owner).open("GET", url).answer()
    assert (answer.status, answer.body) == (200, PIXEL)


# -- Prompts, memories, tools -------------------------------------------------------------------


def test_prompts_have_their_versions_and_the_one_in_use(dump: Path, client_for: ClientFor) -> None:
    take(dump)
    client = client_for(person(1))
    groups = {each["name"]: each for each in client.get("/api/prompts/all").json()}
    assert set(groups) == {"Tides", "Winds"}
    assert groups["Tides"]["productionPrompt"]["prompt"] == "When is {{tide}} tide?"
    assert groups["Winds"]["productionPrompt"]["prompt"] == "The newest wind"
    assert (groups["Tides"]["command"], groups["Winds"].get("command")) == ("tides", None)
    assert groups["Tides"]["numberOfGenerations"] == 7
    versions = client.get("/api/prompts", {"groupId": str(oid("promptgroup", 0))}).json()
    assert [each["prompt"] for each in versions] == [
        "A draft that is newer", "When is {{tide}} tide?"
    ]  # fmt: skip


def test_prompts_are_seen_by_those_they_were_shared_with(dump: Path, client_for: ClientFor) -> None:
    take(dump)

    def seen(number: int) -> set[str]:
        return {each["name"] for each in client_for(person(number)).get("/api/prompts/all").json()}

    assert seen(0) == {"Tides", "Winds"}  # by the group, and everybody's
    assert seen(2) == {"Tides", "Winds"}
    assert seen(4) == {"Winds"}
    entry = AccessEntry.objects.get(resource_id=str(oid("promptgroup", 0)), user=person(2))
    assert entry.bits == 3
    assert entry.granted_at == PromptGroup.objects.get(pk=str(oid("promptgroup", 0))).created_at


def test_memories_are_listed_and_the_newer_of_two_counts(dump: Path, client_for: ClientFor) -> None:
    take(dump)
    memories = client_for(person(1)).get("/api/memories").json()["memories"]
    assert {(each["key"], each["value"]) for each in memories} == {
        ("boat", "Sails a yacht"), ("boat", "Of one agent"), ("no_date", "ab")
    }  # fmt: skip


def test_keys_for_tools_are_sealed_anew(dump: Path) -> None:
    done = take(dump)
    credential = ToolCredential.objects.get()
    assert decrypt(credential.value) == TOOL_KEY
    assert "pluginauths: LOST 1 × its secret cannot be read" in done.said
    assert TOOL_KEY not in done.said
    assert FavoriteTool.objects.get().item_id == "calculator"


# -- Credits ------------------------------------------------------------------------------------


def test_balances_are_those_of_the_source_to_the_credit(dump: Path) -> None:
    BillingRules.objects.create(has_balances=True)  # nobody gets credits to begin with on top
    take(dump)
    credits_ = {n: open_balance(person(n)).credits for n in (0, 1)}
    assert credits_ == {0: -20, 1: 1_234_568}
    refill = Balance.objects.get(user=person(0))
    assert (refill.auto_refill, refill.refill_credits) == (True, 5000)
    for balance in Balance.objects.all():
        entries = LedgerEntry.objects.filter(user=balance.user_id)
        assert (entries.aggregate(sum=Sum("amount"))["sum"] or 0) == balance.credits


def test_transactions_say_what_was_spent_and_move_nothing(dump: Path) -> None:
    done = take(dump)
    entries = LedgerEntry.objects.filter(reference__startswith="librechat:transaction:")
    assert entries.aggregate(sum=Sum("amount"), cost=Sum("cost")) == {"sum": 0, "cost": 5280}
    first = entries.get(pk=str(oid("transaction", 1)))
    assert (first.cost, first.model, first.details["tokenType"]) == (250, "gpt-4o", "prompt")
    assert "transactions: 1 × its owner is not here" in done.said
    assert "balances: LOST 1 × its amount is no number" in done.said
    assert "balances: 1 × another balance of the same person was filled later" in done.said


def test_a_balance_follows_the_source_and_what_was_spent_here_stays(
    dump: Path, tmp_path: Path
) -> None:
    take(dump)
    adjust(user=person(1), amount=-68, reason="spent here", by=None)
    later = replace(STRANGE, spent=1000)
    assert take(write_dump(tmp_path / "later", later)).counts("balances")["updated"] == 1
    balance = Balance.objects.get(user=person(1))
    assert balance.credits == 1_234_568 - 68 - 1000
    entries = LedgerEntry.objects.filter(user=person(1))
    assert entries.aggregate(sum=Sum("amount"))["sum"] == balance.credits


# -- Presets ------------------------------------------------------------------------------------


def test_chats_find_their_preset_when_its_name_was_none_for_us(
    dump: Path, tmp_path: Path, client_for: ClientFor
) -> None:
    specs = tmp_path / "librechat.yaml"
    specs.write_text(SPECS)
    take(dump, "--yaml", str(specs))
    chat = client_for(person(1)).get(f"/api/convos/{uuid('chat', 1)}").json()
    assert chat["spec"] == Preset.objects.get(name="Mini").slug == "gpt-4-1-mini"
    options = {"env": env_file(tmp_path), "stdout": StringIO(), "stderr": StringIO()}
    call_command("export_librechat", str(tmp_path / "out"), **options)
    left = bson.decode_all((tmp_path / "out" / "LibreChat" / "conversations.bson").read_bytes())
    assert {each["spec"] for each in left if "spec" in each} == {SPEC}


# -- The rest -----------------------------------------------------------------------------------


def test_each_collection_is_taken_or_its_reason_is_said(dump: Path) -> None:
    done = take(dump)
    assert "Not taken, for nothing here is like it: surprises." in done.said
    assert "keys: 1 × kept for later: channels have the keys here, not people" in done.said
    assert "sessions: 1 × people sign in again" in done.said
    assert "librechatCredentialMetadata: 1 × it was read to check the key" in done.said
    assert "tokens: 1 × links sent by e-mail" in done.said


def test_what_cannot_come_is_said(dump: Path) -> None:
    said = take(dump).said
    for line in (
        "promptgroups: 1 × it has no version",
        "prompts: 2 × its prompt is not here",
        "memoryentries: 1 × its owner is not here",
        "toolfavorites: 1 × it names no tool",
        "aclentries: 2 × whom it is for is not here",
        "aclentries: 2 × what it is about is not here",
        "aclentries: 1 × there is nothing like “codeEnvironment” here",
        "aclentries: 1 × it allows nothing",
        "aclentries: 1 × its time is over",
    ):
        assert line in said, line
