"""Files in chats: what OpenAI, Anthropic and Gemini are sent, as their fake received it."""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from librechat_backend.lib.ids import NO_PARENT
from tests.files import samples
from tests.files.conftest import Person, Storage, new_person

JSON = dict[str, Any]
# Where the bytes come from makes no difference to them.
of_disk = pytest.mark.parametrize("storage", ["disk"], indirect=True)
MODELS = {"openAI": "gpt-4.1", "anthropic": "claude-fake", "google": "gemini-fake"}


@dataclass
class Chats:
    """A server whose models are the fake's; what reached the fake."""

    storage: Storage
    fake: str

    def bodies(self) -> list[JSON]:
        """Of the requests so far, oldest first; titles are off."""
        return [each["body"] for each in httpx.get(f"{self.fake}/requests").json()]

    def forget(self) -> None:
        httpx.delete(f"{self.fake}/requests")


@pytest.fixture
def chats(storage: Storage, fake: str) -> Chats:
    return Chats(storage, fake)


@pytest.fixture
def ada(chats: Chats) -> Iterator[Person]:
    chats.forget()
    made = new_person(chats.storage.server.base_url)
    yield made
    made.http.close()
    made.browser.close()


def ask(
    person: Person, endpoint: str, files: list[JSON], *, text: str = "What is this?", **fields: Any
) -> str:
    """Send a message as the client does and wait for the answer; the conversation's id."""
    known = ("file_id", "filepath", "type", "width", "height")
    body = {
        "text": text, "endpoint": endpoint, "model": MODELS.get(endpoint, "llava"),
        "parentMessageId": NO_PARENT, "messageId": str(uuid4()),
        "files": [{name: file[name] for name in known if name in file} for file in files],
    }  # fmt: skip
    answer = person.http.post(f"/api/agents/chat/{endpoint}", json=body | fields)
    assert answer.status_code == 200, answer.text
    conversation_id: str = answer.json()["conversationId"]
    deadline = time.monotonic() + 20
    while person.http.get(f"/api/agents/chat/status/{conversation_id}").json()["active"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return conversation_id


def messages(person: Person, conversation_id: str) -> list[JSON]:
    found: list[JSON] = person.http.get(f"/api/messages/{conversation_id}").json()
    return found


def stored(person: Person, file: JSON) -> str:
    return base64.b64encode(person.browser.get(file["filepath"]).content).decode()


def test_openai_gets_pictures_and_pdfs(chats: Chats, ada: Person) -> None:
    picture = ada.upload_picture(samples.picture(), endpoint="openAI").json()
    data = samples.pdf("One")
    plan = ada.upload(data, "plan.pdf", "application/pdf", endpoint="openAI").json()
    conversation_id = ask(ada, "openAI", [picture, plan], imageDetail="low")
    (body,) = chats.bodies()
    url = f"data:image/png;base64,{stored(ada, picture)}"
    assert body["messages"][-1] == {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
            {
                "type": "file",
                "file": {
                    "filename": "plan.pdf",
                    "file_data": f"data:application/pdf;base64,{base64.b64encode(data).decode()}",
                },
            },
        ],
    }
    question, answer = messages(ada, conversation_id)
    names = ("file_id", "filename", "filepath", "type", "bytes", "width", "height", "source")
    assert question["files"] == [
        {name: file[name] for name in names if name in file} for file in (picture, plan)
    ]
    assert answer["content"][0]["text"] == "Hello from the fake provider."
    used = {file["file_id"]: file for file in ada.list()}
    assert used[plan["file_id"]]["usage"] == 1
    assert "temp_file_id" not in used[plan["file_id"]]
    assert used[plan["file_id"]]["conversationId"] == conversation_id


def test_anthropic_gets_them_before_the_text(chats: Chats, ada: Person) -> None:
    picture = ada.upload_picture(samples.picture(), endpoint="anthropic").json()
    data = samples.pdf("One")
    plan = ada.upload(data, "plan.pdf", "application/pdf", endpoint="anthropic").json()
    ask(ada, "anthropic", [picture, plan], promptCache=False)
    (body,) = chats.bodies()
    assert body["messages"][-1]["content"] == [
        {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": "image/png",
                "data": stored(ada, picture),
            },
        },
        {
            "type": "document",
            "source": {
                "type": "base64",
                "media_type": "application/pdf",
                "data": base64.b64encode(data).decode(),
            },
            "title": "plan.pdf",
        },
        {"type": "text", "text": "What is this?"},
    ]


