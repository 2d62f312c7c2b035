"""Files of shared links (contract 03 §9.9): who may open the link may open them, nobody else."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from accounts.access_roles import PUBLIC, AccessBits, ResourceType
from accounts.models import User
from accounts.services.access import grant
from conversations.models import Conversation, SharedLink
from conversations.services.links import create_link, update_link
from files import storage
from files.models import File
from files.services.storing import begin_blob
from librechat_backend.lib.aio import in_database
from tests.conversations.chat.scripted import Answer, ChatClient
from tests.conversations.factories import make_conversation, make_message
from tests.files import samples

pytestmark = pytest.mark.django_db(transaction=True)

NO_FILE = {"message": "File not found in shared link"}
GONE = {"message": "File no longer available"}


@pytest.fixture(autouse=True)
def rules(settings: Any) -> None:
    settings.ALLOW_SHARED_LINKS_PUBLIC = True


def make_file(user: User, tmp_path: Path, *, content: bytes = b"", **fields: Any) -> File:
    content = content or samples.picture()
    source = tmp_path / f"{user.username}-upload"
    source.write_bytes(content)
    blob = begin_blob()
    storage.store(blob.storage).write(blob.key, source)
    blob.byte_count, blob.checksum = len(content), hashlib.sha256(content).hexdigest()
    blob.save()
    values = {
        "filename": "tides.png", "media_type": "image/png", "width": 40, "height": 20,
        "name": f"{blob.pk}.png", "byte_count": len(content),
    }  # fmt: skip
    return File.objects.create(user=user, blob=blob, **{**values, **fields})


def make_chat(user: User, *files: File) -> Conversation:
    chat = make_conversation(user)
    make_message(chat, files=[{"file_id": f.file_id, "filename": f.filename} for f in files])
    return chat


@pytest.fixture
def file(alice: User, tmp_path: Path) -> File:
    return make_file(alice, tmp_path)


@pytest.fixture
def link(alice: User, file: File) -> SharedLink:
    """For everybody, as the default role makes them."""
    chat = make_chat(alice, file)
    return create_link(user=alice, conversation_id=chat.conversation_id)


async def ask(user: User | None, link: SharedLink, file_id: str, rest: str = "") -> Answer:
    url = f"/api/share/{link.share_id}/files/{file_id}{rest}"
    return await ChatClient(user).open("GET", url).answer()


async def test_file_opens_for_everybody_who_may_open_the_link(
    bob: User, link: SharedLink, file: File
) -> None:
    for user in (None, bob):
        answer = await ask(user, link, file.file_id)
        assert (answer.status, answer.body) == (200, samples.picture())
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-disposition"] == 'inline; filename="tides.png"'
        assert answer.headers["cache-control"] == "private, no-cache"
        answer = await ask(user, link, file.file_id, "/download")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        answer = await ask(user, link, file.file_id, "/preview")
        assert answer.json() == {"file_id": file.file_id, "status": "ready"}


@pytest.mark.parametrize("rest", ["", "/download", "/preview"])
async def test_file_stays_closed_where_the_link_does(
    bob: User, link: SharedLink, file: File, settings: Any, rest: str
) -> None:
    settings.ALLOW_SHARED_LINKS_PUBLIC = False
    assert (await ask(None, link, file.file_id, rest)).status == 401
    assert (await ask(bob, link, file.file_id, rest)).status == 200
    await in_database(
        lambda: grant(
            resource_type=ResourceType.SHARED_LINK,
            resource_id=link.pk,
            principal=PUBLIC,
            bits=AccessBits.EDIT,
            granted_by=None,
        )
    )
    assert (await ask(bob, link, file.file_id, rest)).status == 403
    await in_database(link.delete)
    assert (await ask(bob, link, file.file_id, rest)).status == 404


async def test_file_is_gone_when_it_is_deleted_changed_or_taken_out(
    alice: User, link: SharedLink, file: File, settings: Any
) -> None:
    settings.SHARED_LINKS_SNAPSHOT_FILES = False
    answer = await ask(None, link, file.file_id)
    assert (answer.status, answer.json()) == (404, {"message": "Shared file access is disabled"})
    settings.SHARED_LINKS_SNAPSHOT_FILES = True

    await in_database(lambda: File.objects.update(byte_count=1))
    assert (await ask(None, link, file.file_id)).json() == GONE
    await in_database(File.objects.all().delete)
    assert (await ask(None, link, file.file_id)).json() == GONE

    await in_database(lambda: update_link(user=alice, share_id=link.share_id, snapshot_files=False))
    answer = await ask(None, link, file.file_id)
    assert (answer.status, answer.json()) == (404, NO_FILE)


def test_only_the_owners_own_files_that_messages_name_are_shared(
    alice: User, bob: User, tmp_path: Path
) -> None:
    own, theirs = make_file(alice, tmp_path), make_file(bob, tmp_path)
    make_file(alice, tmp_path)
    chat = make_chat(alice, own, theirs)
    steer = {"type": "steer", "files": [{"file_id": make_file(alice, tmp_path).file_id}, 7]}
    later = make_message(chat, content=[steer], attachments=[{"file_id": ["x"]}, None])
    link = create_link(user=alice, conversation_id=chat.conversation_id)
    steered = steer["files"][0]["file_id"]  # type: ignore[index]
    assert {each["file_id"] for each in link.file_snapshots} == {own.file_id, steered}
    root = chat.messages.exclude(pk=later.pk).get()
    later.parent_message_id = root.message_id
    later.save()
    link = update_link(user=alice, share_id=link.share_id, target_message_id=root.message_id)
    assert [each["file_id"] for each in link.file_snapshots] == [own.file_id]
    link = update_link(user=alice, share_id=link.share_id, snapshot_files=False)
    assert link.file_snapshots == []


async def test_others_files_stay_closed(bob: User, link: SharedLink, tmp_path: Path) -> None:
    theirs = await in_database(make_file, bob, tmp_path)
    for file_id in (theirs.file_id, "x", "x" * 5000, "..", "%00"):
        answer = await ask(bob, link, file_id)
        assert answer.status == 404, file_id


async def test_nothing_but_reading_is_there(link: SharedLink, file: File) -> None:
    url = f"/api/share/{link.share_id}/files/{file.file_id}"
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = await ChatClient(None).open(method, url, b"{}").answer()
        assert answer.status in {401, 404}
    assert await in_database(File.objects.count) == 1
