"""Everything that can be odd in an old database: said, never fatal, never silently dropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
import pytest
import structlog
from allauth.socialaccount.models import SocialAccount
from bson import ObjectId
from django.db import IntegrityError

from accounts.models import Group, User
from conversations.models import Conversation, Message
from files.models import File
from moving.collections.left import LEFT
from moving.collections.role_groups import role_group_id
from moving.collections.users import TABLE
from moving.models import KeptDocument
from presets.models import Assignment, PersonalPreset, Policy, Preset
from tests.conftest import ClientFor
from tests.moving.agents_database import COOK
from tests.moving.commands import Done, env_file, move_in
from tests.moving.dumps import write_dump, write_kept
from tests.moving.librechat_database import OldDatabase
from tests.moving.librechat_values import BEGIN, NO_PARENT, Documents, Person, oid, uuid
from tests.moving.strange_chats import PLUGINS, UNLISTED, picture
from tests.moving.strange_database import StrangeDatabase
from tests.moving.strange_people import HOSTILE

STRANGE = StrangeDatabase(people=5, conversations=4, length=4)
# All that a LibreChat may have, by how much it is missed.
MUST = ("users", "conversations", "messages", "presets", "conversationtags", "files")
SHOULD = (
    "balances", "transactions", "prompts", "promptgroups", "sharedlinks", "agents", "memoryentries",
    "keys", "roles", "aclentries", "groups", "chatprojects", "banners", "configs",
)  # fmt: skip
KEPT = (
    "actions", "assistants", "pluginauths", "toolcalls", "toolfavorites", "mcpservers",
    "agentcategories", "agentapikeys", "skills", "skillfiles", "schedules",
)  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR = tmp_path / "spool"
    disk = {**settings.STORAGES["disk"], "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "disk": disk}


@pytest.fixture
def done(tmp_path: Path) -> Done:
    return take(tmp_path)


def take(directory: Path, *options: str, old: OldDatabase = STRANGE) -> Done:
    dump = directory / "dump"
    if not dump.exists():
        write_dump(dump, old)
    files = write_kept(directory / "old", old)
    return move_in(dump, "--env", str(env_file(directory)), "--files", str(files), *options)


def said(words: str) -> Message:
    return Message.objects.get(text=words)


def odd_chat(number: int) -> Conversation:
    return Conversation.objects.get(pk=str(oid("oddchat", number)))


# -- Every collection ---------------------------------------------------------------------------


def test_the_source_has_every_collection_of_librechat() -> None:
    # Both of these are read, and neither is taken as it is.
    read = {"librechatCredentialMetadata", "projects"}
    unneeded = {each.name for each in LEFT}
    assert {*MUST, *SHOULD, *KEPT, *unneeded} | read <= set(STRANGE.collections())


def test_each_document_of_every_collection_is_accounted_for(done: Done) -> None:
    there = {name: len(list(make())) for name, make in STRANGE.collections().items()}
    for collection in set(there) - {"surprises"}:
        counts = done.counts(collection)
        became = ("written", "updated", "unchanged", "merged", "skipped")
        assert counts["read"] == there[collection] == sum(counts[name] for name in became)
        if counts["skipped"]:
            assert f"\n{collection}: " in done.said, collection
    assert "Not taken, for nothing here is like it: surprises." in done.said
    assert "WRONG" not in done.said


def test_all_that_should_come_is_written(done: Done) -> None:
    for collection in (*MUST, *SHOULD, *KEPT):
        assert done.counts(collection)["written"] > 0, collection


def test_a_second_run_changes_nothing(done: Done, tmp_path: Path) -> None:
    again = take(tmp_path)
    for collection in (*MUST, *SHOULD, *KEPT):
        counts = again.counts(collection)
        assert counts["written"] == counts["updated"] == 0, collection


def test_a_rehearsal_says_the_same(tmp_path: Path) -> None:
    rehearsed = take(tmp_path, "--dry-run")
    real = take(tmp_path)
    for collection in MUST:
        assert rehearsed.counts(collection) == real.counts(collection)


# -- Chats ---------------------------------------------------------------------------------------


def test_chats_of_plugins_open_also_without_an_endpoint(done: Done, client_for: ClientFor) -> None:
    client = client_for(User.objects.get(pk=str(Person(0).id)))
    with_one = client.get(f"/api/convos/{uuid('oddchat', 0)}").json()
    assert (with_one["endpoint"], with_one["tools"][0]["pluginKey"]) == (PLUGINS, "dalle")
    without = client.get(f"/api/convos/{uuid('oddchat', 1)}").json()
    assert (without["model"], without.get("endpoint")) == ("gpt-3.5-turbo", None)
    told = client.get(f"/api/messages/{uuid('oddchat', 0)}").json()
    assert "by plugins" in [each["text"] for each in told]
    assert said("by plugins").metadata["legacy"]["plugin"] == {"latest": "dalle", "outputs": "x"}


def test_settings_are_as_they_are_written_today(done: Done) -> None:
    chats = [odd_chat(number) for number in (2, 3, 4, 6)]
    assert [chat.settings.get("stop") for chat in chats] == [["END"], ["END", "STOP"], None, ["7"]]
    assert [chat.tags for chat in chats] == [[UNLISTED], [], ["Saved"], []]
    assert [chat.is_temporary for chat in chats] == [False, True, False, False]
    assert chats[2].title == "7"
    assert PersonalPreset.objects.get(preset_id="odd").settings["stop"] == ["END"]
    assert "conversations: 2 × “stop” was of another type than it is today" in done.said


def test_chats_a_script_made_get_ids_of_their_own(done: Done, client_for: ClientFor) -> None:
    chats = Conversation.objects.filter(title__in=["Odd chat 9", "Odd chat 10"])
    assert all(ObjectId.is_valid(chat.pk) for chat in chats)
    assert len(chats) == 2
    assert (
        "conversations: 2 × its id is none of MongoDB's, and has become one "
        "(made-by-a-script-in-the-autumn-of-2023, 10)"
    ) in done.said
    assert ObjectId.is_valid(said("made by a script").pk)


def test_pictures_beside_chats_have_addresses_that_do_not_end(done: Done) -> None:
    assert odd_chat(8).icon_url == f"/images/{Person(0).id}/icon.png"


# -- Messages ------------------------------------------------------------------------------------


def test_pictures_inside_of_answers_stay_whole(done: Done, client_for: ClientFor) -> None:
    first = Message.objects.get(message_id=uuid("oddmessage", 0))
    assert (first.content or [])[0]["image_url"]["url"] == picture()
    assert said(f"![drawn]({picture()})").endpoint == PLUGINS
    client = client_for(User.objects.get(pk=str(Person(0).id)))
    assert client.get(f"/api/messages/{uuid('oddchat', 0)}").status_code == 200


def test_ratings_of_every_age_stay_or_are_kept(done: Done) -> None:
    rated = Message.objects.filter(text="rated").order_by("created_at")
    assert [each.feedback for each in rated] == [
        {"rating": "thumbsUp", "tag": "accurate", "text": "yes"},
        {"rating": "thumbsDown", "tag": {"key": "wrong", "label": "Wrong"}},
        {"rating": "thumbsUp"}, None, None, None, {"rating": 5},
    ]  # fmt: skip
    kept = [each.metadata.get("legacy", {}).get("odd", {}).get("feedback") for each in rated]
    assert kept == [None, None, "thumbsUp", True, 1, ["thumbsDown"], None]


def test_words_are_found_wherever_they_stand(done: Done) -> None:
    parts = {
        part["text"]
        for content in Message.objects.exclude(content=None).values_list("content", flat=True)
        for part in content or ()
        if part["type"] == "text"
    }
    assert {"a text", "not in a list", "and in parts", "spoken"} <= parts
    assert {"an object", "42", "only holes"} <= set(Message.objects.values_list("text", flat=True))


def test_members_of_other_types_are_rewritten_and_kept(done: Done) -> None:
    counted = Message.objects.filter(text="counted").order_by("created_at")
    assert [each.token_count for each in counted] == [None, 12, None, 12, None, 7]
    named, one = Message.objects.filter(text="files").order_by("created_at")
    assert (named.files, one.files) == (
        [{"file_id": "file-1"}, {"file_id": "f"}],
        [{"file_id": "f"}],
    )
    assert (one.quotes, one.metadata["legacy"]["odd"]["metadata"]) == (["one"], ["a", "b"])
    assert said("failed").metadata["legacy"]["odd"]["error"] == {"message": "overloaded"}
    by, _ = Message.objects.filter(text="whose").order_by("-is_created_by_user")
    assert (by.is_created_by_user, by.unfinished) == (True, False)


def test_addresses_inside_of_sources_are_those_of_here(done: Done) -> None:
    found = said("found")
    assert found.attachments[0]["filepath"] == f"/images/{Person(0).id}/part.png"
    assert len(found.attachments) == 2


def test_values_of_every_type_can_be_sent(done: Done) -> None:
    kinds = said("kinds").metadata
    assert (kinds["a.b"], kinds["least"], kinds["when"]) == ({"$c": 1}, None, None)
    assert kinds["id"] == "0" * 24


def test_trees_have_roots(done: Done) -> None:
    ring = {each.message_id: each for each in Message.objects.filter(message_id__startswith="ring")}
    assert [each.parent_message_id for each in ring.values()].count(NO_PARENT) == 1
    firsts = Message.objects.filter(text__startswith="first", parent_message_id=NO_PARENT)
    assert firsts.count() == 4  # and the oldest of a circle
    assert Message.objects.get(message_id="odd-half").text == "the fuller one"


def test_a_message_of_nearly_16_mb_arrives(tmp_path: Path) -> None:
    words = f"![huge]({picture(11_700_000)})"
    done = take(tmp_path, old=Huge(words=words, people=2, conversations=1, length=2))
    assert Message.objects.get(message_id="huge").text == words
    assert done.counts("messages")["written"] == 3


@dataclass(frozen=True, slots=True)
class Huge(OldDatabase):
    words: str = ""
    with_hazards: bool = False

    def messages(self) -> Documents:
        yield from OldDatabase.messages(self)
        yield {
            "_id": oid("huge", 0), "messageId": "huge", "conversationId": uuid("chat", 0),
            "user": str(self.person(0).id), "text": self.words, "createdAt": BEGIN,
        }  # fmt: skip


# -- People --------------------------------------------------------------------------------------


def test_what_people_lose_at_sign_in_is_said(done: Done) -> None:
    assert "users: LOST 1 × they need a new password" in done.said
    assert "users: LOST 1 × somebody else signs in with the same account of google" in done.said
    assert SocialAccount.objects.get(provider="google").user_id == str(oid("social", 0))
    assert User.objects.get(email="odd4@example.com").has_usable_password() is False


def test_permissions_nobody_knows_are_named(done: Done) -> None:
    assert "roles: 1 × there is no permission “SURPRISE.USE” here" in done.said
    assert "roles: LOST 1 × its permissions cannot be read" in done.said


def test_a_role_that_may_use_an_agent_is_a_group_that_may(done: Done, tmp_path: Path) -> None:
    guests = Group.objects.get(object_id=role_group_id("guests"))
    hostile = Preset.objects.get(slug="agent_hostile")
    assert Assignment.objects.filter(group=guests, preset=hostile).exists()
    assert Assignment.objects.filter(group=guests, preset__slug=COOK).exists()
    assert members(guests) == {"odd3@example.com"}
    other = {"email": "late@example.com", "role": "guests", "createdAt": BEGIN, "updatedAt": BEGIN}
    bson_of_users(tmp_path, {"_id": oid("late", 0), **other})
    take(tmp_path)
    assert members(guests) == {"odd3@example.com", "late@example.com"}


def test_a_person_whose_role_was_changed_leaves_its_group(done: Done, tmp_path: Path) -> None:
    guests = Group.objects.get(object_id=role_group_id("guests"))
    (guest,) = guests.memberships.values_list("user_id", flat=True)
    changed = {"email": "odd3@example.com", "role": "USER", "updatedAt": BEGIN.replace(year=2025)}
    bson_of_users(tmp_path, {"_id": ObjectId(guest), **changed})
    take(tmp_path)
    assert members(guests) == set()


def members(group: Group) -> set[str]:
    return set(group.memberships.values_list("user__email", flat=True))


def bson_of_users(directory: Path, *people: dict[str, Any]) -> None:
    path = directory / "dump" / "LibreChat" / "users.bson"
    path.write_bytes(b"".join(map(bson.encode, people)))


def test_settings_of_roles_are_rules_and_those_of_people_are_named(done: Done) -> None:
    crew = Policy.objects.get(group__object_id=role_group_id("crew"))
    assert (crew.prioritize, crew.enforce) == (False, None)
    for words in (
        "configs: LOST 1 × interface.parameters is not set for user person0@example.com here",
        "configs: LOST 1 × interface.presets is not set for role nobody here",
        "configs: LOST 1 × ocr.apiKey is not set for role crew here",
        "configs: LOST 1 × what is set for role nobody cannot be read",
    ):
        assert words in done.said, words
    assert "modelSpecs.prioritize" not in done.said
    assert KeptDocument.objects.filter(collection="configs").count() == 9


def test_specs_of_a_role_are_presets_of_its_people_in_place_of_those_of_everybody(
    tmp_path: Path, client_for: ClientFor
) -> None:
    path = tmp_path / "librechat.yaml"
    preset = "{endpoint: Harbour, model: gpt-4o}"
    specs = "".join(f"  - {{name: {name}, preset: {preset}}}\n" for name in ("watch", "helm"))
    path.write_text(
        f"version: 1.3.0\nmodelSpecs:\n list:\n{specs}endpoints:\n custom:\n  - {{name: Harbour, "
        'apiKey: sk-old, baseURL: "https://harbour.example.com/v1", models: {default: [gpt-4o]}}'
    )
    done = take(tmp_path, "--yaml", str(path))
    guests = Group.objects.get(object_id=role_group_id("guests"))
    given = Assignment.objects.filter(group=guests).select_related("preset")
    effects = {(row.preset.slug, row.preset.system_message): row.effect for row in given}
    assert effects["watch", "Keep watch."] == Assignment.Effect.ALLOW
    assert effects["helm", ""] == Assignment.Effect.DENY
    assert ("watch", "") not in effects
    assert "configs: 1 × its specs are presets of the group “Role guests” now" in done.said
    assert "configs: LOST 1 × modelSpecs.list.0.webSearch, for the group “Role guests”" in done.said
    assert (
        "configs: LOST 1 × modelSpecs.list.1, for the group “Role guests”: it has no" in done.said
    )
    assert "modelSpecs.list is not set for role guests" not in done.said
    before = list(Assignment.objects.order_by("pk").values())
    take(tmp_path, "--yaml", str(path))
    assert list(Assignment.objects.order_by("pk").values()) == before


def test_files_without_bytes_keep_what_is_known_of_them(done: Done) -> None:
    read = File.objects.get(filename="read.pdf")
    assert (read.is_text, len(read.text)) == (True, 500_000)
    assert not File.objects.filter(filename="over.txt").exists()
    assert File.objects.get(filename="passwd").path.count("..") == 0


# -- What is said of it --------------------------------------------------------------------------


def test_nothing_hostile_reaches_a_terminal_or_a_browser(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = take(tmp_path, "--report", str(page))
    assert HOSTILE.replace("\x1b", "\ufffd") in done.said
    assert "\x1b" not in done.said
    written = page.read_text()
    assert "<script" not in written
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in written


def test_the_page_says_first_what_is_missing(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    take(tmp_path, "--report", str(page))
    written = page.read_text()
    assert "<h1>Not complete</h1>" in written
    missing, table, left = (
        written.index(words)
        for words in ("What somebody will miss", "What was read", "Left out for a reason")
    )
    assert missing < table < left
    assert "they need a new password" in written[missing:table]
    assert "its chat is not here" in written[left:]
    assert written.index("people sign in again") > written.index("Not needed here")


@pytest.fixture
def log() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def test_no_row_is_logged_when_the_database_refuses_it(
    tmp_path: Path, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise IntegrityError("DETAIL: Failing row contains (bcrypt$$2a$10$secret)")

    monkeypatch.setattr(type(TABLE), "store", refuse)
    done = take(tmp_path, "--only", "users")
    assert "users: LOST 14 × it cannot be stored (IntegrityError)" in done.said
    assert "secret" not in str(log)
    assert {each["error"] for each in log if each["event"] == "document_left_out"} == {
        "IntegrityError"
    }
