"""``import_librechat``: what arrives, what is said of the rest, and again."""

import time
from pathlib import Path
from typing import Any

import bson
import pytest
from django.test import Client

from accounts import totp
from accounts.models import Group, Role, User
from conversations.models import Conversation, Message, SearchEntry
from files.models import File
from files.storage import read_bytes
from moving.models import AwaitedBytes, Move
from presets.models import PersonalPreset
from tests.conftest import ClientFor
from tests.factories import UserFactory
from tests.moving.commands import Done, env_file, move_in
from tests.moving.dumps import write_dump, write_kept
from tests.moving.librechat_database import OldDatabase
from tests.moving.librechat_values import (
    BACKUP_CODE,
    NO_PARENT,
    PASSWORD,
    PIXEL,
    TOTP_SECRET,
    Person,
    oid,
    uuid,
)
from tests.moving.mongo_server import mongo_server
from tests.s3 import empty_bucket

CLEAN = OldDatabase(conversations=6, length=6, with_hazards=False)
STRANGE = OldDatabase(conversations=12, length=6)


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
    env = env_file(dump.parent)
    return move_in(dump, "--env", str(env), "--files", str(files), *options)


@pytest.mark.django_db
def test_is_complete_when_nothing_is_strange(tmp_path: Path) -> None:
    done = take(write_dump(tmp_path / "dump", CLEAN))
    assert done.problem == ""
    assert "Complete" in done.said
    counts = {name: count for name, count in done.counts("messages").items() if count}
    assert counts == {"read": 36, "written": 36}


@pytest.mark.django_db
def test_second_run_changes_nothing_when_the_source_is_the_same(dump: Path) -> None:
    take(dump)
    before = stored()
    done = take(dump)
    assert stored() == before
    for collection in ("users", "conversations", "messages"):
        assert done.counts(collection)["written"] == done.counts(collection)["updated"] == 0


def stored() -> list[Any]:
    models = (User, Conversation, Message)
    return [list(model.objects.order_by("pk").values()) for model in models] + [
        list(SearchEntry.objects.order_by("pk").values())
    ]


@pytest.mark.django_db
def test_nothing_is_written_when_it_is_a_rehearsal(dump: Path) -> None:
    rehearsed = take(dump, "--dry-run")
    assert not User.objects.exists()
    assert not Move.objects.exists()
    real = take(dump)
    assert rehearsed.counts("messages") == real.counts("messages")


@pytest.mark.django_db
def test_client_shows_the_same_tree_in_the_same_order(dump: Path, client_for: ClientFor) -> None:
    take(dump)
    client = client_for(User.objects.get(pk=str(Person(1).id)))
    messages = client.get(f"/api/messages/{uuid('chat', 1)}").json()
    assert [each["messageId"] for each in messages] == [uuid("message", n) for n in range(6, 12)]
    assert messages[3]["parentMessageId"] == messages[0]["messageId"]
    assert messages[1]["content"][0]["text"]
    assert messages[0]["createdAt"] == "2024-03-01T08:01:00.123Z"


@pytest.mark.django_db
def test_chats_keep_titles_dates_and_settings(dump: Path, client_for: ClientFor) -> None:
    take(dump)
    client = client_for(User.objects.get(pk=str(Person(0).id)))
    listed = client.get("/api/convos").json()["conversations"]
    assert [each["title"] for each in listed] == ["Renamed", "Chat number 10", "Chat number 5"]
    chat = client.get(f"/api/convos/{uuid('chat', 5)}").json()
    assert (chat["promptPrefix"], chat["temperature"]) == ("Be brief.", 0.7)
    assert chat["updatedAt"] == "2024-03-01T08:05:06.123Z"


@pytest.mark.django_db
def test_old_password_opens_the_account_and_is_hashed_anew(dump: Path, client: Client) -> None:
    take(dump)
    body = {"email": "person3@example.com", "password": "correct horse"}
    answer = client.post("/api/auth/login", body, content_type="application/json")
    assert answer.status_code == 200
    assert not User.objects.get(email="person3@example.com").password.startswith("bcrypt")


