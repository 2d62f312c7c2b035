"""Taking everything along, and bringing it back (docs/moving-chats.md)."""

import json
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from accounts.models import User
from conversations.exporting import export_archive
from conversations.models import Conversation, Memory, Message, Project, Prompt, PromptGroup, Tag
from conversations.services.prompts import Version, add_version, create_group
from presets.models import PersonalPreset
from tests.conversations.factories import (
    MOMENT,
    make_answer,
    make_conversation,
    make_memory,
    make_message,
    make_project,
    make_tag,
)
from tests.conversations.imports.conftest import Import, import_file
from tests.conversations.imports.sources import tides
from tests.conversations.test_copies import grown
from tests.factories import UserFactory
from tests.live import live_server

__all__ = ["import_file"]

pytestmark = pytest.mark.django_db


def archive_of(user: User) -> dict[str, list[Any]]:
    """The files of the archive, by their names, as lists of what is in them."""
    with zipfile.ZipFile(BytesIO(packed(user))) as archive:
        assert archive.testzip() is None
        return {name: parsed(name, archive.read(name)) for name in archive.namelist()}


def packed(user: User) -> bytes:
    return b"".join(export_archive(user))


def parsed(name: str, data: bytes) -> list[Any]:
    if name.endswith(".ndjson"):
        return [json.loads(line) for line in data.splitlines()]
    return [json.loads(data)]


def chats_of(user: User) -> list[Any]:
    """Of the archive, without what names projects: those get new ids elsewhere."""
    chats = archive_of(user)["conversations.ndjson"]
    names = {project.pk: project.name for project in Project.objects.filter(user=user)}
    return [chat | {"chatProjectId": names.get(chat["chatProjectId"])} for chat in chats]


PARTS = [
    {"type": "text", "text": "At noon."},
    {"type": "think", "think": "Moon."},
    {"type": "error", "error": "lost", "code": 1},
    {"type": "tool_call", "tool_call": {"id": "1", "name": "x", "args": "{}", "output": "y",
                                        "type": "tool_call", "progress": 1}},
    {"type": "text", "text": "", "agentId": "a____1", "tool_call_ids": ["1"]},
    {"type": "steer", "steer": {"x": [None, 1.5]}},
]  # fmt: skip


