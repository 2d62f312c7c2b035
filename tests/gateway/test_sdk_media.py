"""Pictures and documents sent by the official libraries, as providers of each dialect get them."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.files import samples
from tests.gateway.conftest import HELLO
from tests.live import live_server
from tests.processes import start_fake_provider

pytestmark = pytest.mark.one_database

JSON = dict[str, Any]
PICTURE = base64.b64encode(samples.picture()).decode()
PLAN = base64.b64encode(samples.pdf("One")).decode()
PICTURE_URL, PLAN_URL = f"data:image/png;base64,{PICTURE}", f"data:application/pdf;base64,{PLAN}"
BASE64 = {"type": "base64"}
RESPONSES_CONTENT: Any = [
    {"type": "input_text", "text": "What is this?"},
    {"type": "input_image", "image_url": PICTURE_URL, "detail": "low"},
    {"type": "input_file", "filename": "plan.pdf", "file_data": PLAN_URL},
]
# An address of OpenAI's own has Responses; that of the fake must be said to.
CHANNEL_WITH_RESPONSES = """
from providers import services
from providers.models import Channel
channel = Channel(
    name="responses", kind="openai", base_url={url!r}, options={{"responses": "yes"}},
    model_names=["responses-fake"], model_mapping={{"responses-fake": "gpt-fake"}},
)
services.save_channel(channel=channel)
services.add_key(channel=channel, secret="sk-d")
"""


class Programs:
    """The libraries, with a key; what their calls became."""

    def __init__(self, base_url: str, key: str, fake: str) -> None:
        self.openai = openai.OpenAI(api_key=key, base_url=f"{base_url}/v1", max_retries=0)
        self.anthropic = anthropic.Anthropic(api_key=key, base_url=base_url, max_retries=0)
        self.api = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        self._fake = fake

    def sent(self) -> JSON:
        """The one request the provider has received since the last time."""
        (request,) = httpx.get(f"{self._fake}/requests").json()
        httpx.delete(f"{self._fake}/requests")
        body: JSON = request["body"]
        return body


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    with start_fake_provider() as fake:
        env = {
            "OPENAI_API_KEY": "sk-a", "OPENAI_REVERSE_PROXY": f"{fake}/v1",
            "OPENAI_MODELS": "gpt-fake",
            "ANTHROPIC_API_KEY": "sk-b", "ANTHROPIC_REVERSE_PROXY": fake,
            "ANTHROPIC_MODELS": "claude-fake",
            "GOOGLE_KEY": "sk-c", "GOOGLE_REVERSE_PROXY": fake, "GOOGLE_MODELS": "gemini-fake",
        }  # fmt: skip
        with live_server(env=env) as server:
            server.create_user("ada@example.com", "correct horse battery")
            server.manage("shell", "-v", "0", "-c", CHANNEL_WITH_RESPONSES.format(url=f"{fake}/v1"))
            made = server.manage("create_api_key", "ada@example.com", "--quiet")
            yield Programs(server.base_url, made.strip().splitlines()[-1], fake)


def by_chat(programs: Programs, model: str) -> str | None:
    content: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PICTURE_URL, "detail": "low"}},
        {"type": "file", "file": {"filename": "plan.pdf", "file_data": PLAN_URL}},
    ]
    answer = programs.openai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": content}]
    )
    return answer.choices[0].message.content


def by_responses(programs: Programs, model: str) -> str:
    answer = programs.openai.responses.create(
        model=model, input=[{"role": "user", "content": RESPONSES_CONTENT}]
    )
    return answer.output_text


def by_messages(programs: Programs, model: str) -> str:
    picture = BASE64 | {"media_type": "image/png", "data": PICTURE}
    plan = BASE64 | {"media_type": "application/pdf", "data": PLAN}
    content: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": picture},
        {"type": "document", "title": "plan.pdf", "source": plan},
    ]
    answer = programs.anthropic.messages.create(
        model=model, max_tokens=50, messages=[{"role": "user", "content": content}]
    )
    (block,) = answer.content
    assert block.type == "text"
    return block.text


Call = Callable[[Programs, str], str | None]
CALLS = [by_chat, by_responses, by_messages]


@pytest.mark.parametrize("call", CALLS)
def test_openai_gets_them_in_its_own_form(programs: Programs, call: Call) -> None:
    assert call(programs, "gpt-fake") == HELLO
    detail = "auto" if call is by_messages else "low"
    assert programs.sent()["messages"][-1]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PICTURE_URL, "detail": detail}},
        {"type": "file", "file": {"filename": "plan.pdf", "file_data": PLAN_URL}},
    ]


def test_openais_responses_are_passed_on_as_they_are(programs: Programs) -> None:
    assert by_responses(programs, "responses-fake") == HELLO
    sent = programs.sent()
    assert sent["model"] == "gpt-fake"
    assert sent["input"] == [{"role": "user", "content": RESPONSES_CONTENT}]


@pytest.mark.parametrize("call", CALLS)
def test_anthropic_gets_blocks(programs: Programs, call: Call) -> None:
    assert call(programs, "claude-fake") == HELLO
    blocks = {block["type"]: block for block in programs.sent()["messages"][-1]["content"]}
    assert blocks["text"]["text"] == "What is this?"
    assert blocks["image"]["source"] == BASE64 | {"media_type": "image/png", "data": PICTURE}
    assert blocks["document"]["title"] == "plan.pdf"
    assert blocks["document"]["source"] == BASE64 | {"media_type": "application/pdf", "data": PLAN}


@pytest.mark.parametrize("call", CALLS)
def test_gemini_gets_inline_data(programs: Programs, call: Call) -> None:
    assert call(programs, "gemini-fake") == HELLO
    text, *media = programs.sent()["contents"][-1]["parts"]
    assert text == {"text": "What is this?"}
    inline = [part["inlineData"] for part in media]
    assert [each["mime_type"] for each in inline] == ["image/png", "application/pdf"]
    assert [base64.urlsafe_b64decode(each["data"]) for each in inline] == [
        base64.b64decode(PICTURE),
        base64.b64decode(PLAN),
    ]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "file", "file": {"file_data": "data:x"}}, "messages[0].content.file.file_data"),
        ({"type": "file"}, "messages[0].content.file.file_data"),
    ],
)
def test_a_file_that_is_not_in_the_request_is_refused(
    programs: Programs, part: JSON, param: str
) -> None:
    body = {"model": "claude-fake", "messages": [{"role": "user", "content": [part]}]}
    answer = programs.api.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_base64_that_is_none_is_the_callers_mistake(programs: Programs) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,abcde"}}
    body = {"model": "gemini-fake", "messages": [{"role": "user", "content": [part]}]}
    answer = programs.api.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400, answer.text
    message = "The provider refused the request: An attachment is not base64."
    assert answer.json()["error"]["message"] == message
