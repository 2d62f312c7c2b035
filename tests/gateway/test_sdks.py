"""The official libraries as clients of a live server, with providers of either dialect."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.fake_services import SOUND, VECTOR
from tests.gateway.conftest import HELLO
from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider

pytestmark = pytest.mark.one_database

# For the dialect of one it is passed on, for the others translated.
MODELS = ("gpt-fake", "claude-fake", "gemini-fake")
TOOL_MODELS = ("[[tool]]", "claude-[[tool]]", "gemini-[[tool]]")
TOOL: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with start_fake_provider() as fake:
        env = {
            "OPENAI_API_KEY": "sk-upstream", "OPENAI_REVERSE_PROXY": f"{fake}/v1",
            "OPENAI_MODELS": "gpt-fake,[[tool]],[[status:429]],float-only,fake-embed",
            "ANTHROPIC_API_KEY": "sk-ant", "ANTHROPIC_REVERSE_PROXY": fake,
            "ANTHROPIC_MODELS": "claude-fake,claude-[[tool]]", "GOOGLE_KEY": "google-key",
            "GOOGLE_REVERSE_PROXY": fake, "GOOGLE_MODELS": "gemini-fake,gemini-[[tool]]",
            "LOG_LEVEL": "warning",
        }  # fmt: skip
        with live_server(env=env) as running:
            yield running


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    server.create_user("ada@example.com", "correct horse battery")
    return server.manage("create_api_key", "ada@example.com", "--quiet").strip().splitlines()[-1]


@pytest.fixture
def client(server: LiveServer, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=key, base_url=f"{server.base_url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(server: LiveServer, key: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=key, base_url=server.base_url, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_openai_chat(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hi"}]
    )
    assert answer.choices[0].message.content == HELLO
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (20, 9)


@pytest.mark.parametrize("model", MODELS)
def test_openai_stream(client: openai.OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == HELLO
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 29


@pytest.mark.parametrize("model", TOOL_MODELS)
def test_openai_tools(client: openai.OpenAI, model: str) -> None:
    """The whole loop: the model's call goes back to it with what the tool said."""
    messages: list[Any] = [{"role": "user", "content": "Weather?"}]
    asked: Any = {
        "model": model,
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}],
    }
    answer = client.chat.completions.create(messages=messages, **asked)
    assert answer.choices[0].finish_reason == "tool_calls"
    (call,) = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    messages.append(answer.choices[0].message)
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "Sunny"})
    answer = client.chat.completions.create(messages=messages, **asked)
    assert answer.choices[0].message.content == "get_weather said: Sunny"
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", TOOL_MODELS)
def test_openai_tools_streamed(client: openai.OpenAI, model: str) -> None:
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}
    messages: list[Any] = [{"role": "user", "content": "Weather?"}]
    asked: Any = {"model": model, "tools": [tool]}
    with client.chat.completions.stream(messages=messages, **asked) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "Sunny"}
    history = [*messages, message, result]
    with client.chat.completions.stream(messages=history, **asked) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "get_weather said: Sunny"


@pytest.mark.parametrize("model", MODELS)
def test_openai_responses(client: openai.OpenAI, model: str) -> None:
    answer = client.responses.create(model=model, input="Hi", instructions="Be brief.")
    assert (answer.output_text, answer.status) == (HELLO, "completed")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 29


@pytest.mark.parametrize("model", MODELS)
def test_openai_responses_stream(client: openai.OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input="Hi") as stream:
        deltas = [e.delta for e in stream if e.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text == HELLO


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("model", TOOL_MODELS)
def test_openai_responses_call_tools(
    client: openai.OpenAI, model: str, *, is_streamed: bool
) -> None:
    def ask(items: list[Any]) -> Any:
        tool = {"type": "function", "name": "get_weather", "parameters": TOOL, "strict": False}
        asked: Any = {"model": model, "input": items, "tools": [tool]}
        if not is_streamed:
            return client.responses.create(**asked)
        with client.responses.stream(**asked) as stream:
            return stream.get_final_response()

    items: list[Any] = [{"role": "user", "content": "Weather?"}]
    answer = ask(items)
    (call,) = [item for item in answer.output if item.type == "function_call"]
    assert json.loads(call.arguments) == {"city": "Paris"}
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"}
    answer = ask([*items, *(item.to_dict() for item in answer.output), output])
    assert answer.output_text == "get_weather said: Sunny"


# Gemini has them in OpenAI's dialect, beside its own.
@pytest.mark.parametrize("model", ["fake-embed", "float-only", "gemini-fake"])
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_openai_embeddings(client: openai.OpenAI, model: str, encoding: str) -> None:
    answer = client.embeddings.create(
        model=model,
        input=["a", "b"],
        dimensions=2,
        encoding_format=encoding,  # type: ignore[arg-type]
    )
    vectors = [row.embedding for row in answer.data]
    if encoding == "base64":
        vectors = [list(struct.unpack("<2f", base64.b64decode(v))) for v in vectors]  # type: ignore[arg-type]
    assert vectors == [VECTOR[:2]] * 2


@pytest.mark.parametrize("model", MODELS)
def test_openai_hears_that_responses_are_not_stored(client: openai.OpenAI, model: str) -> None:
    answer = client.responses.create(model=model, input="Hi", store=True)
    assert answer.to_dict()["store"] is False
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=model, input="More", previous_response_id=answer.id)
    told = (refused.value.param, refused.value.code)
    assert told == ("previous_response_id", "previous_response_not_found")
    for ask in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(openai.NotFoundError) as missing:
            ask(answer.id)
        assert answer.id in missing.value.message


