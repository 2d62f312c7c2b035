"""Speech: heard and spoken by models of channels, hidden where there are none (contract 04 §3)."""

import time
from ast import literal_eval
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.speech import PIECE_CHARACTERS, pieces_of
from conversations.throttles import SPEECH_USER_PER_MINUTE
from librechat_backend.lib.ids import NO_PARENT
from providers.speech import chats, hears, speaks
from tests.fake_services import SOUND, UNSPEAKABLE
from tests.files.conftest import ENV, Person, new_person
from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider

pytestmark = pytest.mark.one_database

SPEECH = "/api/files/speech"
RECORDING = ("audio.webm", b"\x1aE\xdf\xa3" * 100, "audio/webm;codecs=opus")


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with start_fake_provider() as fake:
        env = {
            "OPENAI_API_KEY": "sk-a", "OPENAI_REVERSE_PROXY": f"{fake}/v1",
            "OPENAI_MODELS": "gpt-4.1,whisper-1,tts-1", "TITLE_CONVO": "false",
        }  # fmt: skip
        with live_server(env=ENV | env) as started:
            yield started


@pytest.fixture(scope="module")
def ada(server: LiveServer) -> Person:
    return new_person(server.base_url)


@pytest.fixture(scope="module")
def mute() -> Iterator[Person]:
    """Somebody on a server where nobody listens or speaks."""
    with live_server(env=ENV) as server:
        yield new_person(server.base_url)


def test_models_are_told_by_their_names() -> None:
    assert [m for m in ("whisper-1", "gpt-4o-transcribe", "gpt-4.1") if hears(m)] == [
        "whisper-1",
        "gpt-4o-transcribe",
    ]
    names = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "openai/tts-1", "gpt-4.1", "attack-tts9")
    assert [m for m in names if speaks(m)] == list(names[:4])
    assert [m for m in names if chats(m)] == list(names[4:])


def test_they_are_offered_for_speech_and_not_for_chats(ada: Person) -> None:
    assert ada.http.get(f"{SPEECH}/config/get").json() == {
        "sttExternal": True,
        "ttsExternal": True,
        "engineSTT": "external",
        "engineTTS": "external",
    }
    assert ada.http.get("/api/models").json()["openAI"] == ["gpt-4.1"]
    assert ada.http.get(f"{SPEECH}/tts/voices").json()[:2] == ["alloy", "ash"]


def test_a_recording_becomes_text(ada: Person) -> None:
    form = {"language": "de-AT"}
    answer = ada.http.post(f"{SPEECH}/stt", data=form, files={"audio": RECORDING})
    assert (answer.status_code, answer.json()) == (200, {"text": "whisper-1 heard 400 bytes"})


def test_what_is_no_recording_is_refused(ada: Person) -> None:
    answer = ada.http.post(f"{SPEECH}/stt", data={"a": "b"}, files={"x": b""})
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "audio: expected a recording"},
    )
    file = ("a.exe", b"MZ", "application/x-msdownload\r\nx: y")
    assert ada.http.post(f"{SPEECH}/stt", files={"audio": file}).status_code in (400, 415)
    large = ("a.webm", b"x" * (25 * 1024**2 + 1), "audio/webm")
    assert ada.http.post(f"{SPEECH}/stt", files={"audio": large}).status_code == 413


def test_a_text_is_read_aloud(ada: Person) -> None:
    form = {"input": (None, "Hello there."), "voice": (None, "nobody")}
    answer = ada.http.post(f"{SPEECH}/tts/manual", files=form)
    assert (answer.status_code, answer.content) == (200, SOUND)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    long = {"input": (None, "Some words. " * 500), "voice": (None, "alloy")}
    assert ada.http.post(f"{SPEECH}/tts/manual", files=long).content == SOUND * 7
    empty = ada.http.post(f"{SPEECH}/tts/manual", files={"voice": (None, "alloy")})
    assert (empty.status_code, empty.json()) == (400, {"message": "input: expected a text"})


