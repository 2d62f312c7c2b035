"""The same database, however it is handed over, whole and damaged."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.json_util import JSONMode

from librechat_backend.lib.json import JSONDict
from moving.sources import Damage, Document, Source, SourceUnreadable, open_source
from moving.sources.dump import DumpSource
from tests.moving.dumps import DATABASE, write_archive, write_dump, write_export
from tests.moving.librechat_database import OldDatabase
from tests.moving.mongo_server import mongo_server

OLD = OldDatabase(conversations=6, length=6)
# In this order collections are read; the documents below are the first of them.
NAMES = ("users", "conversations", "messages", "librechatCredentialMetadata")


def contents(source: Source) -> dict[str, list[JSONDict]]:
    """Documents by the order of their ids: MongoDB itself knows no other."""
    found = {name: [each.data for each in documents(source, name)] for name in NAMES}
    return {name: sorted(each, key=lambda data: str(data["_id"])) for name, each in found.items()}


def documents(source: Source, name: str, after: Any = None) -> list[Document]:
    return [each for each in source.read(name, after) if isinstance(each, Document)]


def damages(source: Source, name: str) -> list[str]:
    return [each.problem for each in source.read(name) if isinstance(each, Damage)]


@pytest.fixture
def dump(tmp_path: Path) -> Source:
    return DumpSource(write_dump(tmp_path / "plain", OLD))


def packed(path: Path) -> Path:
    return write_dump(path / "packed", OLD, is_packed=True)


def archive(path: Path) -> Path:
    return write_archive(path / "old.archive", OLD)


def packed_archive(path: Path) -> Path:
    return write_archive(path / "old.gz", OLD, is_packed=True)


def canonical(path: Path) -> Path:
    return write_export(path / "export", OLD, mode=JSONMode.CANONICAL, as_array=False)


def relaxed_array(path: Path) -> Path:
    return write_export(path / "export", OLD, mode=JSONMode.RELAXED, as_array=True)


@pytest.mark.parametrize("write", [packed, archive, packed_archive, canonical, relaxed_array])
def test_documents_are_the_same_in_all_forms(
    dump: Source, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    source = open_source(str(write(tmp_path)), spool=tmp_path / "spool")
    assert set(source.collections()) == set(dump.collections())
    assert contents(source) == contents(dump)


@pytest.mark.parametrize("write", [packed, archive, canonical, relaxed_array])
def test_reading_goes_on_behind_any_document(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    source = open_source(str(write(tmp_path)), spool=tmp_path / "spool")
    every = documents(source, "messages")
    for number in (0, 5, len(every) - 1):
        rest = documents(source, "messages", every[number].position)
        assert [each.data for each in rest] == [each.data for each in every[number + 1 :]]


def test_documents_are_the_same_when_the_server_is_asked(dump: Source, tmp_path: Path) -> None:
    with mongo_server(OLD) as server:
        source = open_source(server.uri, spool=tmp_path)
        assert contents(source) == contents(dump)
        every = documents(source, "messages")
        rest = documents(source, "messages", every[9].position)
        assert [each.data for each in rest] == [each.data for each in every[10:]]
        source.close()


def test_nothing_is_missing_when_cursors_die_and_connections_drop(
    dump: Source, tmp_path: Path
) -> None:
    with mongo_server(OLD) as server:
        source = open_source(server.uri, spool=tmp_path)
        server.cursors_die, server.drops = 2, 2
        assert contents(source)["messages"] == contents(dump)["messages"]
        assert (server.cursors_die, server.drops) == (0, 0)
        source.close()


def test_reading_fails_aloud_when_the_server_stays_away(tmp_path: Path) -> None:
    with mongo_server(OLD) as server:
        source = open_source(f"{server.uri}?serverSelectionTimeoutMS=500", spool=tmp_path)
        server.is_away = True
        with pytest.raises(SourceUnreadable, match="went away"):
            list(source.read("messages"))
        source.close()


def test_password_is_not_said_when_a_server_cannot_be_reached(tmp_path: Path) -> None:
    address = "mongodb://reader:hidden@127.0.0.1:1/LibreChat?serverSelectionTimeoutMS=50"
    with pytest.raises(SourceUnreadable) as raised:
        open_source(address, spool=tmp_path)
    assert "hidden" not in str(raised.value)


def spoilt(tmp_path: Path, spoil: Callable[[bytearray], bytearray]) -> Source:
    directory = write_dump(tmp_path / "spoilt", OLD)
    path = directory / DATABASE / "messages.bson"
    path.write_bytes(spoil(bytearray(path.read_bytes())))
    return DumpSource(directory)


def starts(data: bytearray) -> Iterator[int]:
    start = 0
    while start < len(data):
        yield start
        start += int.from_bytes(data[start : start + 4], "little")


def wrong_length(data: bytearray) -> bytearray:
    third = list(starts(data))[2]
    data[third : third + 4] = b"\xff\xff\xff\x7f"
    return data


def broken_inside(data: bytearray) -> bytearray:
    third = list(starts(data))[2]
    data[third + 4] = 0x3F  # a type there is not
    return data


def zeroed(data: bytearray) -> bytearray:
    third, fourth = list(starts(data))[2:4]
    data[third:fourth] = bytes(fourth - third)
    return data


@pytest.mark.parametrize("spoil", [wrong_length, broken_inside, zeroed])
def test_all_but_the_damaged_document_is_read(
    dump: Source, tmp_path: Path, spoil: Callable[[bytearray], bytearray]
) -> None:
    source = spoilt(tmp_path, spoil)
    every = documents(dump, "messages")
    assert [each.data for each in documents(source, "messages")] == [
        each.data for each in (*every[:2], *every[3:])
    ]
    assert len(damages(source, "messages")) == 1


def test_what_stands_before_is_read_when_a_file_is_cut_off(dump: Source, tmp_path: Path) -> None:
    source = spoilt(tmp_path, lambda data: data[:-10])
    assert len(documents(source, "messages")) == len(documents(dump, "messages")) - 1
    assert "cut off" in damages(source, "messages")[0]


def test_what_stands_before_is_read_when_an_archive_is_cut_off(tmp_path: Path) -> None:
    path = archive(tmp_path)
    path.write_bytes(path.read_bytes()[:-3000])
    source = open_source(str(path), spool=tmp_path / "spool")
    assert source.notes
    assert documents(source, "users")
    assert damages(source, "messages") == ["the archive ends too early, or is damaged; what stood behind is missing"]  # fmt: skip  # noqa: E501


def test_a_change_inside_of_an_archive_is_noticed_by_its_sum(tmp_path: Path) -> None:
    path = archive(tmp_path)
    data = path.read_bytes()
    assert data.count(b"person4@example.com") == 1
    path.write_bytes(data.replace(b"person4@example.com", b"person4@exbmple.com"))
    source = open_source(str(path), spool=tmp_path / "spool")
    assert len(documents(source, "users")) == len(list(OLD.users()))
    assert "its sum is another one" in damages(source, "users")[0]
    assert damages(source, "messages") == []


def test_broken_line_is_left_out_when_json_is_damaged(tmp_path: Path) -> None:
    directory = canonical(tmp_path)
    path = directory / "messages.json"
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join([lines[0], lines[1][:-20], *lines[2:]]), encoding="utf-8")
    source = open_source(str(directory), spool=tmp_path)
    assert len(documents(source, "messages")) == len(lines) - 1
    assert len(damages(source, "messages")) == 1


def test_old_and_strange_json_is_understood(tmp_path: Path) -> None:
    text = (
        '{"_id": {"$oid": "65e18b01936997257cbad579"}, "createdAt": {"$date": 1740823200123},'
        ' "a": {"$numberDouble": "NaN"}, "b": "\\ud83d", "c": {"$undefined": true},\n'
        ' "d": {"$binary": {"base64": "aGk=", "subType": "00"}}, "e": "}{\\"", "f": [{}]}'
    )
    (tmp_path / "LibreChat.users.json").write_text(text, encoding="utf-8")
    (tmp_path / "users.csv").write_text("name\n", encoding="utf-8")
    source = open_source(str(tmp_path), spool=tmp_path)
    (document,) = documents(source, "users")
    data = document.data
    assert data.pop("createdAt").isoformat() == "2025-03-01T10:00:00.123000+00:00"
    assert data == {
        "_id": "65e18b01936997257cbad579", "a": None, "b": "\ufffd", "c": None, "d": "aGk=",
        "e": '}{"', "f": [{}],
    }  # fmt: skip
    assert "CSV" in source.notes[0]


def test_document_of_16_megabytes_and_one_too_deep_are_read(tmp_path: Path) -> None:
    directory = tmp_path / DATABASE
    directory.mkdir()
    deep: dict[str, Any] = {}
    for _ in range(180):
        deep = {"a": deep}
    large = bson.encode({"_id": bson.ObjectId(), "text": "x" * (16 * 1024 * 1024 - 200)})
    small = bson.encode({"_id": bson.ObjectId(), "deep": deep})
    (directory / "users.bson").write_bytes(large + small + large)
    source = DumpSource(directory)
    assert len(documents(source, "users")) == 3


def test_database_has_to_be_named_when_there_are_several(tmp_path: Path) -> None:
    write_dump(tmp_path, OLD)
    (tmp_path / DATABASE).rename(tmp_path / "First")
    write_dump(tmp_path, OLD)
    with pytest.raises(SourceUnreadable, match="First, LibreChat"):
        open_source(str(tmp_path), spool=tmp_path)
    assert open_source(str(tmp_path), spool=tmp_path, database="First").collections()