def test_openai_embeddings_where_the_provider_has_none(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not offer embeddings"):
        client.embeddings.create(model="claude-fake", input="a")


def test_openai_embeddings_without_an_encoding(client: openai.OpenAI) -> None:
    """The library asks for base64 by itself."""
    answer = client.embeddings.create(model="float-only", input="a")
    assert answer.data[0].embedding == VECTOR


def test_openai_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="claude-fake", prompt="Say hello")
    assert answer.choices[0].text == HELLO
    stream = client.completions.create(model="gpt-fake", prompt="Say hello", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == HELLO


def test_openai_images_moderations_and_sound(client: openai.OpenAI) -> None:
    image = client.images.generate(model="gpt-fake", prompt="A cat")
    assert image.data is not None
    assert base64.b64decode(image.data[0].b64_json or "") == b"A cat"
    assert client.moderations.create(model="gpt-fake", input="bad").results[0].flagged
    sound = client.audio.speech.create(model="gpt-fake", voice="alloy", input="Hello")
    assert sound.read() == SOUND
    heard = client.audio.transcriptions.create(model="gpt-fake", file=("a.mp3", SOUND))
    assert heard.text == f"gpt-fake heard {len(SOUND)} bytes"


def test_openai_models(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} >= {"gpt-fake", "claude-fake"}
    assert client.models.retrieve("[[status:429]]").id == "[[status:429]]"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing")


def test_openai_errors_are_of_their_classes(server: LiveServer, client: openai.OpenAI) -> None:
    def ask(model: str, asking: openai.OpenAI = client) -> None:
        asking.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])

    with pytest.raises(openai.RateLimitError) as limited:
        ask("[[status:429]]")
    assert limited.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.NotFoundError) as unknown:
        ask("nothing")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.AuthenticationError):
        ask("gpt-fake", openai.OpenAI(api_key="sk-no", base_url=f"{server.base_url}/v1"))


@pytest.mark.parametrize("model", MODELS)
def test_anthropic_messages(claude: anthropic.Anthropic, model: str) -> None:
    answer = claude.messages.create(
        model=model, max_tokens=64, messages=[{"role": "user", "content": "Hi"}], system="Brief."
    )
    assert answer.content[0].text == HELLO  # type: ignore[union-attr]
    assert (answer.stop_reason, answer.usage.output_tokens) == ("end_turn", 9)


@pytest.mark.parametrize("model", MODELS)
def test_anthropic_stream(claude: anthropic.Anthropic, model: str) -> None:
    with claude.messages.stream(
        model=model, max_tokens=64, messages=[{"role": "user", "content": "Hi"}]
    ) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == HELLO
    assert final.usage.output_tokens == 9


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("model", TOOL_MODELS)
def test_anthropic_tools(claude: anthropic.Anthropic, model: str, *, is_streamed: bool) -> None:
    def ask(messages: list[Any]) -> Any:
        tools = [{"name": "get_weather", "input_schema": TOOL}]
        asked: Any = {"model": model, "max_tokens": 64, "messages": messages, "tools": tools}
        if not is_streamed:
            return claude.messages.create(**asked)
        with claude.messages.stream(**asked) as stream:
            return stream.get_final_message()

    messages: list[Any] = [{"role": "user", "content": "Weather?"}]
    answer = ask(messages)
    (call,) = [block for block in answer.content if block.type == "tool_use"]
    assert (call.input, answer.stop_reason) == ({"city": "Paris"}, "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"}
    messages.append({"role": "assistant", "content": answer.content})
    answer = ask([*messages, {"role": "user", "content": [result]}])
    assert answer.content[0].text == "get_weather said: Sunny"
    assert answer.stop_reason == "end_turn"


@pytest.mark.parametrize("model", TOOL_MODELS)
def test_anthropic_runs_tools_although_no_thread_is_kept(
    claude: anthropic.Anthropic, model: str
) -> None:
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"Sunny in {city}"

    asked: Any = {"messages": [{"role": "user", "content": "Weather?"}], "tools": [get_weather]}
    runner = claude.beta.messages.tool_runner(model=model, max_tokens=64, **asked)
    (block,) = runner.until_done().content
    assert block.type == "text"
    assert block.text == "get_weather said: Sunny in Paris"


def test_anthropic_lists_models_and_counts_tokens(claude: anthropic.Anthropic) -> None:
    assert {model.id for model in claude.models.list()} >= {"gpt-fake", "claude-fake"}
    assert claude.models.retrieve("claude-fake").display_name == "claude-fake"
    counted = claude.messages.count_tokens(
        model="gpt-fake", messages=[{"role": "user", "content": "a" * 400}]
    )
    assert counted.input_tokens == 114


def test_anthropic_errors_are_of_their_classes(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(
            model="nothing", max_tokens=5, messages=[{"role": "user", "content": "Hi"}]
        )
    with pytest.raises(anthropic.RateLimitError):
        claude.messages.create(
            model="[[status:429]]", max_tokens=5, messages=[{"role": "user", "content": "Hi"}]
        )
