"""MongoDB's own server and tools read what leaves here, and write what comes here.

Where they are installed (mongod, mongodump, mongorestore, mongoexport).
"""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pymongo import MongoClient
from pymongo.errors import ConfigurationError

from moving.sources import Document, Source, open_source
from tests.moving.commands import env_file, move_in
from tests.moving.dumps import DATABASE, write_archive, write_dump
from tests.moving.strange_database import StrangeDatabase

TOOLS = ("mongod", "mongodump", "mongorestore", "mongoexport")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
OLD = StrangeDatabase(people=5, conversations=4, length=4)
SECONDS = 60
# There an id of the old database stands twice, which MongoDB does not take.
TWINS = frozenset({"sessions", "tokens"})
PACKINGS = [[], ["--gzip"]]
Documents = dict[str, dict[str, str]]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where a server listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    directory = tmp_path_factory.mktemp("mongod")
    log = directory / "log"
    options = ["--dbpath", str(directory), "--port", str(port), "--logpath", str(log)]
    server = subprocess.Popen(["mongod", "--bind_ip", "127.0.0.1", "--nounixsocket", *options])
    try:
        _run("mongoexport", port, "--db", "admin", "--collection", "none")
        yield port
    finally:
        server.kill()
        server.wait()


def _run(tool: str, port: int, *arguments: str) -> None:
    command = [tool, "--host", "127.0.0.1", "--port", str(port), *arguments]
    subprocess.run(command, check=True, timeout=SECONDS, capture_output=True)


def contents(source: Source) -> Documents:
    """Collection → id → the document, to its last type."""
    names = {name for name, size in source.collections().items() if size and name not in TWINS}
    return {
        name: {
            str(each.data["_id"]): each.extended()
            for each in source.read(name)
            if isinstance(each, Document)
        }
        for name in names
    }


def read(location: Path, directory: Path) -> Documents:
    return contents(open_source(str(location), spool=directory / "spool", database=DATABASE))


@pytest.mark.parametrize("packing", PACKINGS, ids=["plain", "gzip"])
def test_what_the_tools_dump_is_read(port: int, tmp_path: Path, packing: list[str]) -> None:
    written = write_dump(tmp_path / "written", OLD)
    _run("mongorestore", port, "--drop", str(written))
    here, archive = tmp_path / "dump", tmp_path / "archive"
    _run("mongodump", port, "--db", DATABASE, *packing, "--out", str(here))
    _run("mongodump", port, "--db", DATABASE, *packing, f"--archive={archive}")
    assert read(here, tmp_path) == read(archive, tmp_path) == read(written, tmp_path)


def test_archives_of_the_tests_are_archives(port: int, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", OLD)
    _run("mongorestore", port, "--drop", f"--archive={archive}")
    _run("mongodump", port, "--db", DATABASE, "--out", str(tmp_path / "dump"))
    assert read(tmp_path / "dump", tmp_path) == read(archive, tmp_path)


@pytest.mark.parametrize("packing", PACKINGS, ids=["plain", "gzip"])
@pytest.mark.parametrize("is_archive", [False, True], ids=["directory", "archive"])
@pytest.mark.django_db
def test_what_leaves_is_restored(
    port: int, tmp_path: Path, packing: list[str], *, is_archive: bool
) -> None:
    keys = ["--env", str(env_file(tmp_path))]
    move_in(write_dump(tmp_path / "dump", OLD), *keys)
    out = tmp_path / "out"
    named = ["--archive"] if is_archive else []
    call_command("export_librechat", *named, str(out), *packing, *keys, stdout=StringIO())
    where = [f"--archive={out}"] if is_archive else [str(out)]
    _run("mongorestore", port, "--drop", *packing, *where)
    dropped = tmp_path / "again"
    _run("mongodump", port, "--db", DATABASE, "--out", str(dropped))
    left = read(out, tmp_path)
    again = read(dropped, tmp_path)
    assert {name: again[name] for name in left} == left


def test_a_running_server_says_what_its_dump_says(port: int, tmp_path: Path) -> None:
    written = write_dump(tmp_path / "written", OLD)
    _run("mongorestore", port, "--drop", str(written))
    address = f"mongodb://127.0.0.1:{port}/{DATABASE}"
    try:
        with MongoClient[dict[str, str]](address) as client:
            client.admin.command("ping")
    except ConfigurationError as error:
        pytest.skip(f"PyMongo does not speak to this server: {error}")
    source = open_source(address, spool=tmp_path)
    found = contents(source)
    assert found == read(written, tmp_path)
    for name in ("conversations", "messages", "users"):
        every = [each for each in source.read(name) if isinstance(each, Document)]
        for number in (0, 1, len(every) // 2):
            rest = list(source.read(name, every[number].position))
            assert [each.position for each in rest] == [e.position for e in every[number + 1 :]]
