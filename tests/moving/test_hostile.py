"""Sources somebody made in order to harm: reported, never followed, never fatal to the rest."""

import gzip
import logging
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import pytest

from accounts.models import User
from conversations.models import Conversation, Message
from files.models import File
from files.storage import read_bytes
from moving.sources import SourceUnreadable, open_source
from tests.moving.commands import Done, env_file, move_in
from tests.moving.dumps import write_archive, write_dump, write_export
from tests.moving.few_documents import ANN, BEN, DATES, FewDocuments, chat, message, take, user
from tests.moving.librechat_database import OldDatabase
from tests.moving.librechat_values import BEGIN, CREDS_IV, CREDS_KEY, PASSWORD, TOTP_SECRET, oid, v3

pytestmark = pytest.mark.django_db
LATER: dict[str, Any] = {"createdAt": BEGIN, "updatedAt": BEGIN.replace(year=2030)}
ESCAPE = "\x1b]0;owned\x07<script>alert(1)</script>"


# -- What cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2**31 - 1, -1, 0, 4, 47 * 1024 * 1024])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_size_that_is_a_lie_costs_that_document(
    tmp_path: Path, size: int, is_packed: bool
) -> None:
    write_dump(tmp_path, FewDocuments(found={"users": [user()], "messages": []}))
    data = size.to_bytes(4, "little", signed=True) + b"\x07_id\x00" + b"x" * 40
    data += b"".join(bson.encode(each) for each in (user(BEN, "ben@example.com"), user()))
    path = tmp_path / "LibreChat" / "users.bson"
    path.unlink()
    if is_packed:
        path.with_suffix(".bson.gz").write_bytes(gzip.compress(data))
    else:
        path.write_bytes(data)
    done = move_in(tmp_path)
    assert "users: LOST 1 × it is damaged in the source (at byte 0: " in done.said
    assert set(User.objects.values_list("email", flat=True)) == {
        "ann@example.com",
        "ben@example.com",
    }


def nested(depth: int) -> Any:
    value: Any = {"x": 1}
    for _ in range(depth):
        value = {"x": [value]}
    return value


def nested_bson(depth: int) -> bytes:
    """Deeper than the library would write it."""
    value = bson.encode({"x": 1})
    for _ in range(depth):
        value = (len(value) + 8).to_bytes(4, "little") + b"\x03x\x00" + value + b"\x00"
    name = b"\x07_id\x00" + oid("deep", depth).binary + b"\x03tools\x00" + value
    return (len(name) + 5).to_bytes(4, "little") + name + b"\x00"


@pytest.mark.one_database
@pytest.mark.parametrize("depth", [60, 450, 5_000, 200_000])
@pytest.mark.parametrize("collection", ["messages", "agents", "skills"])
def test_what_is_nested_without_end_stops_nothing(
    tmp_path: Path, collection: str, depth: int
) -> None:
    write_dump(tmp_path, FewDocuments(found={"users": [user()], collection: []}))
    (tmp_path / "LibreChat" / f"{collection}.bson").write_bytes(nested_bson(depth))
    done = move_in(tmp_path)
    assert done.counts(collection)["read"] == 1
    assert User.objects.count() == 1


