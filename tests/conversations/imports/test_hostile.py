"""Files that are wrong on purpose: refused or taken, never half, and the server stays up."""

import json
import struct
import sys
import zipfile
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from accounts.models import User
from conversations.chat.context import history
from conversations.imports import reading
from conversations.models import Conversation, Message
from librechat_backend.lib.ids import NO_PARENT
from tests.conversations.imports.conftest import Import, zipped
from tests.conversations.imports.sources import chatgpt, claude, librechat, node, said, tides

pytestmark = pytest.mark.django_db

DEPTH = sys.getrecursionlimit() + 500


def nested(depth: int) -> bytes:
    """LibreChat's recursive form; too deep for any writer of JSON, so written by hand."""
    start = json.dumps(librechat([], recursive=True))[:-3]  # without what closes the list
    opened = "".join(
        f'{{"messageId": "m{n}", "text": "word{n}", "isCreatedByUser": true, "children": ['
        for n in range(depth)
    )
    return f"{start}[{opened}{']}' * depth}]}}".encode()


def chain(depth: int) -> list[dict[str, Any]]:
    nodes = (node(f"m{n}", f"m{n - 1}" if n else None, f"word{n}") for n in range(depth))
    return [chatgpt(*nodes)]


@pytest.mark.parametrize("make", [nested, chain])
def test_deep_tree_can_be_listed_opened_forked_and_searched(
    make: Any, alice: User, import_file: Import, client: Client
) -> None:
    done = import_file(alice, make(DEPTH))
    assert (done.status, done.problem, done.added) == ("done", "", 1)
    listed = client.get("/api/convos").json()["conversations"]
    chat_id = listed[0]["conversationId"]
    messages = client.get(f"/api/messages/{chat_id}").json()
    parents = {message["text"]: message["parentMessageId"] for message in messages}
    ids = {message["text"]: message["messageId"] for message in messages}
    assert len(messages) == DEPTH
    assert parents["word0"] == NO_PARENT
    assert all(parents[f"word{n}"] == ids[f"word{n - 1}"] for n in range(1, DEPTH))
    found = client.get("/api/messages", {"search": f"word{DEPTH - 1}"}).json()
    assert [message["messageId"] for message in found["messages"]] == [ids[f"word{DEPTH - 1}"]]
    fork = {"conversationId": chat_id, "messageId": ids[f"word{DEPTH - 1}"]}
    for option in ("directPath", "targetLevel", "includeBranches"):
        answer = client.post("/api/convos/fork", {**fork, "option": option}, "application/json")
        assert len(answer.json()["messages"]) == DEPTH, option


def test_cycles_and_self_parents_become_trees(alice: User, import_file: Import) -> None:
    cycle = [said("a", "c"), said("b", "a"), said("c", "b"), said("self", "self")]
    import_file(alice, librechat(cycle))
    parents = dict(Message.objects.values_list("message_id", "parent_message_id"))
    for message_id in parents:
        seen = set()
        while message_id != NO_PARENT:
            assert message_id not in seen
            seen.add(message_id)
            message_id = parents[message_id]
    assert len(parents) == 4


def test_chatgpt_cycle_of_passed_over_nodes_ends(alice: User, import_file: Import) -> None:
    nodes = [
        node("x", "y", role="system"),
        node("y", "x", role="system"),
        node("r", "r", role="assistant", kind="reasoning_recap"),
        node("a", "x", "one", role="assistant"),
        node("b", "r", "two", role="assistant"),
    ]
    import_file(alice, [chatgpt(*nodes)])
    assert set(Message.objects.values_list("parent_message_id", flat=True)) == {NO_PARENT}


def test_repeated_ids_lose_no_message(alice: User, import_file: Import) -> None:
    import_file(alice, librechat([said("a", None), said("a", None, text="twin"), said("b", "a")]))
    assert set(Message.objects.values_list("text", flat=True)) == {"text of a", "twin", "text of b"}


def test_unstorable_characters_are_replaced(alice: User, import_file: Import) -> None:
    text = "a\x00b\ud83dc \U0001f600"
    chat = librechat(
        [said("\x00\ud83d", None, text=text, metadata={"k\x00": ["\ud83d"]}, sender=text)],
        title=text, tags=[text], conversationId=text,
    )  # fmt: skip
    import_file(alice, chat)
    message = Message.objects.get()
    assert message.text in ("ab?c \U0001f600", "ab\ufffdc \U0001f600")
    assert list(message.metadata) == ["k"]
    assert Conversation.objects.get().title == message.text


