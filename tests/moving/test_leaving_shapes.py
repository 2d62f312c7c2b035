"""What leaves has the shapes ``mongorestore`` and LibreChat ask for, to the last type."""

import gzip
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import ObjectId
from django.core.management import call_command

from tests.moving.commands import env_file, move_in
from tests.moving.dumps import write_dump
from tests.moving.whole_database import WholeDatabase

pytestmark = pytest.mark.django_db
# How collections name people and each other: what joins them is lost where the types differ.
TEXTS = {
    "conversations": ("user", "conversationId"), "messages": ("user", "messageId"),
    "presets": ("user",), "conversationtags": ("user",), "sharedlinks": ("user", "shareId"),
    "chatprojects": ("user",), "pluginauths": ("userId",),
}  # fmt: skip
IDS = {
    "files": ("user",), "balances": ("user",), "transactions": ("user",), "agents": ("author",),
    "memoryentries": ("userId",), "prompts": ("author", "groupId"), "keys": ("userId",),
    "promptgroups": ("author", "productionId"), "toolfavorites": ("user",),
    "aclentries": ("resourceId",), "actions": ("user",), "mcpservers": ("author",),
}  # fmt: skip
HAS_DATES = (
    "users", "conversations", "messages", "presets", "conversationtags", "files", "sharedlinks",
    "chatprojects", "agents", "prompts", "promptgroups", "transactions", "aclentries", "groups",
)  # fmt: skip
DIRECTORY = "LibreChat"


@pytest.fixture(params=["plain", "gzip"])
def left(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, bytes]:
    """The names of files → what is in them."""
    keys = ["--env", str(env_file(tmp_path))]
    old = WholeDatabase(conversations=4, length=4, with_hazards=False)
    move_in(write_dump(tmp_path / "dump", old), *keys)
    packed = ["--gzip"] if request.param == "gzip" else []
    options = {"stdout": StringIO(), "stderr": StringIO()}
    call_command("export_librechat", str(tmp_path / "out"), *keys, *packed, **options)
    assert [each.name for each in (tmp_path / "out").iterdir()] == [DIRECTORY]
    files = sorted((tmp_path / "out" / DIRECTORY).iterdir())
    assert all((each.suffix == ".gz") == bool(packed) for each in files)
    return {
        each.name.removesuffix(".gz"): gzip.decompress(each.read_bytes())
        if packed
        else each.read_bytes()
        for each in files
    }


def collections(left: dict[str, bytes]) -> dict[str, list[dict[str, Any]]]:
    return {
        name.removesuffix(".bson"): list(walked(data))
        for name, data in left.items()
        if name.endswith(".bson")
    }


def walked(data: bytes) -> Any:
    """As ``bsondump`` does: by the length each document begins with, to the last byte."""
    start = 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "little")
        assert data[start + size - 1] == 0
        document = bson.decode(data[start : start + size])
        assert len(bson.encode(document)) == size
        yield document
        start += size
    assert start == len(data)


def test_each_collection_is_two_files(left: dict[str, bytes]) -> None:
    names = {name.removesuffix(".bson") for name in left if name.endswith(".bson")}
    assert set(left) == {f"{name}{end}" for name in names for end in (".bson", ".metadata.json")}
    assert names >= {*TEXTS, *IDS, *HAS_DATES}
    seen = set()
    for name in names:
        about = json.loads(left[f"{name}.metadata.json"])
        assert set(about) == {"indexes", "uuid", "collectionName", "type"}
        assert (about["collectionName"], about["type"]) == (name, "collection")
        assert re.fullmatch("[0-9a-f]{32}", about["uuid"])
        assert about["indexes"] == [
            {"v": {"$numberInt": "2"}, "key": {"_id": {"$numberInt": "1"}}, "name": "_id_"}
        ]
        seen.add(about["uuid"])
    assert len(seen) == len(names)


def test_documents_have_the_types_that_join_them(left: dict[str, bytes]) -> None:
    found = collections(left)
    for name, members in TEXTS.items():
        assert found[name], name
        for document in found[name]:
            assert all(type(document[each]) is str for each in members), name
    for name, members in IDS.items():
        assert found[name], name
        for document in found[name]:
            assert all(type(document[each]) is ObjectId for each in members), name
    for name, documents in found.items():
        ids = [document["_id"] for document in documents]
        assert all(type(each) is ObjectId for each in ids), name
        assert len(set(ids)) == len(ids), name
    people = {str(each["_id"]) for each in found["users"]}
    assert {each["user"] for each in found["messages"]} <= people
    assert {str(each["user"]) for each in found["files"]} <= people


def test_dates_are_dates_and_numbers_are_numbers(left: dict[str, bytes]) -> None:
    found = collections(left)
    for name in HAS_DATES:
        for document in found[name]:
            dates = (document["createdAt"], document["updatedAt"])
            assert all(hasattr(each, "year") for each in dates), name
    assert all(type(each["tokenCredits"]) in (int, float) for each in found["balances"])
    assert all(type(each["isCreatedByUser"]) is bool for each in found["messages"])