def test_nested_json_stops_nothing(tmp_path: Path) -> None:
    found = {"users": [user()], "messages": [message()], "conversations": [chat()]}
    write_export(tmp_path / "old", FewDocuments(found=found), mode=2, as_array=False)
    (tmp_path / "old" / "agents.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    done = move_in(tmp_path / "old")
    assert "agents: LOST 1 × it is damaged in the source (at byte 0: " in done.said
    assert Message.objects.count() == 1


@pytest.mark.parametrize("data", [b"", b"\x6d", b"PK\x03\x04" + b"x" * 99, b"\x1f\x8b\x08", b"{}"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "old.archive"
    path.write_bytes(data)
    assert "is neither a directory nor an archive of mongodump" in move_in(path).problem


def test_a_file_that_unpacks_to_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    write_dump(tmp_path, FewDocuments(found={"users": [user()]}))
    with gzip.open(tmp_path / "LibreChat" / "messages.bson.gz", "wb", compresslevel=1) as file:
        for _ in range(512):
            file.write(b"\0" * 1024 * 1024)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = move_in(tmp_path)
    assert "it is damaged in the source (at byte 0: no document begins here" in done.said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_no_room_for_an_archive_is_no_damage_of_it(tmp_path: Path) -> None:
    messages = [message(number, text="x" * 4096) for number in range(500)]
    path = write_archive(
        tmp_path / "old", FewDocuments(found={"users": [user()], "messages": messages})
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, before[1]))
    try:
        with pytest.raises(SourceUnreadable, match="cannot be taken apart"):
            open_source(str(path), spool=tmp_path / "spool")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert open_source(str(path), spool=tmp_path / "spool").collections()["messages"] > 2_000_000


# -- What belongs to others ------------------------------------------------------------------------


def test_a_message_that_names_somebody_elses_chat_is_not_in_it(tmp_path: Path) -> None:
    done = take(
        tmp_path,
        users=[user(), user(BEN, "ben@example.com")],
        conversations=[chat()],
        messages=[message(), message(1, user=str(BEN), text="planted")],
    )
    assert "messages: 1 × its chat is not here" in done.said
    assert Message.objects.get().text == "word"


def test_nobodys_rows_are_taken_over_by_an_id_that_is_theirs(tmp_path: Path) -> None:
    """A second source may say any id it likes."""
    take(tmp_path / "one", users=[user()], conversations=[chat()], messages=[message()])
    theirs: dict[str, Any] = {"user": str(BEN), **LATER}
    done = take(
        tmp_path / "two",
        users=[user(BEN, "ben@example.com")],
        conversations=[
            chat(title="stolen", **theirs),
            chat(1, **theirs),
        ],
        messages=[
            message(conversationId=chat(1)["conversationId"], text="stolen", **theirs),
            message(7, conversationId=chat(1)["conversationId"], text="own", **theirs),
        ],
    )
    for name in ("conversations", "messages"):
        assert f"{name}: LOST 1 × its id is that of somebody else's here" in done.said
        assert done.counts(name)["written"] == 1
    ann, ben = str(ANN), str(BEN)
    assert list(Message.objects.order_by("pk").values_list("user_id", "text")) == [
        (ann, "word"), (ben, "own"),
    ]  # fmt: skip
    assert Conversation.objects.get(user_id=ann).title == "New Chat"
    assert "WRONG" not in done.said


def test_parents_in_circles_of_any_length_have_a_beginning(tmp_path: Path) -> None:
    circle = [message(n) for n in range(40)]
    for number, each in enumerate(circle):
        each["parentMessageId"] = circle[(number + 1) % 40]["messageId"]
    done = take(tmp_path, users=[user()], conversations=[chat()], messages=circle)
    assert "messages: 1 × was in a circle of parents" in done.said
    parents = dict(Message.objects.values_list("message_id", "parent_message_id"))
    assert len(set(parents) & set(parents.values())) == 39


def test_titles_of_a_million_characters_are_shortened(tmp_path: Path) -> None:
    done = take(tmp_path, users=[user()], conversations=[chat(title="ä" * 10**6)])
    assert "conversations: 1 × “title” was longer than the 1024" in done.said
    assert Conversation.objects.get().title == "ä" * 1024


# -- Files -----------------------------------------------------------------------------------------


def place(directory: Path) -> Path:
    """An old server's directory, with ways out of it."""
    root, own = directory / "server", f"images/{ANN}"
    (root / own).mkdir(parents=True)
    (directory / "secret.png").write_bytes(b"outside")
    (root / ".env").write_text("CREDS_KEY=inside")
    (root / own / "link.png").symlink_to(directory / "secret.png")
    (root / "images" / str(BEN)).symlink_to(directory)
    (root / own / "loop.png").symlink_to(root / own / "loop.png")
    (root / own / "good.png").write_bytes(b"good")
    os.mkfifo(root / own / "pipe.png")
    (root / own / "folder.png").mkdir()
    return root


@pytest.mark.parametrize("kept", [
    {"filepath": f"/images/{ANN}/link.png"},
    {"filepath": f"/images/{BEN}/secret.png"},
    {"filepath": f"/images/{ANN}/../../../secret.png"},
    {"filepath": f"/x/../../images/{ANN}/good.png"},
    {"filepath": f"/images/{ANN}/%2e%2e/%2e%2e/%2e%2e/secret.png"},
    {"filepath": f"/images/{ANN}/loop.png"},
    {"filepath": f"/images/{ANN}/pipe.png"},
    {"filepath": f"/images/{ANN}/folder.png"},
    {"filepath": f"/images/{ANN}/{'n' * 900}.png"},
    {"storageKey": ".env"},
    {"storageKey": "/etc/passwd"},
    {"storageKey": "../secret.png"},
    {"storageKey": f"images/{ANN}/../../.env"},
    {"storageKey": f"../../images/{ANN}/good.png"},
])  # fmt: skip
def test_nothing_is_read_but_what_the_old_server_kept(tmp_path: Path, kept: dict[str, str]) -> None:
    bad = {"_id": oid("file", 0), "user": ANN, "file_id": "bad", "filename": "bad.png", **DATES}
    good = bad | {
        "_id": oid("file", 1), "file_id": "good", "filepath": f"/images/{ANN}/good.png",
    }  # fmt: skip
    root = place(tmp_path)
    done = take(tmp_path / "dump", "--files", str(root), users=[user()], files=[bad | kept, good])
    assert done.counts("file")["written"] == 1
    assert read_bytes(File.objects.get(file_id="good").blob) == b"good"
    assert File.objects.get(file_id="bad").blob.checksum == ""


# -- What is said ----------------------------------------------------------------------------------


def named_collection(directory: Path) -> Done:
    write_dump(directory, FewDocuments(found={"users": [user()]}))
    (directory / "LibreChat" / "%1b%5dx%3cscript%3e.bson").write_bytes(bson.encode({"a": 1}))
    return move_in(directory, "--report", str(directory / "report.html"))


def named_tenants(directory: Path) -> Done:
    return take(directory, users=[user(tenantId=ESCAPE), user(BEN, "b@example.com", tenantId="b")])


def named_database(directory: Path) -> Done:
    for name in ("a", "b\x1b]0;"):
        write_dump(directory / "dump", FewDocuments(found={"users": []}))
        (directory / "dump" / "LibreChat").rename(directory / "dump" / name)
    return move_in(directory / "dump")


@pytest.mark.parametrize("make", [named_collection, named_tenants, named_database])
def test_no_name_of_a_source_is_an_order_to_a_terminal(
    tmp_path: Path, make: Callable[[Path], Done], capfd: pytest.CaptureFixture[str]
) -> None:
    done = make(tmp_path)
    shown = capfd.readouterr()
    for said in (done.said, done.problem, shown.out, shown.err):
        assert "\x1b" not in said
    assert "\ufffd" in done.said + done.problem
    if (tmp_path / "report.html").exists():
        assert "<script>" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("creds_key", [CREDS_KEY, "0" * 64])
def test_secrets_are_in_no_report_and_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
    creds_key: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    page = tmp_path / "report.html"
    write_dump(tmp_path / "dump", OldDatabase(people=3, conversations=2, length=2))
    plugin = {"userId": str(ANN), "authField": "KEY", "value": v3("sk-of-a-tool"), **DATES}
    (tmp_path / "dump" / "LibreChat" / "pluginauths.bson").write_bytes(
        bson.encode({"_id": oid("plugin", 0), **plugin})
    )
    env = env_file(tmp_path, key=creds_key)
    done = move_in(tmp_path / "dump", "--env", str(env), "--report", str(page))
    shown = capfd.readouterr()
    told = [done.said, done.problem, shown.out, shown.err, caplog.text]
    told += [page.read_text()] if page.exists() else []
    secrets = (PASSWORD, TOTP_SECRET, "$2a$10$", creds_key, CREDS_IV, v3(TOTP_SECRET), "sk-of-a")
    for secret in secrets:
        assert not any(secret in text for text in told), secret