def test_unstorable_characters_in_the_arguments_of_a_tool_are_replaced(
    alice: User, import_file: Import
) -> None:
    call = {"type": "tool_call", "tool_call": {"id": "1", "name": "add", "args": "a\x00b"}}
    import_file(alice, librechat([said("a", None, isCreatedByUser=False, content=[call])]))
    (part,) = Message.objects.get().content or []
    assert part["tool_call"]["args"] == "ab"


def test_large_message_is_kept_whole(alice: User, import_file: Import, client: Client) -> None:
    text = "high tide " * 1_000_000
    import_file(alice, [claude(chat_messages=[{"uuid": "m", "sender": "human", "text": text}])])
    assert Message.objects.get().text == text
    chat_id = Conversation.objects.get().conversation_id
    assert client.get(f"/api/messages/{chat_id}").json()[0]["text"] == text


def test_only_so_many_tags_are_kept(alice: User, import_file: Import, client: Client) -> None:
    chat = librechat([said("a", None)], tags=[f"t{n}" for n in range(1_000_000)])
    import_file(alice, chat)
    assert Conversation.objects.get().tags == [f"t{n}" for n in range(1000)]


@pytest.mark.parametrize(
    "date",
    [1e300, -1, 0, "NaN", "soon", "2025-13-45", "", [], {}, True, 10**18, "9999-12-31T00:00:00Z",
     "0001-01-01T00:00:00Z", 4e9, "2025-03-04T05:06:07+99:00"],
)  # fmt: skip
def test_impossible_date_counts_as_none(date: Any, alice: User, import_file: Import) -> None:
    import_file(alice, [tides(create_time=date), claude(created_at=date)])
    chats = list(Conversation.objects.all())
    assert len(chats) == 2
    assert {chat.created_at.year for chat in chats} == {chats[0].created_at.today().year}
    import_file(alice, librechat([said("a", None, createdAt=date)]))


def test_long_number_is_refused(alice: User, import_file: Import) -> None:
    done = import_file(alice, b'[{"mapping": {}, "create_time": ' + b"9" * 20_000 + b"}]")
    assert done.status == "failed"
    assert done.problem.startswith("The file cannot be read from byte ")


PARTS = [
    {"type": "text", "text": 7},
    {"type": "text", "text": {"value": "value"}},
    {"type": "think"},
    {"type": "tool_call", "tool_call": None},
    {"type": "tool_call", "tool_call": {"name": "search", "args": {"q": 1}, "output": ["x"]}},
    {"type": "image_file", "image_file": "x"},
    {"type": "hologram", "hologram": [1]},
    {"type": 4},
    "bare",
    None,
    [[]],
]


def test_parts_of_unknown_kinds_do_no_harm(
    alice: User, import_file: Import, client: Client
) -> None:
    answer = said("a", None, isCreatedByUser=False, text="", content=PARTS)
    import_file(alice, librechat([answer]))
    content: Any = Message.objects.get().content
    assert len(content) == len(PARTS)
    assert content[1] == {"type": "text", "text": "value"}
    assert content[4]["tool_call"] == {
        "id": "", "name": "search", "args": '{\n  "q": 1\n}', "output": '[\n  "x"\n]',
    }  # fmt: skip
    assert content[6] == {"type": "hologram", "hologram": [1]}
    for part in content:
        assert isinstance(part["type"], str)
        assert part["type"] not in ("text", "think") or isinstance(part[part["type"]], str)
    chat_id = Conversation.objects.get().conversation_id
    assert client.get(f"/api/messages/{chat_id}").status_code == 200
    said_before = history(list(Message.objects.rows()))  # what a model is told when it goes on
    assert [message.role for message in said_before] == ["assistant", "tool", "assistant"]


def test_deep_values_are_cut_off(alice: User, import_file: Import, client: Client) -> None:
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    message = json.dumps(said("a", None, metadata="@")).encode().replace(b'"@"', deep)
    chat = json.dumps(librechat([])).encode().replace(b'"messages": []', b'"messages": [@]')
    done = import_file(alice, chat.replace(b"@", message))
    assert (done.status, done.added) == ("done", 1)
    chat_id = Conversation.objects.get().conversation_id
    assert client.get(f"/api/messages/{chat_id}").status_code == 200