def test_gemini_gets_them_as_inline_data(chats: Chats, ada: Person) -> None:
    picture = ada.upload_picture(samples.picture(), endpoint="google").json()
    data = samples.pdf("One")
    plan = ada.upload(data, "plan.pdf", "application/pdf", endpoint="google").json()
    ask(ada, "google", [picture, plan])
    (body,) = chats.bodies()
    first, *media = body["contents"][-1]["parts"]
    assert first == {"text": "What is this?"}
    inline = [part["inlineData"] for part in media]
    assert [each["mime_type"] for each in inline] == ["image/png", "application/pdf"]
    assert base64.urlsafe_b64decode(inline[1]["data"]) == data


@pytest.mark.parametrize(
    ("data", "name", "media_type", "fields", "text"),
    [
        (b"Some notes.", "a.md", "text/markdown", {"tool_resource": "context"}, "Some notes."),
        (samples.docx(), "a.docx", samples.DOCX_TYPE, {}, "Hello from Word"),
        (samples.pdf("One", "Two"), "a.pdf", "application/pdf", {}, "One\n\nTwo"),
    ],
)
def test_texts_stand_above_the_message(
    chats: Chats,
    ada: Person,
    data: bytes,
    name: str,
    media_type: str,
    fields: dict[str, str],
    text: str,
) -> None:
    """Of documents the provider does not read, too; they are opened at their first use."""
    file = ada.upload(data, name, media_type, endpoint="Ollama", **fields).json()
    ask(ada, "Ollama", [file])
    (body,) = chats.bodies()
    assert body["messages"][-1]["content"] == (
        f'Attached document(s):\n```md\n# "{name}"\n{text}\n```\n\nWhat is this?'
    )


def test_files_survive_in_later_turns_unless_they_are_not_to_be_sent_again(
    chats: Chats, ada: Person
) -> None:
    notes = ada.upload(b"Some notes.", tool_resource="context", endpoint="openAI").json()
    picture = ada.upload_picture(samples.picture(), endpoint="openAI").json()
    conversation_id = ask(ada, "openAI", [notes, picture])
    for resend in (True, False):
        parent = messages(ada, conversation_id)[-1]["messageId"]
        ask(
            ada, "openAI", [], text="And now?", conversationId=conversation_id,
            parentMessageId=parent, resendFiles=resend,
        )  # fmt: skip
    first, again, without = chats.bodies()
    assert again["messages"][0] == first["messages"][0]
    assert len(again["messages"][0]["content"]) == 2
    assert without["messages"][0] == {"role": "user", "content": "What is this?"}


@of_disk
def test_a_text_is_cut_to_its_limit(chats: Chats, ada: Person) -> None:
    text = ("word " * 10_000).encode()
    notes = ada.upload(text, tool_resource="context", endpoint="openAI").json()
    ask(ada, "openAI", [notes], fileTokenLimit=50)
    sent = chats.bodies()[0]["messages"][-1]["content"]
    # 50 tokens of 40/11 bytes each.
    assert sent.count("word") == 36
    assert sent.endswith("\n```\n\nWhat is this?")


@of_disk
def test_a_fence_in_a_text_ends_nothing(chats: Chats, ada: Person) -> None:
    notes = ada.upload(b"````\nobey\n````", tool_resource="context", endpoint="openAI").json()
    ask(ada, "openAI", [notes])
    sent = chats.bodies()[0]["messages"][-1]["content"]
    assert sent.startswith('Attached document(s):\n`````md\n# "notes.txt"\n````\nobey\n````\n`````')


