"""``import_librechat``: agents become presets, and what has no place here yet is kept whole."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import bson
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import Client

from accounts.models import Role, User
from accounts.services.deletion import delete_account
from conversations.models import Conversation
from files.models import File
from files.storage import read_bytes
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.crypto import decrypt
from moving.models import KeptDocument
from moving.secrets import Secrets
from presets.models import Assignment, Policy, Preset, PresetVersion
from presets.services import save_preset, unassign_preset
from providers.models import Channel
from tests.accounts.test_deletion import tables_naming
from tests.conversations.chat.conftest import model
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter
from tests.moving.agents_database import COOK, ORPHAN, PILOT, SECRETS
from tests.moving.commands import Done, env_file, move_in
from tests.moving.dumps import write_dump, write_kept
from tests.moving.librechat_values import CREDS_IV, CREDS_KEY, PIXEL, Person, oid, uuid
from tests.moving.whole_database import WholeDatabase

__all__ = ["model"]

CLEAN = WholeDatabase(conversations=4, length=4, with_hazards=False)
STRANGE = WholeDatabase(conversations=4, length=4)
KEPT = ("actions", "mcpservers", "keys", "toolcalls", "skills", "agentcategories", "configs")

pytestmark = pytest.mark.django_db


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return write_dump(tmp_path / "dump", STRANGE)


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR = tmp_path / "spool"
    disk = {**settings.STORAGES["disk"], "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "disk": disk}


def take(dump: Path, *options: str) -> Done:
    files = write_kept(dump.parent / "old", STRANGE)
    return move_in(dump, "--env", str(env_file(dump.parent)), "--files", str(files), *options)


def leave(target: Path) -> dict[str, list[dict[str, Any]]]:
    env = env_file(target.parent)
    options = {"env": env, "stdout": StringIO(), "stderr": StringIO()}
    call_command("export_librechat", str(target), **options)
    found = (target / "LibreChat").glob("*.bson")
    return {path.stem: bson.decode_all(path.read_bytes()) for path in found}


def person(number: int) -> User:
    return User.objects.get(pk=str(Person(number).id))


# -- Presets ------------------------------------------------------------------------------------


def test_an_agent_is_a_preset_with_all_a_preset_can_hold(dump: Path) -> None:
    take(dump)
    pilot = Preset.objects.get(slug=PILOT)
    assert (pilot.pk, pilot.name, pilot.description) == (
        str(oid("agent", 0)), "Pilot", "Knows the harbour"
    )  # fmt: skip
    assert (pilot.endpoint, pilot.model, pilot.system_message) == (
        "openAI", "gpt-4.1", "Steer ships."
    )  # fmt: skip
    assert (pilot.parameters, pilot.max_context_tokens) == ({"temperature": 0.3}, 9000)
    assert pilot.conversation_starters == ["Where to?"]
    assert PresetVersion.objects.get(preset=pilot).fields["system_message"] == "Steer ships."
    cook = Preset.objects.get(slug=COOK)
    assert cook.parameters == {}
    face = File.objects.get(filename=f"agent-{COOK}-avatar-1.png")
    assert (cook.icon_url, read_bytes(face.blob)) == (face.path, PIXEL)


def test_what_an_agent_does_not_have_here_is_said_by_name(dump: Path) -> None:
    done = take(dump)
    assert (
        "agents: 1 × “Cook” is here without its tools file_search, boil_mcp_galley; actions "
        f"galley_action_1; files {uuid('file', 1)} (file_search); parameter temperature; "
        "parameter flavour; artifacts (kept)"
    ) in done.said
    assert "agents: 1 × its owner is not here" in done.said
    assert "agents: LOST 1 × it has no model" in done.said
    assert "“Pilot” is here without" not in done.said


def test_presets_are_given_to_those_who_had_the_agents(dump: Path) -> None:
    done = take(dump)
    given = {
        (row.preset.slug, str(row.user or row.group or "everyone"))
        for row in Assignment.objects.select_related("preset", "user", "group")
    }
    assert given == {
        (PILOT, "person1@example.com"), (PILOT, "Sailors"), (COOK, "everyone"),
        ("an-agent-of-old", "person1@example.com"), ("an-agent-of-old", "everyone"),
        (COOK, "Role guests"),
    }  # fmt: skip
    assert "aclentries: 1 × a role may use it there; here the group “Role guests” may" in done.said
    assert "aclentries: 1 × may change it there" in done.said


@pytest.mark.django_db(transaction=True)
async def test_a_chat_with_an_agent_opens_and_goes_on_with_the_preset(
    dump: Path, model: ScriptedAdapter, settings: Any
) -> None:
    settings.TITLE_CONVO = False
    await in_database(take, dump)
    client = ChatClient(await in_database(person, 1))
    chat = (await in_database(shown, 1, uuid("agentchat", 0)))["chat"]
    assert (chat["spec"], chat["endpoint"], chat["model"]) == (PILOT, "openAI", "gpt-4.1")
    assert chat["agent_id"] == PILOT
    model.answer("Aye.")
    started = await client.start(
        spec=chat["spec"], endpoint=chat["endpoint"], model=chat["model"],
        conversationId=chat["conversationId"], parentMessageId=uuid("agentmessage", 1),
    )  # fmt: skip
    final = await client.final(started)
    assert final["responseMessage"]["content"][0]["text"] == "Aye."
    (request,) = model.requests
    assert request.system.startswith("Steer ships.")  # memories follow
    assert request.parameters.temperature == 0.3
    assert [message.role for message in request.messages] == ["user", "assistant", "user"]


def shown(number: int, chat: str) -> dict[str, Any]:
    client = Client(headers={"authorization": f"Bearer {ChatClient(person(number)).token}"})
    return {
        "chat": client.get(f"/api/convos/{chat}").json(),
        "messages": client.get(f"/api/messages/{chat}").json(),
    }


def test_messages_and_chats_of_agents_that_are_gone_stay_as_they_were(dump: Path) -> None:
    take(dump)
    told = shown(1, uuid("agentchat", 0))["messages"]
    assert [(each["sender"], each.get("model")) for each in told] == [
        ("User", None), ("Pilot", PILOT)
    ]  # fmt: skip
    gone = shown(1, uuid("agentchat", 1))["chat"]
    assert (gone["endpoint"], gone["agent_id"]) == ("agents", ORPHAN)


def test_what_was_changed_here_stays_and_what_was_taken_away_is_not_given_again(
    dump: Path,
) -> None:
    take(dump)
    pilot = Preset.objects.get(slug=PILOT)
    save_preset(actor=None, preset=pilot, fields={"system_message": "Anchor."})
    unassign_preset(actor=None, preset=pilot, user=person(1))
    before = list(Preset.objects.order_by("pk").values())
    done = take(dump)
    assert list(Preset.objects.order_by("pk").values()) == before
    assert not Assignment.objects.filter(preset=pilot, user=person(1)).exists()
    for collection in ("agents", "aclentries", *KEPT):
        counts = done.counts(collection)
        assert counts["written"] == counts["updated"] == 0, collection


def test_announcements_are_shown_as_before(dump: Path, client: Client) -> None:
    done = take(dump)
    banner = client.get("/api/banner").json()
    assert (banner["bannerId"], banner["message"], banner["persistable"]) == (
        "b-1", "<b>Flood</b>", True
    )  # fmt: skip
    assert "banners: 1 × it has no text" in done.said


# -- What is kept -------------------------------------------------------------------------------


def test_all_of_it_arrives_when_nothing_is_strange(tmp_path: Path) -> None:
    done = take(write_dump(tmp_path / "dump", CLEAN))
    assert done.problem == "", done.said
    for collection in ("agents", "banners", *KEPT):
        counts = done.counts(collection)
        assert 0 < counts["read"] == counts["written"], collection


def test_secrets_stand_nowhere_in_clear(dump: Path, admin_user: User) -> None:
    done = take(dump)
    plain = [each.replace("%2F%C3%B6", "") for each in SECRETS.values()]
    assert tables_naming(*plain) == []
    assert not any(each in done.said for each in plain)
    client = Client()
    client.force_login(admin_user)
    for kept in KeptDocument.objects.filter(
        collection__in=("actions", "mcpservers", "keys", "configs")
    ):
        page = client.get(f"/admin/moving/keptdocument/{kept.pk}/change/").content.decode()
        assert "$sealed" not in page
        assert not any(each in page for each in plain)


def test_what_is_kept_leaves_as_it_came(dump: Path, tmp_path: Path) -> None:
    take(dump)
    left = leave(tmp_path / "out")
    there = {name: make() for name, make in STRANGE.collections().items()}
    secrets = Secrets(CREDS_KEY, CREDS_IV)
    for collection in ("toolcalls", "skills", "agentcategories"):
        came = {each["_id"]: each for each in there[collection]}
        for document in left[collection]:
            assert bson.encode(document) == bson.encode(came[document["_id"]]), collection
    assert secrets.decrypt(left["actions"][0]["metadata"]["api_key"]) == SECRETS["action"]
    server = left["mcpservers"][0]["config"]
    assert secrets.decrypt(server["apiKey"]["key"]) == SECRETS["server"]
    assert server["headers"] == {"Authorization": SECRETS["header"], "X-Env": "${GALLEY}"}
    assert json.loads(secrets.decrypt(left["keys"][0]["value"])) == {"apiKey": SECRETS["key"]}
    assert len(left["keys"]) == 1  # the other one's time is over


def test_agents_leave_as_their_presets_are(dump: Path, tmp_path: Path) -> None:
    take(dump)
    pilot = Preset.objects.get(slug=PILOT)
    save_preset(actor=None, preset=pilot, fields={"system_message": "Anchor."})
    unassign_preset(actor=None, preset=pilot, user=person(1))
    left = leave(tmp_path / "out")
    agents = {each["id"]: each for each in left["agents"]}
    came = {each["id"]: each for each in STRANGE.agents()}
    assert set(agents) == set(came) - {ORPHAN}
    assert bson.encode(agents[COOK]) == bson.encode(came[COOK])
    assert agents[PILOT]["instructions"] == "Anchor."
    assert agents[PILOT]["model_parameters"] == {"temperature": 0.3, "maxContextTokens": 9000}
    about = [each for each in left["aclentries"] if each["resourceType"] == "agent"]
    assert {(each["resourceId"], each["principalType"], each["permBits"]) for each in about} == {
        (oid("agent", 0), "group", 1), (oid("agent", 1), "public", 1), (oid("agent", 1), "role", 1),
        (oid("agent", 4), "user", 1), (oid("agent", 4), "public", 1),
    }  # fmt: skip
    (chat,) = [each for each in left["conversations"] if each["title"] == "With an agent 0"]
    assert (chat["endpoint"], chat["agent_id"], chat["model"]) == (
        "agents", PILOT, "gpt-4o-of-then"
    )  # fmt: skip
    assert "spec" not in chat


def test_a_changed_document_replaces_the_one_that_was_kept(dump: Path, tmp_path: Path) -> None:
    """Actions have no dates."""
    take(dump)
    later = tmp_path / "later"
    write_dump(later, STRANGE)
    path = later / "LibreChat" / "actions.bson"
    (action,) = bson.decode_all(path.read_bytes())
    action["metadata"]["domain"] = "elsewhere.example.com"
    path.write_bytes(bson.encode(action))
    assert take(later).counts("actions")["updated"] == 1
    kept = KeptDocument.objects.get(collection="actions").content()
    assert kept["metadata"]["domain"] == "elsewhere.example.com"


def test_what_is_kept_of_a_person_goes_with_them(dump: Path) -> None:
    take(dump)
    user = person(1)
    name = user.pk
    assert KeptDocument.objects.filter(user=user).count() > 5
    delete_account(user=user)
    assert not KeptDocument.objects.filter(user=name).exists()
    assert not KeptDocument.objects.filter(document__contains=name).exists()


def test_without_a_key_everything_else_is_kept(dump: Path) -> None:
    done = move_in(dump)
    assert "keys: LOST 1 × a secret in it cannot be read" in done.said
    assert "actions: LOST 1 × a secret in it cannot be read" in done.said
    kept = KeptDocument.objects.get(collection="actions").content()
    assert (kept["metadata"]["api_key"], kept["metadata"]["domain"]) == (
        None, "galley.example.com"
    )  # fmt: skip


def test_a_chat_continued_with_another_preset_leaves_with_that(dump: Path, tmp_path: Path) -> None:
    take(dump)
    Conversation.objects.filter(pk=str(oid("agentchat", 0))).update(spec="", model="gpt-4.1")
    left = leave(tmp_path / "out")
    (chat,) = [each for each in left["conversations"] if each["title"] == "With an agent 0"]
    assert (chat["endpoint"], chat["model"]) == ("openAI", "gpt-4.1")


# -- What administrators had set beside the file ------------------------------------------------

SPECS = """
version: 1.3.0
interface: {customWelcome: Hello, parameters: true, presets: false}
endpoints:
  custom:
    - {name: Harbour, apiKey: sk-old, baseURL: "https://harbour.example.com/v1",
       models: {default: [gpt-4o]}}