@pytest.mark.django_db
def test_hazards_are_reported_and_the_rest_arrives(dump: Path) -> None:
    done = take(dump)
    assert done.problem
    assert "LOST 1 × another account has its address" in done.said
    assert "1 × its chat is not here" in done.said
    assert "a NUL character was removed" in done.said
    by_id = {message.message_id: message for message in Message.objects.all()}
    assert by_id["odd-0"].text == "ab"
    assert by_id["odd-0"].metadata == {"nan": None, "big": str(2**60)}
    assert by_id["odd-6"].user_id == str(Person(2).id)
    assert by_id["odd-7"].user_id == str(Person(0).id)
    assert [part["text"] for part in by_id["odd-8"].content or ()] == ["", "parted", "bare"]
    assert by_id["odd-twin"].text == "newer version"
    assert "odd-12" not in by_id
    assert (by_id["odd-4"].parent_message_id, by_id["odd-5"].parent_message_id) == (
        NO_PARENT, "odd-4"
    )  # fmt: skip


@pytest.mark.django_db
def test_row_changed_here_stays_when_it_is_newer(dump: Path, client_for: ClientFor) -> None:
    take(dump)
    client = client_for(User.objects.get(pk=str(Person(1).id)))
    body = {"arg": {"conversationId": uuid("chat", 1), "title": "Mine"}}
    client.post("/api/convos/update", body, content_type="application/json")
    take(dump)
    assert Conversation.objects.get(pk=str(oid("chat", 1))).title == "Mine"


@pytest.mark.django_db
def test_nothing_is_written_when_the_key_is_wrong(dump: Path) -> None:
    wrong = env_file(dump.parent, key="00" * 32)
    done = move_in(dump, "--env", str(wrong))
    assert "CREDS_KEY is not what this database was encrypted with" in done.problem
    assert not User.objects.exists()


@pytest.mark.django_db
def test_messages_are_found_when_they_were_moved(dump: Path, client_for: ClientFor) -> None:
    take(dump)
    client = client_for(User.objects.get(pk=str(Person(0).id)))
    found = client.get("/api/messages", {"search": "parted"}).json()
    assert [each["messageId"] for each in found["messages"]] == ["odd-8"]


@pytest.mark.django_db
def test_roles_keep_what_was_set_here_and_learn_the_rest(dump: Path) -> None:
    Role.objects.update_or_create(
        name="USER", defaults={"permissions": {"PROMPTS": {"CREATE": True}}}
    )
    take(dump)
    stored = {role.name: role.permissions for role in Role.objects.all()}
    assert stored["USER"]["PROMPTS"] == {"CREATE": True, "SHARE": True, "USE": True}
    assert stored["guests"] == {"MEMORIES": {"USE": False}}


@pytest.mark.django_db
def test_groups_have_the_members_who_are_here(dump: Path) -> None:
    done = take(dump)
    sailors, others = Group.objects.order_by("object_id")
    assert (sailors.slug, others.slug) == ("sailors", "sailors-2")
    assert members(sailors) == {"person0@example.com", "person1@example.com"}
    assert members(others) == {"person3@example.com"}
    assert "2 × a member who has no account here" in done.said


def members(group: Group) -> set[str]:
    return set(group.memberships.values_list("user__email", flat=True))


@pytest.mark.django_db
def test_tags_projects_and_presets_are_shown(dump: Path, client_for: ClientFor) -> None:
    take(dump)
    client = client_for(User.objects.get(pk=str(Person(0).id)))
    tags = client.get("/api/tags").json()
    assert [(each["tag"], each["count"], each["position"]) for each in tags] == [
        ("Saved", 3, 1), ("Later", 0, 2)
    ]  # fmt: skip
    found = client.get("/api/convos", {"projectId": str(oid("project", 0))}).json()
    assert [each["title"] for each in found["conversations"]] == ["Chat number 5"]
    presets = client.get("/api/presets").json()
    assert [(each["title"], each.get("defaultPreset")) for each in presets] == [
        ("Preset 1", True), ("Preset 0", None)
    ]  # fmt: skip


