"""Bodies that are wrong whatever the provider: refused by name, before anybody is asked."""

from typing import Any

import pytest

from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import Api, MakeChannel
from tests.providers.conftest import Fake

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
HI = [{"role": "user", "content": "Hi"}]


def said(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, {"messages": []}, "messages"),
        (CHAT, {"messages": [{"role": "robot", "content": "Hi"}]}, "messages[0].role"),
        (CHAT, said(5), "messages[0].content"),
        (CHAT, said({"type": "text", "text": "Hi"}), "messages[0].content"),
        (CHAT, said([{"text": "Hi"}]), "messages[0].content.type"),
        (CHAT, said([{"type": "text", "text": 5}]), "text"),
        (CHAT, {"messages": HI, "stop": {}}, "stop"),
        (CHAT, {"messages": HI, "stop": False}, "stop"),
        (CHAT, {"messages": HI, "stream": "yes"}, "stream"),
        (CHAT, {"messages": HI, "stream_options": {"include_usage": {}}}, "include_usage"),
        (CHAT, {"messages": HI, "n": 9}, "n"),
        (CHAT, {"messages": HI, "temperature": 2.1}, "temperature"),
        (CHAT, {"messages": HI, "tools": [1]}, "tools"),
        ("/v1/responses", {"input": []}, "input"),
        ("/v1/completions", {"prompt": ["a", "b"]}, "prompt"),
        ("/v1/embeddings", {"input": []}, "input"),
        ("/v1/embeddings", {"input": ["a", 1]}, "input"),
        ("/v1/embeddings", {"input": [[1, -1]]}, "input"),
        ("/v1/embeddings", {"input": "a", "dimensions": 0}, "dimensions"),
        ("/v1/moderations", {"input": {}}, "input"),
        ("/v1/moderations", {"input": ["a", 1]}, "input"),
        ("/v1/rerank", {"documents": ["a"]}, "query"),
        ("/v1/rerank", {"query": "a"}, "documents"),
        ("/v1/rerank", {"query": "a", "documents": []}, "documents"),
        ("/v1/rerank", {"query": "a", "documents": ["a", {"text": "b"}]}, "documents"),
        ("/v1/rerank", {"query": "a", "documents": ["a"], "top_n": 0}, "top_n"),
        ("/v1/images/generations", {"prompt": 5}, "prompt"),
    ],
)
async def test_refused_by_name(
    api: Api, make_channel: MakeChannel, fake: Fake, path: str, body: dict[str, Any], param: str
) -> None:
    await in_database(make_channel)
    answer = await api.post(path, {"model": "m", **body})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param
    assert fake.received() == []


@pytest.mark.parametrize(
    "fields",
    [
        said(None), said(5), said([{"text": "Hi"}]), {"messages": HI, "system": 5},
        {"messages": [{"role": "system", "content": "Hi"}]},
        {"messages": HI, "max_tokens": None},
    ],
)  # fmt: skip
async def test_messages_refused_as_anthropic_writes_it(
    api: Api, make_channel: MakeChannel, fake: Fake, fields: dict[str, Any]
) -> None:
    await in_database(make_channel, kind="anthropic")
    answer = await api.post(MESSAGES, {"model": "m", "max_tokens": 5, **fields})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert fake.received() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"thread": {"type": "create"}},
        {"thread": {"type": "continue", "previous_message_id": "msg_of_somebody"}},
        {"container": "of somebody"}, {"container": {"id": "of somebody"}},
    ],
)  # fmt: skip
async def test_nothing_others_stored_at_anthropic_is_reached(
    api: Api, make_channel: MakeChannel, fake: Fake, fields: dict[str, Any]
) -> None:
    await in_database(make_channel, kind="anthropic")
    answer = await api.post(MESSAGES, {"model": "m", "max_tokens": 5, "messages": HI, **fields})
    assert (answer.status_code, fake.received()) == (400, [])
    assert "nothing is stored here" in answer.json()["error"]["message"]