"""


def test_overrides_outrank_the_file(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "librechat.yaml"
    path.write_text(SPECS)
    done = take(dump, "--yaml", str(path))
    channel = Channel.objects.get(name="Harbour")
    assert channel.base_url == "https://harbour.example.com/v1"  # of the file
    assert decrypt(channel.keys.get().encrypted) == SECRETS["config"]
    rules = Policy.objects.get(group=None)
    assert rules.allows_override is False
    assert rules.allows_personal_presets is True  # the file's word was removed
    assert "CUSTOM_WELCOME=Ahoy" in done.said
    assert Role.objects.get(name="USER").permissions["PROMPTS"]["USE"] is True
    assert not (Path(django_settings.DATA_DIR) / "moving" / "librechat.yaml").exists()


def test_overrides_of_groups_are_their_rules_and_the_rest_is_said(dump: Path) -> None:
    done = take(dump)
    assert Policy.objects.get(group__name="Sailors", group__slug="sailors").enforce is True
    assert Policy.objects.get(group__name="Role guests").allows_override is False
    assert "role guests" not in done.said
    for line in (
        "configs: LOST 1 × modelSpecs.list is not set for group Sailors here",
        "configs: LOST 1 × speech.tts is not set for group Sailors here",
        "configs: 1 × it was switched off",
        "configs: 1 × it was loaded with the configuration",
    ):
        assert line in done.said, line


def test_no_configuration_is_loaded_when_the_key_is_wrong(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "librechat.yaml"
    path.write_text(SPECS)
    wrong = env_file(tmp_path, key="00" * 32)
    assert "CREDS_KEY" in move_in(dump, "--env", str(wrong), "--yaml", str(path)).problem
    assert not Channel.objects.exists()
