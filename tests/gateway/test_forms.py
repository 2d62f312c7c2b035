"""Forms that are passed on: what was checked is what the provider reads."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from accounts.models import User
from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import Api, MakeChannel, MakeKey, log_rows

PATH = "/v1/audio/transcriptions"
BOUNDARY = "cut"
FORM = {"content_type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(head: str, data: str) -> str:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n{data}\r\n"


def form(*parts: str) -> bytes:
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


SOUND = part('name="file"; filename="a.mp3"', "sound")


@pytest.fixture
async def limited(api: Api, alice: User, make_key: MakeKey, make_channel: MakeChannel) -> Api:
    """A key for one of the two models there are."""
    await in_database(make_channel, model_names=["m", "dear"], model_mapping={})
    api.key = await in_database(make_key, alice, model_names=["m"])
    return api


async def test_form_is_passed_on(limited: Api) -> None:
    asked = form(part('name="language"', "de"), SOUND, part('name="model"', "m"))
    answer = await limited.post(PATH, asked, **FORM)
    assert (answer.status_code, answer.json()["text"]) == (200, "m heard 5 bytes")
    (row,) = await log_rows()
    assert (row.requested_model, row.status) == ("m", "ok")


@pytest.mark.parametrize(
    "parts",
    [
        # Only looks like a field of that name.
        [part('name="file"; filename="name=model"', "m"), part('name="model"', "dear")],
        [part('name="prompt"', part("name=model", "m")), part('name="model"', "dear")],
        [part('name="model"', "m"), part('name="model"', "dear"), SOUND],
        [part('name="model"; filename="m"', "m"), SOUND],
        [part('name="prompt"', "m"), SOUND],
    ],
    ids=["filename", "text", "twice", "file", "missing"],
)
async def test_other_model_cannot_be_smuggled_in(limited: Api, parts: list[str]) -> None:
    answer = await limited.post(PATH, form(*parts), **FORM)
    assert answer.status_code in (400, 404), answer.text


async def test_names_cannot_break_out_of_their_line(limited: Api) -> None:
    name = 'a%0D%0AContent-Disposition: form-data; name="model"'
    asked = form(part(f'name="file"; filename="{name}.mp3"', "sound"), part('name="model"', "m"))
    assert (await limited.post(PATH, asked, **FORM)).json()["text"] == "m heard 5 bytes"


async def test_controls_in_names_do_not_reach_the_provider(limited: Api) -> None:
    asked = form(part('name="\x05a\x7fb"', "c"), SOUND, part('name="model"', "m"))
    assert (await limited.post(PATH, asked, **FORM)).json()["text"] == "m heard 5 bytes"


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([part('name="model"', "m")], "file"),
        ([part('name="model"', "m"), part('name="file"', "sound")], "file"),
        ([part('name="model"', "m"), SOUND, SOUND], "file"),
        ([part('name="model"', "m"), SOUND, *[part('name="language"', "de")] * 2], "language"),
        ([part('name="model"', "m"), SOUND, part('name="provider"', "groq")], "provider"),
    ],
    ids=["missing", "text", "two", "two languages", "provider"],
)
async def test_wrong_fields_are_named(limited: Api, parts: list[str], param: str) -> None:
    answer = await limited.post(PATH, form(*parts), **FORM)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_provider_is_chosen(limited: Api) -> None:
    fields = [part('name="model"', "m"), part('name="provider"', "openAI")]
    answer = await limited.post(PATH, form(*fields, SOUND), **FORM)
    assert answer.json()["text"] == "m heard 5 bytes"


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Disposition: name=model\r\n" * 80_000,
        b"Content-Disposition:" * 100_000,
        form(part('name="model"', "m"))[:-6],
        b"",
    ],
    ids=["lines", "line", "cut off", "empty"],
)
async def test_what_is_no_form_is_refused_at_once(limited: Api, body: bytes) -> None:
    answer = await limited.post(PATH, body, **FORM)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_form")


@pytest.mark.parametrize("announced", [True, False])
async def test_large_body_is_read_from_nobody_without_a_key(api: Api, announced: bool) -> None:
    sent = []

    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            sent.append(number)
            yield b" " * 100_000

    headers = {"content-length": "10000000"} if announced else {}
    answer = await api.http.post(PATH, content=body(), headers=headers)
    assert (answer.status_code, len(sent) < 20) == (401, True)
    answer = await api.http.post(
        PATH, content=body(), headers={**headers, "authorization": f"Bearer {api.key}"}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", "a/b"])
async def test_other_bodies_are_refused(limited: Api, kind: Any) -> None:
    answer = await limited.post(PATH, form(SOUND), content_type=kind)
    assert answer.status_code == 400