@pytest.mark.django_db
def test_second_factor_is_asked_for_as_before(dump: Path, client: Client) -> None:
    take(dump)
    assert sign_in(client, {"token": totp.code_at(TOTP_SECRET, int(time.time()) // 30)}) == 200
    assert sign_in(client, {"backupCode": BACKUP_CODE}) == 200
    assert sign_in(client, {"backupCode": BACKUP_CODE}) == 401


def sign_in(client: Client, proof: dict[str, str]) -> int:
    kind = "application/json"
    body = {"email": "person1@example.com", "password": PASSWORD}
    begun = client.post("/api/auth/login", body, content_type=kind).json()
    assert begun["twoFAPending"] is True
    given = {"tempToken": begun["tempToken"], **proof}
    return client.post("/api/auth/2fa/verify-temp", given, content_type=kind).status_code


@pytest.mark.django_db
def test_people_with_a_second_factor_are_named_when_there_is_no_key(dump: Path) -> None:
    done = move_in(dump)
    assert "LOST 1 × their second factor works with backup codes only" in done.said
    assert User.objects.get(email="person1@example.com").two_factor_enabled


@pytest.mark.django_db
def test_chats_of_a_twin_arrive_when_accounts_are_merged(dump: Path) -> None:
    owner = UserFactory.create(email="person3@example.com")
    done = take(dump, "--merge-accounts")
    assert "another account has its address" not in done.said
    assert Conversation.objects.filter(user=owner).count() >= 2
    assert take(dump, "--merge-accounts").counts("messages")["written"] == 0


@pytest.mark.django_db
def test_links_inside_of_texts_lead_to_where_pictures_are_now(dump: Path) -> None:
    take(dump, "--merge-accounts")
    parts = Message.objects.get(message_id="odd-15").content or []
    assert parts[0]["text"] == (
        f"![f](/images/{Person(0).id}/f.png) ![a](/images/{Person(2).id}/a%20b.png) "
        "[c](https://example.com/images/c.png)"
    )


@pytest.mark.django_db
def test_messages_without_a_chat_get_one_when_they_are_adopted(
    dump: Path, client_for: ClientFor
) -> None:
    done = take(dump, "--adopt-orphans")
    chat = Conversation.objects.get(title="Recovered")
    assert (chat.conversation_id, chat.user_id) == (uuid("nowhere", 0), str(Person(0).id))
    messages = client_for(chat.user).get(f"/api/messages/{chat.conversation_id}").json()
    assert [each["text"] for each in messages] == ["no chat"]
    assert "messages: 1 × messages of a chat that is gone have got one" in done.said
    assert "its chat is not here" not in done.said
    assert take(dump, "--adopt-orphans").counts("messages")["written"] == 0
    assert Conversation.objects.filter(title="Recovered").count() == 1


@pytest.mark.django_db
def test_endpoints_have_the_names_they_have_here(dump: Path) -> None:
    take(dump, "--map-endpoint", "openAI=Harbour")
    for model in (Conversation, Message, PersonalPreset):
        endpoints = set(model.objects.values_list("endpoint", flat=True))
        assert "Harbour" in endpoints
        assert "openAI" not in endpoints
    assert "is not OLD=NEW" in move_in(dump, "--map-endpoint", "openAI").problem


@pytest.mark.django_db
def test_what_is_to_be_skipped_does_not_come(dump: Path) -> None:
    done = take(dump, "--skip", "messages,files")
    assert Conversation.objects.exists()
    assert not Message.objects.exists()
    assert "messages" not in done.said


@pytest.mark.django_db
def test_only_what_was_asked_for_comes(dump: Path) -> None:
    take(dump, "--users", "person1@example.com", "--only", "users,conversations")
    assert set(User.objects.values_list("email", flat=True)) == {"person1@example.com"}
    assert set(Conversation.objects.values_list("user__email", flat=True)) == {
        "person1@example.com"
    }
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_only_what_is_new_comes_when_a_date_is_given(dump: Path) -> None:
    take(dump, "--only", "users,conversations")
    take(dump, "--only", "messages", "--since", "2024-03-01T12:00:00Z")
    assert set(Message.objects.values_list("message_id", flat=True)) == {"odd-twin", "odd-13"}


@pytest.mark.django_db
def test_everything_comes_when_a_server_is_asked_that_fails_at_times(dump: Path) -> None:
    with mongo_server(STRANGE) as server:
        server.cursors_die, server.drops = 2, 2
        env = str(env_file(dump.parent))
        asked = move_in(server.uri, "--env", env)
    assert stored()[2]
    assert take(dump).counts("messages")["written"] == 0
    assert asked.counts("messages")["read"] == len(list(STRANGE.messages()))


@pytest.mark.django_db
def test_files_arrive_with_their_bytes(dump: Path) -> None:
    done = take(dump)
    files = {file.filename: file for file in File.objects.select_related("blob")}
    assert set(files) == {
        "boat again.png", "Notes ä.txt", "gone.txt", "vectors.pdf", "scan.pdf", "far.png",
        "avatar-1700000000000.png",
    }  # fmt: skip
    assert read_bytes(files["Notes ä.txt"].blob) == b"tide"
    assert read_bytes(files["boat again.png"].blob) == PIXEL
    assert files["boat again.png"].path.endswith("__boat.png")
    assert files["scan.pdf"].text == "read by a machine"
    assert done.counts("file")["written"] == 3
    assert "LOST 2 × its bytes were not found" in done.said
    assert set(AwaitedBytes.objects.values_list("file__filename", flat=True)) == {
        "gone.txt", "far.png"
    }  # fmt: skip


@pytest.mark.django_db
def test_bytes_come_with_a_later_run_when_they_were_not_asked_for(dump: Path) -> None:
    env = str(env_file(dump.parent))
    first = move_in(dump, "--env", env)
    assert "LOST 5 × its bytes were not asked for" in first.said
    assert take(dump).counts("file")["written"] == 3


@pytest.mark.django_db
def test_pictures_have_the_addresses_they_had(dump: Path) -> None:
    take(dump)
    owner = User.objects.get(pk=str(Person(0).id))
    message = Message.objects.get(message_id=uuid("message", 0))
    assert owner.avatar == f"/images/{owner.pk}/avatar-1700000000000.png?manual=true"
    addresses = {file.path for file in File.objects.all()}
    assert {message.files[0]["filepath"], owner.avatar.partition("?")[0]} <= addresses


@pytest.mark.django_db
def test_tenants_are_moved_one_at_a_time(tmp_path: Path) -> None:
    directory = tmp_path / "LibreChat"
    directory.mkdir()
    people = [
        {"_id": oid("user", number), "email": f"{name}@example.com", "tenantId": name}
        for number, name in enumerate(("acme", "bolt"))
    ]
    (directory / "users.bson").write_bytes(b"".join(map(bson.encode, people)))
    (directory / "conversations.bson").touch()
    assert "Name one of the tenants with --tenant: acme, bolt." in move_in(tmp_path).problem
    done = move_in(tmp_path, "--tenant", "bolt")
    assert "1 × it belongs to another tenant" in done.said
    assert User.objects.get().email == "bolt@example.com"


@pytest.mark.django_db
def test_bytes_come_from_a_bucket(dump: Path) -> None:
    env = env_file(dump.parent)
    with empty_bucket() as bucket:
        for name, data in STRANGE.kept().items():
            key = f"backup/{name.removeprefix('client/public/')}"
            bucket.client().put_object(Bucket=bucket.name, Key=key, Body=data)
        access = {name: value for name, value in bucket.env.items() if name.startswith("AWS_")}
        access["AWS_ENDPOINT_URL"] = bucket.endpoint
        lines = "".join(f"{name}={value}\n" for name, value in access.items())
        env.write_text(env.read_text() + lines, encoding="utf-8")
        done = move_in(dump, "--env", str(env), "--files", f"s3://{bucket.name}/backup")
    assert done.counts("file")["written"] == 3
    assert "LOST 2 × its bytes were not found" in done.said
    assert read_bytes(File.objects.get(filename="Notes ä.txt").blob) == b"tide"