def test_an_answer_is_read_aloud_once_and_to_its_owner(ada: Person) -> None:
    body = {"text": "Hi", "endpoint": "openAI", "model": "gpt-4.1", "parentMessageId": NO_PARENT}
    started = ada.http.post("/api/agents/chat/openAI", json=body).json()
    conversation_id = started["conversationId"]
    deadline = time.monotonic() + 20
    while ada.http.get(f"/api/agents/chat/status/{conversation_id}").json()["active"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    message_id = ada.http.get(f"/api/messages/{conversation_id}").json()[-1]["messageId"]
    wanted = {"messageId": message_id, "runId": str(uuid4()), "voice": "alloy"}
    first = ada.http.post(f"{SPEECH}/tts", json=wanted)
    assert (first.status_code, first.content) == (200, SOUND)
    assert ada.http.post(f"{SPEECH}/tts", json=wanted).status_code == 409
    for _ in range(2):
        unnamed = ada.http.post(f"{SPEECH}/tts", json=wanted | {"runId": None})
        assert (unnamed.status_code, unnamed.content) == (200, SOUND)
    stranger = new_person(ada.base_url)
    assert stranger.http.post(f"{SPEECH}/tts", json=wanted).status_code == 404
    wrong: object
    for wrong in ({}, [], {"messageId": 5}, {"messageId": "\x00"}):
        assert ada.http.post(f"{SPEECH}/tts", json=wrong).status_code == 404


def test_nothing_is_offered_where_nobody_listens_or_speaks(mute: Person) -> None:
    config = mute.http.get(f"{SPEECH}/config/get").json()
    assert config == {
        "sttExternal": False,
        "ttsExternal": False,
        "speechToText": False,
        "textToSpeech": False,
    }
    assert mute.http.get(f"{SPEECH}/tts/voices").json() == []
    heard = mute.http.post(f"{SPEECH}/stt", files={"audio": RECORDING})
    assert (heard.status_code, heard.json()) == (
        404,
        {"message": "Speech recognition is not available here."},
    )
    spoken = mute.http.post(f"{SPEECH}/tts/manual", files={"input": (None, "Hi")})
    assert (spoken.status_code, spoken.json()) == (
        404,
        {"message": "Reading aloud is not available here."},
    )


def test_what_nobody_does_is_hidden_though_the_other_is_offered() -> None:
    env = {"OPENAI_API_KEY": "sk-a", "OPENAI_MODELS": "gpt-4.1,whisper-1"}
    with live_server(env=ENV | env) as server:
        config = new_person(server.base_url).http.get(f"{SPEECH}/config/get").json()
    assert config == {
        "sttExternal": True,
        "ttsExternal": False,
        "engineSTT": "external",
        "textToSpeech": False,
    }


def test_each_call_is_in_the_log_of_requests(server: LiveServer) -> None:
    person = new_person(server.base_url)
    assert person.http.post(f"{SPEECH}/stt", files={"audio": RECORDING}).status_code == 200
    long = {"input": (None, "Some words. " * 500), "voice": (None, "alloy")}
    assert person.http.post(f"{SPEECH}/tts/manual", files=long).content == SOUND * 7
    failing = {"input": (None, UNSPEAKABLE)}
    assert person.http.post(f"{SPEECH}/tts/manual", files=failing).status_code == 502
    spoken = ("chat", "speech", "ok", "tts-1", "tts-1", "environment:openai", "")
    expected = [
        ("chat", "transcription", "ok", "whisper-1", "whisper-1", "environment:openai", ""),
        *[spoken] * 7,
        ("chat", "speech", "failed", "tts-1", "tts-1", "environment:openai", "invalid_request"),
    ]
    deadline = time.monotonic() + 20
    while (rows := _logged(server, person)) != expected:
        assert time.monotonic() < deadline, rows


def _logged(server: LiveServer, person: Person) -> list[object]:
    code = (
        "from usage.models import RequestLog; print(list(RequestLog.objects.filter("
        f"user_id={person.id!r}).order_by('created_at').values_list('face', 'operation', "
        "'status', 'requested_model', 'served_model', 'channel_id', 'error')))"
    )
    rows: list[object] = literal_eval(server.manage("shell", "-v", "0", "-c", code))
    return rows


def test_speech_is_paid_from_the_persons_budget_until_it_is_used_up(server: LiveServer) -> None:
    person = new_person(server.base_url)
    server.manage("shell", "-v", "0", "-c", _SET_PRICES.format(person=person.id))
    assert person.http.post(f"{SPEECH}/stt", files={"audio": RECORDING}).status_code == 200
    short = {"input": (None, "Hello there."), "voice": (None, "alloy")}
    assert person.http.post(f"{SPEECH}/tts/manual", files=short).status_code == 200
    for path, form in (("tts/manual", short), ("stt", {"audio": RECORDING})):
        refused = person.http.post(f"{SPEECH}/{path}", files=form)
        assert refused.status_code == 429
        assert "The budget of you" in refused.json()["message"]
    deadline = time.monotonic() + 20
    while (told := server.manage("shell", "-v", "0", "-c", _TELL_USED)).split()[-1] != "200":
        assert time.monotonic() < deadline, told


_SET_PRICES = """
from usage.models import Budget, Price
for model in ("tts-1", "whisper-1"):
    Price.objects.create(
        model=model, valid_from="2020-01-01T00:00Z", request_credits=100,
        input_credits=0, output_credits=0,
    )
Budget.objects.create(owner_kind="user", owner_id="{person}", limit_credits=250)
"""
_TELL_USED = "from usage.models import BudgetPeriod as P; print(P.objects.get().used)"


def test_recordings_and_texts_are_limited_together(server: LiveServer) -> None:
    """Those that are refused for another reason count, too."""
    person = new_person(server.base_url)
    for number in range(SPEECH_USER_PER_MINUTE):
        path = ("stt", "tts", "tts/manual")[number % 3]
        assert person.http.post(f"{SPEECH}/{path}").status_code != 429
    for path in ("stt", "tts", "tts/manual"):
        answer = person.http.post(f"{SPEECH}/{path}")
        assert (answer.status_code, answer.json()) == (
            429,
            {"message": "Too many requests. Try again later"},
        )
        assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert person.http.get(f"{SPEECH}/config/get").status_code == 200
    other = new_person(server.base_url)
    assert other.http.post(f"{SPEECH}/stt").status_code == 400


def test_strangers_hear_nothing(ada: Person) -> None:
    for method, path in (
        ("GET", "config/get"), ("GET", "tts/voices"), ("POST", "stt"), ("POST", "tts"),
        ("POST", "tts/manual"),
    ):  # fmt: skip
        answer = httpx.request(method, f"{ada.base_url}{SPEECH}/{path}")
        assert answer.status_code == 401


@given(st.text(alphabet="ab .!\n", max_size=9000))
def test_no_word_is_lost_when_a_text_is_cut(text: str) -> None:
    pieces = list(pieces_of(text))
    assert "".join("".join(pieces).split()) == "".join(text.split())
    if len(text.strip()) >= 4096:
        assert all(len(piece) <= PIECE_CHARACTERS for piece in pieces)