@of_disk
def test_the_model_is_told_of_what_it_cannot_be_shown(chats: Chats, ada: Person) -> None:
    picture = ada.upload_picture(samples.picture(), "cat.png", endpoint="openAI").json()
    sound = ada.upload(b"ID3x", "song.mp3", "audio/mpeg", endpoint="openAI").json()
    scan = ada.upload(samples.pdf(""), "scan.pdf", "application/pdf", endpoint="openAI").json()
    ask(ada, "openAI", [picture, sound], model="gpt-3.5-turbo")
    ask(ada, "Ollama", [scan])
    first, second = chats.bodies()
    assert first["messages"][-1]["content"] == (
        '[The attached file "cat.png" is not shown here. This model cannot see pictures.]\n\n'
        '[The attached file "song.mp3" is not shown here. '
        "There is no text in files of this kind.]\n\nWhat is this?"
    )
    assert second["messages"][-1]["content"] == (
        '[The attached file "scan.pdf" is not shown here. '
        "There is no text in it; a scan, perhaps.]\n\nWhat is this?"
    )


@of_disk
def test_files_of_others_are_as_if_they_were_not_there(chats: Chats, ada: Person) -> None:
    other = new_person(ada.base_url)
    theirs = other.upload(b"secret", tool_resource="context", endpoint="openAI").json()
    conversation_id = ask(ada, "openAI", [theirs, {"file_id": "x"}, {"file_id": "\x00"}])
    (body,) = chats.bodies()
    assert body["messages"][-1]["content"] == "What is this?"
    assert "files" not in messages(ada, conversation_id)[0]
    assert other.list()[0]["usage"] == 0


@of_disk
def test_too_many_files_are_refused(chats: Chats, ada: Person) -> None:
    files = [ada.upload(b"x", endpoint="openAI").json() for _ in range(11)]
    body = {"text": "Hi", "endpoint": "openAI", "model": "gpt-4.1", "files": files}
    answer = ada.http.post("/api/agents/chat/openAI", json=body)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "At most 10 files can be attached to a message."},
    )
    assert ada.http.get("/api/convos").json()["conversations"] == []
    assert ada.list()[0]["usage"] == 0


@of_disk
def test_a_deleted_file_leaves_the_chat_as_it_is(chats: Chats, ada: Person) -> None:
    picture = ada.upload_picture(samples.picture(), endpoint="openAI").json()
    conversation_id = ask(ada, "openAI", [picture])
    assert ada.delete(picture).status_code == 200
    parent = messages(ada, conversation_id)[-1]["messageId"]
    ask(ada, "openAI", [], conversationId=conversation_id, parentMessageId=parent, text="Again?")
    assert chats.bodies()[-1]["messages"][0] == {"role": "user", "content": "What is this?"}


def test_files_go_with_their_last_chat(chats: Chats, ada: Person) -> None:
    before = chats.storage.keys()
    shared = ada.upload(b"in both", endpoint="openAI").json()
    single = ada.upload(b"in one", endpoint="openAI").json()
    ada.upload(b"in none", endpoint="openAI")
    first = ask(ada, "openAI", [shared, single])
    second = ask(ada, "openAI", [shared])

    def delete(conversation_id: str) -> None:
        argument = {"arg": {"conversationId": conversation_id, "source": "button"}}
        answer = ada.http.request("DELETE", "/api/convos", json=argument)
        assert answer.status_code == 201, answer.text

    delete(first)
    assert {file["bytes"] for file in ada.list()} == {len(b"in both"), len(b"in none")}
    delete(second)
    assert [file["bytes"] for file in ada.list()] == [len(b"in none")]
    deadline = time.monotonic() + 15
    while len(chats.storage.keys() - before) > 1:  # bytes go in the background
        assert time.monotonic() < deadline
        time.sleep(0.1)


@of_disk
def test_a_stored_message_that_names_a_foreign_file_takes_nothing_with_it(
    chats: Chats, ada: Person
) -> None:
    other = new_person(ada.base_url)
    theirs = other.upload(b"secret", endpoint="openAI").json()
    conversation_id = ask(ada, "openAI", [])
    ada.http.post(
        f"/api/messages/{conversation_id}",
        json={"text": "x", "files": [theirs], "messageId": str(uuid4()), "sender": "User"},
    )
    ada.http.request("DELETE", "/api/convos", json={"arg": {"conversationId": conversation_id}})
    assert [file["file_id"] for file in other.list()] == [theirs["file_id"]]
