"""``export_librechat``: what is here leaves as LibreChat's own database has it, and comes back."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import bson
import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command

from accounts.access_roles import ResourceType
from accounts.models import (
    AccessEntry,
    Authenticator,
    FavoriteTool,
    Group,
    Role,
    ToolCredential,
    User,
)
from accounts.services.access import make_owner
from accounts.services.groups import add_member, create_group
from conversations.models import (
    Conversation,
    Memory,
    Message,
    Project,
    Prompt,
    PromptGroup,
    SharedLink,
    Tag,
)
from files.models import Blob, File
from files.storage import read_bytes
from librechat_backend.lib.crypto import decrypt, encrypt
from moving.models import AwaitedBytes, KeptDocument, Move
from moving.sealing import unsealed
from moving.secrets import Secrets
from moving.targets.crc64 import CRC64
from presets.models import Assignment, Banner, PersonalPreset, Policy, Preset
from tests.factories import UserFactory
from tests.files.factories import make_file, path_of
from tests.live import LiveServer
from tests.moving.commands import Done, env_file, move_in
from tests.moving.dumps import slow_sum, write_dump, write_kept
from tests.moving.librechat_database import OldDatabase
from tests.moving.librechat_values import CREDS_IV, CREDS_KEY, TOTP_SECRET
from tests.moving.strange_database import StrangeDatabase
from usage.ledger.movements import credit
from usage.models import Balance, LedgerEntry

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
Documents = dict[str, list[dict[str, Any]]]


def leave(*options: str) -> Done:
    out, problem = StringIO(), ""
    try:
        call_command("export_librechat", *options, stdout=out, stderr=StringIO())
    except CommandError as error:
        problem = str(error)
    return Done(out.getvalue(), problem)


def documents(directory: Path) -> Documents:
    """What a directory holds, as any other program reads it."""
    found = {}
    for path in sorted((directory / "LibreChat").glob("*.bson*")):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found[path.name.partition(".")[0]] = bson.decode_all(data)
    return found


def exported(tmp_path: Path, *options: str) -> Documents:
    done = leave(str(tmp_path / "out"), *options)
    assert done.problem == "", done.said
    return documents(tmp_path / "out")


# -- There and back ---------------------------------------------------------------------------

TABLES = (
    User, Project, Tag, PersonalPreset, Conversation, Message, File, SharedLink, PromptGroup,
    Prompt, Memory, Preset, Banner,
)  # fmt: skip
# Without what is made anew each time: ids, and the time at which a balance was taken over.
COLUMNS = {
    AccessEntry: (
        "resource_type", "resource_id", "user_id", "group__object_id", "role_id", "bits",
        "granted_at",
    ),
    Assignment: ("preset_id", "user_id", "group__object_id", "effect"),
    Policy: ("group__object_id", "enforce", "prioritize", "allows_override", "added_endpoints"),
    FavoriteTool: ("user_id", "item_type", "item_id", "created_at"),
    Balance: ("user_id", "credits", "auto_refill", "refill_credits", "last_refill_at"),
    LedgerEntry: ("user_id", "kind", "amount", "cost", "model", "reference", "details"),
}  # fmt: skip


def everything() -> dict[str, Any]:
    """All that import_librechat can write, with secrets opened."""
    rows: dict[str, Any] = {
        model.__name__: sorted(model._default_manager.values(), key=lambda row: row["id"])
        for model in TABLES
    }
    for model, columns in COLUMNS.items():
        rows[model.__name__] = sorted(model._default_manager.values_list(*columns), key=repr)
    rows["keys of tools"] = sorted(
        (row.user_id, row.plugin_key, row.field, decrypt(row.value))
        for row in ToolCredential.objects.all()
    )
    rows["kept"] = sorted(map(opened, KeptDocument.objects.exclude(collection="aclentries")))
    for file in rows["File"]:
        file["metadata"].get("librechat", {}).pop("source", None)  # where its bytes were
    rows["bytes"] = [
        read_bytes(file.blob)
        for file in File.objects.select_related("blob").order_by("pk")
        if file.blob.checksum
    ]
    rows["groups"] = [
        (group.object_id, group.name, group.description,
         sorted(group.memberships.values_list("user_id", "role")))
        for group in Group.objects.order_by("object_id")
    ]  # fmt: skip
    rows["roles"] = list(Role.objects.order_by("name").values("name", "description", "permissions"))
    rows["identities"] = sorted(SocialAccount.objects.values_list("user_id", "provider", "uid"))
    rows["second factors"] = [
        (row.user_id, decrypt(row.secret)) for row in Authenticator.objects.order_by("user_id")
    ]
    return rows


def opened(kept: KeptDocument) -> str:
    """With its secrets, each of which is sealed anew."""
    document = unsealed(kept.content(), lambda sealed, form: f"{form} {decrypt(sealed)}")
    return f"{kept.user_id} {kept.collection} {kept.changed_at} {document}"


def empty_the_house() -> None:
    for model in (LedgerEntry, Preset, User, Group, Move, AwaitedBytes, Blob, Banner, KeptDocument):
        model._default_manager.all().delete()
    Role.objects.exclude(name__in=["ADMIN", "USER"]).delete()


@pytest.mark.parametrize("packed", [[], ["--gzip"]], ids=["plain", "gzip"])
@pytest.mark.parametrize(("named", "seed"), [([], 1), ([], 2), (["--archive"], 3)])
def test_everything_is_the_same_when_it_left_and_came_back(
    db: None, tmp_path: Path, named: list[str], packed: list[str], seed: int
) -> None:
    keys = ["--env", str(env_file(tmp_path))]
    old = StrangeDatabase(people=4 + seed, conversations=10 * seed, length=4 + seed)
    kept = write_kept(tmp_path / "kept", old)
    move_in(write_dump(tmp_path / "dump", old), *keys, "--staff", "--files", str(kept))
    before = everything()
    assert before["bytes"]
    taken = str(tmp_path / "files")
    done = leave(*named, str(tmp_path / "out"), *keys, *packed, "--files", taken)
    assert all(line.startswith("files") for line in done.said.splitlines() if "LOST" in line)
    first = exported(tmp_path / "a", *keys)
    empty_the_house()
    move_in(tmp_path / "out", *keys, "--staff", "--files", taken)
    assert everything() == before
    again = exported(tmp_path / "b", *keys)
    for collection in ("conversations", "messages", "conversationtags", "presets", "files"):
        assert without_origin(again[collection]) == without_origin(first[collection])


def without_origin(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Files that never had bytes say differently where these were."""
    return [{name: each[name] for name in each if name != "source"} for each in found]


