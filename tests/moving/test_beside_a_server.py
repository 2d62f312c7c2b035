"""Moving in while the server runs: people chat meanwhile, and files go where it keeps them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.conversations.chat.live_chat import Person, provider_env, signed_in, text_of_chunks
from tests.conversations.chat.reader import Screen
from tests.live import LiveServer, live_server
from tests.moving.commands import env_file
from tests.moving.dumps import write_dump, write_kept
from tests.moving.librechat_database import OldDatabase
from tests.moving.librechat_values import PASSWORD, PIXEL
from tests.moving.librechat_values import Person as OldPerson
from tests.processes import start_fake_provider
from tests.s3 import Bucket, empty_bucket

LARGE = OldDatabase(people=5, conversations=1_000, length=20, with_hazards=False)
SMALL = OldDatabase(people=3, conversations=5, length=4, with_hazards=False)
CHUNKS, AT_ONCE = 10, 4
WHOLE = text_of_chunks(CHUNKS)


def move(server: LiveServer, directory: Path, old: OldDatabase, files: str = "") -> str:
    """What the command says; it has to be complete."""
    kept = files or str(write_kept(directory / "kept", old))
    dump = directory / "dump"
    if not dump.exists():
        write_dump(dump, old)
    env = directory / "old.env"
    return server.manage("import_librechat", str(dump), "--env", str(env), "--files", kept)


def counted(said: str, collection: str) -> list[int]:
    """read, written, updated, unchanged"""
    line = next(each for each in said.splitlines() if each.split()[:1] == [collection])
    return [int(figure.replace(",", "")) for figure in line.split()[1:5]]


async def chatting(person: Person, until: asyncio.Future[str]) -> list[str]:
    """Chats one after the other; every answer is whole."""
    ids: list[str] = []
    while not until.done():
        started = await person.start(f"[[chunks:{CHUNKS}:0.01]] Go on")
        screen = Screen()
        assert await person.watch(started["streamId"], screen)
        assert screen.final_text == WHOLE
        ids.append(started["conversationId"])
    return ids


async def test_people_chat_while_others_move_in(tmp_path: Path) -> None:
    env_file(tmp_path)
    with start_fake_provider() as fake, live_server(env=provider_env(fake)) as server:
        person = signed_in(server)
        moving = asyncio.ensure_future(asyncio.to_thread(move, server, tmp_path, LARGE))
        chats = await asyncio.gather(*(chatting(person, moving) for _ in range(AT_ONCE)))
        said = await moving
        assert "\nComplete" in said
        messages = len(list(LARGE.messages()))
        assert counted(said, "messages")[:2] == [messages, messages]
        ids = [name for each in chats for name in each]
        assert len(ids) >= 2 * AT_ONCE
        for name in ids:
            (answer,) = await person.answers(name)
            assert "".join(part.get("text", "") for part in answer["content"]) == WHOLE
        await person.close()
        again = await asyncio.to_thread(move, server, tmp_path, LARGE)
        assert counted(again, "messages") == [messages, 0, 0, messages]
        assert server.sign_in(OldPerson(0).email, PASSWORD)


def from_directory(directory: Path, bucket: Bucket) -> str:
    return str(write_kept(directory / "kept", SMALL))


def from_bucket(directory: Path, bucket: Bucket) -> str:
    access = {name: value for name, value in bucket.env.items() if name.startswith("AWS_")}
    lines = [f"{name}={value}\n" for name, value in access.items()]
    with (directory / "old.env").open("a") as env:
        env.write("".join([*lines, f"AWS_ENDPOINT_URL={bucket.endpoint}\n"]))
    for name, data in SMALL.kept().items():
        key = f"old/{name.removeprefix('client/public/')}"
        bucket.client().put_object(Bucket=bucket.name, Key=key, Body=data)
    return f"s3://{bucket.name}/old"


@pytest.mark.parametrize("origin", [from_directory, from_bucket])
def test_files_move_into_a_bucket_and_are_sent_from_there(
    tmp_path: Path, origin: Callable[[Path, Bucket], str]
) -> None:
    env_file(tmp_path)
    with empty_bucket() as bucket, live_server(env=bucket.env) as server:
        files = origin(tmp_path, bucket)
        said = move(server, tmp_path, SMALL, files)
        assert "\nComplete" in said
        stored = {key for key in bucket.keys() if not key.startswith("old/")}
        bodies = [
            bucket.client().get_object(Bucket=bucket.name, Key=key)["Body"].read() for key in stored
        ]
        assert sorted(bodies) == sorted(SMALL.kept().values())
        token = server.sign_in(OldPerson(0).email, PASSWORD)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.base_url, headers=headers, timeout=30) as person:
            listed = {each["filename"]: each for each in person.get("/api/files").json()}
            notes = listed["Notes ä.txt"]
            path = f"/api/files/download/{OldPerson(0).id}/{notes['file_id']}"
            assert person.get(path, follow_redirects=True).content == b"tide"
            assert listed["boat.png"]["bytes"] == len(PIXEL)