@st.composite
def trees(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Messages, each with the number of its parent, or -1, and fields of all kinds."""
    messages = []
    for number in range(draw(st.integers(0, 9))):
        is_user = draw(st.booleans())
        texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
        messages.append({
            "parent": draw(st.integers(-1, number - 1)),
            "is_created_by_user": is_user,
            "text": draw(texts),
            "content": None if is_user else draw(
                st.none() | st.lists(st.sampled_from(PARTS), max_size=3)
            ),
            "sender": draw(st.sampled_from(["", "User", "GPT-4o", "é\n"])),
            "model": draw(st.sampled_from(["", "gpt-4o"])),
            "error": draw(st.booleans()),
            "unfinished": draw(st.booleans()),
            "token_count": draw(st.none() | st.integers(0, 2**31 - 1)),
            "quotes": draw(st.lists(st.sampled_from(["a", "b\nc"]), max_size=2)),
            "feedback": draw(st.sampled_from([None, {"rating": "thumbsUp", "tag": "x"}])),
            "metadata": draw(st.sampled_from([{}, {"k": [1, {"x": None}]}])),
            "files": draw(st.sampled_from([[], [{"file_id": "f", "width": 3}]])),
            "is_parallel": draw(st.booleans()),
            # Several at one moment, as imported ones are.
            "microseconds": draw(st.integers(0, 5000)),
        })  # fmt: skip
    return messages


def plant(user: User, messages: list[dict[str, Any]], **fields: Any) -> Conversation:
    chat = make_conversation(user, **fields)
    made: list[Message] = []
    for fields in messages:
        values = dict(fields)
        parent, offset = values.pop("parent"), values.pop("microseconds")
        date = MOMENT + timedelta(microseconds=offset)
        if parent >= 0:
            values["parent_message_id"] = made[parent].message_id
            date = max(date, made[parent].created_at + timedelta(milliseconds=1))
        made.append(make_message(chat, **values, created_at=date, updated_at=date))
    return chat


@given(messages=trees(), flags=st.tuples(st.booleans(), st.booleans(), st.booleans()))
@examples(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_export_and_import_are_the_identity(
    messages: list[dict[str, Any]], flags: tuple[bool, bool, bool], import_file: Import
) -> None:
    first, second = UserFactory.create(), UserFactory.create()
    is_archived, is_pinned, has_project = flags
    plant(
        first, messages, is_archived=is_archived, is_pinned=is_pinned, title=" Tide\ttables ",
        archived_at=MOMENT if is_archived else None, tags=["sea", "ebb & flow"], files=["f-1"],
        settings={"temperature": 0.4, "promptPrefix": "Be brief.\n"}, spec="sea",
        endpoint_type="custom", icon_url="/x.png",
        project=make_project(first) if has_project else None,
    )  # fmt: skip
    before = chats_of(first)
    done = import_file(second, packed(first), "export.zip")
    assert (done.status, done.problem, done.added, done.report) == ("done", "", 1, [])
    assert chats_of(second) == before
    # Once more, into the same account: nothing is new.
    assert import_file(second, packed(first), "export.zip").known == 1
    assert chats_of(second) == before


def test_imported_chats_survive_export_and_import(
    alice: User, bob: User, import_file: Import
) -> None:
    import_file(alice, [tides(), tides(id="c-2", title="Two")])
    import_file(bob, packed(alice), "export.zip")
    assert chats_of(bob) == chats_of(alice)
    assert import_file(alice, packed(bob), "export.zip").known == 2


def test_everything_else_comes_back(alice: User, bob: User, import_file: Import) -> None:
    make_tag(alice, "sea", description="salt", position=1)
    make_tag(alice, "ebb", position=2)
    make_project(alice, name="Harbour", description="stone")
    make_memory(alice)
    group = create_group(user=alice, version=Version("Old {{x}}"), columns={"name": "Knots"})
    add_version(user=alice, group_id=group.pk, version=Version("New {{x}}"))
    PersonalPreset.objects.create(
        user=alice, preset_id="p-1", title="Calm", endpoint="openAI", model="gpt-4o",
        settings={"temperature": 0.1}, created_at=MOMENT, updated_at=MOMENT,
    )  # fmt: skip
    for _ in range(2):
        done = import_file(bob, packed(alice), "export.zip")
        assert (done.status, done.report) == ("done", [])
    assert list(Tag.objects.filter(user=bob).values_list("name", "description")) == [
        ("sea", "salt"), ("ebb", ""),
    ]  # fmt: skip
    assert list(Project.objects.filter(user=bob).values_list("name", "description")) == [
        ("Harbour", "stone")
    ]
    assert Memory.objects.get(user=bob).value == "Brest is my favourite port."
    copy = PromptGroup.objects.get(user=bob)
    texts = list(Prompt.objects.filter(group=copy).order_by("pk").values_list("text", flat=True))
    assert copy.production is not None
    assert (copy.name, texts, copy.production.text) == (
        "Knots", ["Old {{x}}", "New {{x}}"], "Old {{x}}",
    )  # fmt: skip
    preset = PersonalPreset.objects.get(user=bob)
    assert (preset.title, preset.model, preset.settings) == (
        "Calm", "gpt-4o", {"temperature": 0.1},
    )  # fmt: skip


def test_archive_holds_what_is_its_owners_alone(alice: User, bob: User) -> None:
    mine = grown(alice, {"a": "", "b": "a"}, title="Mine")
    make_answer(mine)
    make_conversation(alice, title="Secret", is_temporary=True)
    grown(bob, {"c": ""}, title="Theirs")
    make_memory(bob)
    files = archive_of(alice)
    assert [chat["title"] for chat in files["conversations.ndjson"]] == ["Mine"]
    assert len(files["conversations.ndjson"][0]["messages"]) == 3
    assert files["memories.ndjson"] == []
    assert files["account.json"][0]["profile"]["email"] == "alice@example.com"
    assert bob.email not in str(files)
    assert set(files) == {
        "manifest.json", "account.json", "projects.ndjson", "bookmarks.ndjson", "presets.ndjson",
        "memories.ndjson", "prompts.ndjson", "shared_links.ndjson", "files.ndjson",
        "conversations.ndjson",
    }  # fmt: skip


def test_lines_of_an_export_are_chats_of_librechat(
    alice: User, bob: User, import_file: Import
) -> None:
    """Without what marks them as ours they are imported as any file of LibreChat's."""
    grown(alice, {"a": "", "b": "a", "c": "a"})
    line = archive_of(alice)["conversations.ndjson"][0]
    del line["format"]
    assert import_file(bob, line).added == 1
    assert Message.objects.filter(user=bob).count() == 3
    assert Conversation.objects.get(user=bob).conversation_id != line["conversationId"]


def test_queries_do_not_grow_with_messages(alice: User) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            list(export_archive(alice))
        return len(queries)

    empty = count()
    grown(alice, {str(n): str(n - 1) if n else "" for n in range(150)})
    # The chats, again until there are none, and the messages of this one.
    assert count() == empty + 3


def test_command_writes_and_reads_an_archive(
    alice: User, bob: User, tmp_path: Path, settings: Any, capsys: Any
) -> None:
    settings.IMPORT_DIR, settings.SPOOL_DIR = tmp_path / "imports", tmp_path / "uploads"
    grown(alice, {"a": "", "b": "a"})
    path = tmp_path / "alice.zip"
    call_command("export_user", "Alice@example.com", "--output", str(path))
    call_command("import_chats", "bob@example.com", str(path))
    assert (
        "Found 1: 1 new, 0 with new messages, 0 here already, 0 skipped." in capsys.readouterr().out
    )
    assert chats_of(bob) == chats_of(alice)
    assert path.exists()
    with pytest.raises(CommandError, match="There is no account"):
        call_command("export_user", "nobody@example.com")
    broken = tmp_path / "broken.json"
    broken.write_text("[")
    with pytest.raises(CommandError, match="The file ends too early, at byte 1."):
        call_command("import_chats", "bob@example.com", str(broken))


def test_export_over_http_is_an_archive_of_ones_own() -> None:
    from tests.files.conftest import new_person

    with live_server(env={"DEMO_PROVIDER": "true"}) as server:
        person = new_person(server.base_url)
        file = ("c.json", json.dumps([tides()]).encode(), "application/json")
        assert person.http.post("/api/convos/import", files={"file": file}).status_code == 201
        answer = person.http.get("/api/export")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-disposition"].startswith('attachment; filename="librechat-')
        with zipfile.ZipFile(BytesIO(answer.content)) as archive:
            chats = archive.read("conversations.ndjson").splitlines()
        assert [json.loads(chat)["title"] for chat in chats] == ["Tides"]
        stranger = new_person(server.base_url)
        with zipfile.ZipFile(BytesIO(stranger.http.get("/api/export").content)) as archive:
            assert archive.read("conversations.ndjson") == b""
        for _ in range(9):
            assert stranger.http.get("/api/export").status_code == 200
        assert stranger.http.get("/api/export").status_code == 429


ACTION = {"action": "export_everything"}
PEOPLE = "/admin/accounts/user/"


@pytest.mark.django_db(transaction=True)
def test_superuser_downloads_everything_and_it_is_logged(alice: User, admin_user: User) -> None:
    grown(alice, {"a": ""}, title="Mine")
    client = Client()
    client.force_login(admin_user)
    answer = client.post(PEOPLE, {**ACTION, "_selected_action": alice.pk})
    with pytest.warns(Warning, match="must consume asynchronous iterators"):
        data = b"".join(answer)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        chats = parsed("conversations.ndjson", archive.read("conversations.ndjson"))
    assert [chat["title"] for chat in chats] == ["Mine"]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (admin_user, alice.pk)
    assert "Everything downloaded, with chats." in entry.change_message


def test_other_staff_cannot_download_chats(alice: User, bob: User) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    client = Client()
    client.force_login(bob)
    assert "export_everything" not in client.get(PEOPLE).content.decode()
    answer = client.post(PEOPLE, {**ACTION, "_selected_action": alice.pk})
    assert (answer.status_code, LogEntry.objects.count()) == (302, 0)
    assert not answer.streaming