def test_a_second_import_changes_nothing_when_nothing_changed(db: None, tmp_path: Path) -> None:
    keys = ["--env", str(env_file(tmp_path))]
    move_in(write_dump(tmp_path / "dump", OldDatabase(with_hazards=False)), *keys)
    exported(tmp_path, *keys)
    done = move_in(tmp_path / "out", *keys)
    for collection in ("users", "conversations", "messages", "conversationtags"):
        counts = done.counts(collection)
        assert counts["written"] == counts["updated"] == 0, collection


# -- The shapes of files ----------------------------------------------------------------------


class Archive:
    """An archive of mongodump, read by the letter of its format."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self.documents: dict[str, bytes] = {}
        self.sums: dict[str, int] = {}
        assert self._take(4) == b"\x6d\xe2\x99\x81"
        self.header = self._document()
        self.collections = [each["collection"] for each in self._until_terminator()]
        while self._at < len(data):
            self._block()

    def _block(self) -> None:
        header = self._document()
        name = header["collection"]
        if header["EOF"]:
            self.sums[name] = header["CRC"]
        begin = self._at
        found = list(self._until_terminator())
        assert not (header["EOF"] and found)
        self.documents[name] = self.documents.get(name, b"") + self._data[begin : self._at - 4]

    def _until_terminator(self) -> Iterator[dict[str, Any]]:
        while self._data[self._at : self._at + 4] != b"\xff\xff\xff\xff":
            yield self._document()
        self._at += 4

    def _document(self) -> dict[str, Any]:
        size = int.from_bytes(self._data[self._at : self._at + 4], "little")
        return bson.decode(self._take(size))

    def _take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]


@pytest.mark.parametrize("data", [b"", b"1", b"123456789", bytes(range(256)) * 70])
def test_the_sum_is_that_of_the_standard(data: bytes) -> None:
    crc = CRC64()
    crc.update(data[:3])
    crc.update(data[3:])
    assert crc.signed() == slow_sum(data)


@pytest.mark.parametrize("packed", [[], ["--gzip"]], ids=["plain", "gzip"])
def test_an_archive_holds_the_same_when_it_is_asked_for(
    db: None, tmp_path: Path, packed: list[str]
) -> None:
    keys = ["--env", str(env_file(tmp_path))]
    move_in(write_dump(tmp_path / "dump", OldDatabase(conversations=3, length=3)), *keys)
    done = leave("--archive", str(tmp_path / "all.archive"), *keys, *packed)
    assert done.problem == "", done.said
    data = (tmp_path / "all.archive").read_bytes()
    archive = Archive(gzip.decompress(data) if packed else data)
    assert archive.header["version"] == "0.1"
    whole = exported(tmp_path, *keys)
    assert set(archive.collections) == set(whole)
    assert bson.decode_all(archive.documents["messages"]) == whole["messages"]
    for name, content in archive.documents.items():
        assert archive.sums[name] == slow_sum(content), name


def test_nothing_is_written_over_when_something_is_there(db: None, tmp_path: Path) -> None:
    (tmp_path / "out" / "LibreChat").mkdir(parents=True)
    assert "Cannot write" in leave(str(tmp_path / "out")).problem
    (tmp_path / "file").write_bytes(b"precious")
    assert "Cannot write" in leave("--archive", str(tmp_path / "file")).problem
    assert (tmp_path / "file").read_bytes() == b"precious"
    assert "Name a directory" in leave().problem


def test_the_status_is_0_when_the_command_has_written_all(tmp_path: Path) -> None:
    server = LiveServer(data_dir=tmp_path / "data")
    server.migrate_quickly()
    try:
        said = server.manage("export_librechat", str(tmp_path / "out"))
        assert "Complete" in said
        assert {each["name"] for each in documents(tmp_path / "out")["roles"]} >= {"USER", "ADMIN"}
    finally:
        server.close()


# -- What people have -------------------------------------------------------------------------


def test_hashes_leave_when_librechat_knows_them(db: None, tmp_path: Path) -> None:
    UserFactory.create(email="new@example.com")
    User.objects.create(email="old@example.com", password="bcrypt$$2a$10$abc")
    User.objects.create(email="none@example.com", password="!")
    done = leave(str(tmp_path / "out"))
    users = {each["email"]: each for each in documents(tmp_path / "out")["users"]}
    assert users["old@example.com"]["password"] == "$2a$10$abc"
    assert "password" not in users["new@example.com"]
    assert "needs a new password (new@example.com)" in done.said
    assert "none@example.com" not in done.said


def test_second_factors_leave_when_there_is_a_key(db: None, tmp_path: Path) -> None:
    user = UserFactory.create(two_factor_enabled=True)
    Authenticator.objects.create(user=user, secret=encrypt(TOTP_SECRET))
    ToolCredential.objects.create(user=user, plugin_key="p", field="F", value=encrypt("sk-tool"))
    done = leave(str(tmp_path / "without"))
    assert "LOST 1 × loses the second factor" in done.said
    assert "Something is missing" in done.problem
    assert documents(tmp_path / "without")["users"][0]["twoFactorEnabled"] is False
    found = exported(tmp_path, "--env", str(env_file(tmp_path)))
    secrets = Secrets(CREDS_KEY, CREDS_IV)
    assert secrets.decrypt(found["users"][0]["totpSecret"]) == TOTP_SECRET
    assert found["users"][0]["totpSecret"].startswith("v3:")
    assert secrets.decrypt(found["pluginauths"][0]["value"]) == "sk-tool"


def test_people_are_in_all_groups_above_when_groups_leave(db: None, tmp_path: Path) -> None:
    user = UserFactory.create()
    above = create_group(actor=None, name="All")
    below = create_group(actor=None, name="Few", parent=above)
    add_member(actor=None, group=below, user=user)
    found = {each["name"]: each for each in exported(tmp_path)["groups"]}
    assert found["All"]["memberIds"] == found["Few"]["memberIds"] == [user.pk]
    assert found["Few"]["_id"] == bson.ObjectId(below.object_id)


def test_only_what_is_theirs_leaves_when_people_are_named(db: None, tmp_path: Path) -> None:
    keys = ["--env", str(env_file(tmp_path))]
    move_in(write_dump(tmp_path / "dump", OldDatabase()), *keys)
    one = User.objects.get(email="person1@example.com")
    found = exported(tmp_path, *keys, "--users", "Person1@example.com")
    assert [each["email"] for each in found["users"]] == ["person1@example.com"]
    assert {each["user"] for each in found["messages"]} == {one.pk}
    assert len(found["messages"]) == Message.objects.filter(user=one).count()
    assert leave(str(tmp_path / "no"), "--users", "nobody@example.com").problem


def test_references_hold_when_prompts_links_and_credits_leave(db: None, tmp_path: Path) -> None:
    user = UserFactory.create()
    chat = Conversation.objects.create(
        conversation_id="c", user=user, tags=["a"], created_at=NOW, updated_at=NOW
    )
    message = Message.objects.create(
        message_id="m", conversation=chat, user=user, text="hi", created_at=NOW, updated_at=NOW
    )
    Tag.objects.create(user=user, name="a", created_at=NOW, updated_at=NOW)
    link = SharedLink.objects.create(
        user=user, conversation=chat, title="t", message_ids=[message.pk],
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    make_owner(user=user, resource_type=ResourceType.SHARED_LINK, resource_id=link.pk)
    group = PromptGroup.objects.create(user=user, name="g", created_at=NOW, updated_at=NOW)
    prompt = Prompt.objects.create(
        group=group, user=user, text="Say {{x}}", created_at=NOW, updated_at=NOW
    )
    PromptGroup.objects.filter(pk=group.pk).update(production=prompt)
    Memory.objects.create(user=user, key="k", value="v", updated_at=NOW)
    FavoriteTool.objects.create(user=user, item_type="tool", item_id="i")
    credit(user=user, amount=7, kind=LedgerEntry.Kind.PAYMENT, reason="paid")
    found = exported(tmp_path)
    oid = bson.ObjectId
    (shared,) = found["sharedlinks"]
    assert (shared["messages"], shared["conversationId"]) == ([oid(message.pk)], "c")
    (entry,) = found["aclentries"]
    assert (entry["resourceId"], entry["principalId"]) == (oid(link.pk), oid(user.pk))
    assert (entry["permBits"], entry["principalModel"]) == (15, "User")
    assert found["promptgroups"][0]["productionId"] == oid(prompt.pk)
    assert found["prompts"][0]["groupId"] == oid(group.pk)
    assert found["memoryentries"][0]["userId"] == oid(user.pk)
    assert found["toolfavorites"][0]["itemId"] == "i"
    assert found["conversationtags"][0]["count"] == 1
    assert found["conversations"][0]["updatedAt"].microsecond == 678000
    balance = found["balances"][0]["tokenCredits"]
    assert sum(each["tokenValue"] for each in found["transactions"]) == balance


def test_bytes_are_below_the_paths_of_the_rows_when_files_leave(db: None, tmp_path: Path) -> None:
    user = UserFactory.create()
    make_file(user, b"hello")
    path_of(make_file(user).blob.key).unlink()
    done = leave(str(tmp_path / "out"), "--files", str(tmp_path / "files"))
    first, second = documents(tmp_path / "out")["files"]
    assert (tmp_path / "files" / first["filepath"].lstrip("/")).read_bytes() == b"hello"
    assert not (tmp_path / "files" / second["filepath"].lstrip("/")).exists()
    assert "LOST 1 × its bytes cannot be read" in done.said


def test_the_rest_leaves_when_a_document_is_too_large(db: None, tmp_path: Path) -> None:
    user = UserFactory.create()
    chat = Conversation.objects.create(
        conversation_id="c", user=user, created_at=NOW, updated_at=NOW
    )
    for name, text in (("large", "x" * 17_000_000), ("small", "hi")):
        Message.objects.create(
            message_id=name, conversation=chat, user=user, text=text, created_at=NOW,
            updated_at=NOW,
        )  # fmt: skip
    done = leave(str(tmp_path / "out"))
    assert "messages: LOST 1 × it is larger than 16 MB" in done.said
    assert [each["text"] for each in documents(tmp_path / "out")["messages"]] == ["hi"]