STORED = {"type": "file", "file_id": "file-of-somebody"}
FILES: list[Any] = [
    ("chat/completions", "messages", {"type": "file", "file": STORED}, "file.file_id"),
    ("responses", "input", {"type": "input_file", "file_id": "f"}, "file_id"),
    ("responses", "input", {"type": "input_image", "file_id": "f"}, "file_id"),
    ("messages", "messages", {"type": "document", "source": STORED}, "source.file_id"),
    ("messages", "messages", {"type": "image", "source": STORED}, "source.file_id"),
    ("messages", "messages", {"type": "container_upload", "file_id": "f"}, "file_id"),
    ("messages", "messages", {
        "type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": STORED}],
    }, "content.source.file_id"),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["openai", "anthropic", "google"])
@pytest.mark.parametrize(("path", "member", "part", "param"), FILES)
async def test_no_file_is_reached_that_somebody_stored_at_the_provider(
    api: Api, make_channel: MakeChannel, fake: Fake,
    kind: str, path: str, member: str, part: Any, param: str,
) -> None:  # fmt: skip
    await in_database(make_channel, kind=kind, options={"responses": "yes"})
    turns = [{"role": "user", "content": [part]}]
    answer = await api.post(f"/v1/{path}", {"model": "m", "max_tokens": 5, member: turns})
    assert (answer.status_code, fake.received()) == (400, [])
    error = answer.json()["error"]
    assert (
        error["message"] == "Files stored at a provider cannot be used here: send the file itself."
    )
    if path != "messages":
        assert error["param"].endswith(param)


@pytest.mark.parametrize(("path", "part"), [
    ("responses", {"type": "input_file", "file_url": "https://x.example/y.pdf"}),
    ("messages", {"type": "document", "source": {"type": "url", "url": "https://x.example/y.pdf"}}),
])  # fmt: skip
@pytest.mark.parametrize(
    ("kind", "can"), [("openai", False), ("anthropic", True), ("google", False)]
)
async def test_document_at_an_address_goes_where_it_can_be_fetched(
    api: Api, make_channel: MakeChannel, fake: Fake, path: str, part: Any, kind: str, can: bool
) -> None:
    await in_database(make_channel, kind=kind)
    turns = {"messages" if path == "messages" else "input": [{"role": "user", "content": [part]}]}
    answer = await api.post(f"/v1/{path}", {"model": "m", "max_tokens": 5, **turns})
    if can:
        (block,) = fake.body()["messages"][0]["content"]
        assert (answer.status_code, block["source"]["url"]) == (200, "https://x.example/y.pdf")
    else:
        assert (answer.status_code, fake.received()) == (400, [])
        assert "Files must be sent as data" in answer.text


async def test_document_of_blocks_is_read_as_text(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel)
    blocks = [{"type": "text", "text": "One. "}, {"type": "text", "text": "Two."}]
    part = {"type": "document", "source": {"type": "content", "content": blocks}}
    turns = [{"role": "user", "content": [part]}]
    answer = await api.post(MESSAGES, {"model": "m", "max_tokens": 5, "messages": turns})
    assert answer.status_code == 200
    assert fake.body()["messages"][0]["content"] == "One. Two."


@pytest.mark.parametrize("given", ["a", ["a", ""], [1, 2], [[1, 2], [3]], [{"image": "aGk="}]])
async def test_every_kind_of_input_can_be_embedded(
    api: Api, make_channel: MakeChannel, given: Any
) -> None:
    await in_database(make_channel)
    answer = await api.post("/v1/embeddings", {"model": "m", "input": given})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("kind", "status"), [("openai", 200), ("anthropic", 400)])
async def test_functions_of_old_are_not_lost_in_a_translation(
    api: Api, make_channel: MakeChannel, kind: str, status: int
) -> None:
    await in_database(make_channel, kind=kind)
    answer = await api.chat(functions=[{"name": "f", "parameters": {"type": "object"}}])
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"]["param"] == "functions"