def test_chat_that_is_too_large_is_passed_over(
    alice: User, import_file: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHAT_BYTES_MAX", 200_000)
    big = tides(id="big", title="x" * 400_000)
    done = import_file(alice, [tides(id="c-1"), big, tides(id="c-2")])
    assert (done.added, done.skipped, done.report[0]["number"]) == (2, 1, 2)
    assert done.report[0]["reason"].startswith("It is larger than")


# -- Archives ------------------------------------------------------------------------------


def test_archive_that_unpacks_to_too_much_is_refused(
    alice: User, import_file: Import, settings: Any
) -> None:
    settings.CONVERSATION_IMPORT_MAX_FILE_SIZE = 10_000
    archive = zipped({"conversations.json": b"[" + b" " * 200_000 + b"]"})
    done = import_file(alice, archive, "bomb.zip")
    assert (done.status, done.problem) == ("failed", "What is in the archive is too large.")


def test_archive_that_lies_about_its_size_is_refused(alice: User, import_file: Import) -> None:
    archive = bytearray(zipped({"conversations.json": b"[" + b" " * 500_000 + b"]"}))
    place = archive.rindex(b"PK\x01\x02") + 24  # the size in the directory
    archive[place : place + 4] = struct.pack("<I", 100)
    done = import_file(alice, bytes(archive), "bomb.zip")
    assert done.status == "failed"
    assert Conversation.objects.count() == 0


def test_archive_within_an_archive_is_not_opened(alice: User, import_file: Import) -> None:
    inner = zipped({"conversations.json": [tides()]})
    done = import_file(alice, zipped({"conversations.zip": inner}), "x.zip")
    assert done.problem == "There is no conversations.json in the archive."


def test_names_in_an_archive_lead_nowhere(alice: User, import_file: Import, tmp_path: Any) -> None:
    names = ["../../../conversations.json", "/etc/conversations.json", "C:\\conversations.json"]
    chats = {name: [tides(id=name)] for name in names}
    before = {path.name for path in tmp_path.iterdir()}
    done = import_file(alice, zipped(chats), "x.zip")
    assert (done.status, done.added) == ("done", 3)
    assert {path.name for path in tmp_path.iterdir()} - before <= {"imports"}


def test_encrypted_archive_is_refused(alice: User, import_file: Import) -> None:
    archive = bytearray(zipped({"conversations.json": [tides()]}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(signature) + offset] |= 1
    assert import_file(alice, bytes(archive), "x.zip").problem == "The archive is encrypted."


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_archive_cut_short_is_refused(keep: float, alice: User, import_file: Import) -> None:
    archive = zipped({"conversations.json": [tides(id=str(n)) for n in range(50)]})
    done = import_file(alice, archive[: int(len(archive) * keep)], "x.zip")
    assert (done.status, done.problem) == ("failed", "The archive is damaged.")


def test_archive_with_spoilt_bytes_is_refused(alice: User, import_file: Import) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("conversations.json", json.dumps([tides()]))
    data = bytearray(buffer.getvalue())
    data[data.index(b"Tides")] ^= 1
    done = import_file(alice, bytes(data), "x.zip")
    assert done.problem.startswith("The archive is damaged.")


# -- Anything ------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["mapping", "message", "content", "parts", "author", "role", "parent",
                         "chat_messages", "text", "type", "messages", "children", "options"]),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(value=VALUES, other=VALUES)
@examples(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_wrong_types_anywhere_stop_nothing(
    value: Any, other: Any, alice: User, import_file: Import
) -> None:
    mutants = [
        {"mapping": value, "title": other, "create_time": other, "id": other},
        {"mapping": {"a": {"message": {"author": value, "content": {"content_type": "text",
         "parts": other}, "metadata": value}, "parent": other}}},
        {"mapping": {"a": value, "b": {"message": other}}},
        {"chat_messages": [value, {"content": other, "text": value}], "name": other},
        {"conversationId": "x", "messages": [value, {"text": value, "content": other,
         "children": value, "files": other, "feedback": other}], "options": other, "tags": value},
        {"version": other, "history": [value, {"messages": value, "model": other}]},
    ]  # fmt: skip
    for mutant in mutants:
        content = mutant if "history" in mutant or "messages" in mutant else [mutant]
        done = import_file(alice, content)
        assert done.status in ("done", "failed")
        assert done.found == done.added + done.extended + done.known + done.skipped
