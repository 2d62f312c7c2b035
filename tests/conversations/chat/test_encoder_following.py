"""How frames are framed, and what a reader sees that joins a turn (contract 02 §3–4)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.chat import encoder
from conversations.chat.encoder import Encoder
from conversations.chat.events import (
    ContextMeasured,
    Failed,
    ReasoningAdded,
    StepStarted,
    TextAdded,
    Titled,
    TokensUsed,
    ToolArgumentsAdded,
    ToolFinished,
    TurnEvent,
    from_record,
    to_record,
)
from tests.conversations.chat.encoded import CREATED, finished, frame_of

TURN: list[TurnEvent] = [
    CREATED,
    ContextMeasured(8192, 7782, 0, 12, 1, 0),
    StepStarted("s1", 0, "message"),
    ReasoningAdded("s1", "Hm"),
    ReasoningAdded("s1", "m."),
    Titled("Tides"),
    StepStarted("s2", 1, "tool", "call_9", "tides"),
    ToolArgumentsAdded("s2", "call_9", "tides", "{}"),
    ToolFinished("s2", "noon"),
    StepStarted("s3", 2, "message"),
    TextAdded("s3", "At "),
    TextAdded("s3", "noon."),
    TokensUsed(1, "openAI", "gpt-4.1", 52, 23),
]


def test_frames_are_messages_of_one_line() -> None:
    events: list[TurnEvent] = [
        CREATED,
        StepStarted("s1", 0, "message"),
        TextAdded("s1", "a\nb\u2028c"),
    ]
    blocks = Encoder().frames(events).split(b"\n\n")
    assert blocks.pop() == b""
    assert [block.split(b"\n")[0] for block in blocks] == [b"event: message"] * 3
    assert [block.count(b"\n") for block in blocks] == [1, 1, 1]


def test_neighbouring_deltas_share_a_frame() -> None:
    events: list[TurnEvent] = [
        CREATED,
        StepStarted("s1", 0, "message"),
        TextAdded("s1", "a"),
        TextAdded("s1", "b"),
    ]
    assert len(Encoder().payloads(events)) == 3


class _Screen:
    """The client's half: parts by index, deltas appended by the index of their step (§3.5)."""

    def __init__(self, parts: list[dict[str, Any]]) -> None:
        self.parts = {
            i: part.get("think") or part.get("text") or "{}" for i, part in enumerate(parts)
        }
        for index, part in enumerate(parts):
            if part["type"] == "tool_call":
                self.parts[index] = part["tool_call"]["args"]
        self.steps: dict[str, int] = {}

    def take(self, payload: dict[str, Any]) -> None:
        data, name = payload.get("data", {}), payload.get("event")
        if name == "on_run_step":
            self.steps[data["id"]] = data["index"]
        elif name in {"on_message_delta", "on_reasoning_delta"}:
            (part,) = data["delta"]["content"]
            self._append(data["id"], part[part["type"]])
        elif name == "on_run_step_delta":
            self._append(data["id"], data["delta"]["tool_calls"][0]["args"])

    def _append(self, step_id: str, text: str) -> None:
        index = self.steps[step_id]
        self.parts[index] = self.parts.get(index, "") + text

    def text(self) -> str:
        return "|".join(self.parts[index] for index in sorted(self.parts))


def test_sync_is_complete() -> None:
    following = Encoder()
    following.skip(TURN)
    sync = following.sync_payload()
    state = sync.pop("resumeState")
    assert sync == {"sync": True, "pendingEvents": []}
    assert [step["index"] for step in state.pop("runSteps")] == [0, 1, 2]
    assert state.pop("collectedUsage")[0]["total_tokens"] == 75
    assert state.pop("contextUsage")["breakdown"]["maxContextTokens"] == 8192
    assert state == {
        "conversationId": "c1",
        "responseMessageId": "a1",
        "sender": "GPT-4.1",
        "iconURL": None,
        "model": "gpt-4.1",
        "userMessage": {
            "messageId": "u1",
            "parentMessageId": "p1",
            "conversationId": "c1",
            "text": "When?",
        },
        "aggregatedContent": [
            {"type": "think", "think": "Hmm."},
            {
                "type": "tool_call",
                "tool_call": {
                    "id": "call_9",
                    "name": "tides",
                    "args": "{}",
                    "type": "tool_call",
                    "output": "noon",
                    "progress": 1,
                },
            },
            {"type": "text", "text": "At noon."},
        ],
        "titleEvent": {"event": "title", "data": {"conversationId": "c1", "title": "Tides"}},
        "pendingAction": None,
        "pendingSteers": [],
        "replayEvents": [],
    }


def test_sync_repeats_the_steps_as_they_were_sent() -> None:
    live, resumed = Encoder(), Encoder()
    sent = [p["data"] for p in live.payloads(TURN) if p.get("event") == "on_run_step"]
    resumed.skip(TURN)
    assert resumed.resume_state()["runSteps"] == sent


@given(st.integers(1, len(TURN)))
def test_nothing_is_missed_or_doubled_wherever_a_reader_joins(place: int) -> None:
    following = Encoder()
    following.skip(TURN[:place])
    shown = _Screen(following.sync_payload()["resumeState"]["aggregatedContent"])
    shown.steps = {s["id"]: s["index"] for s in following.resume_state()["runSteps"]}
    for payload in following.payloads(TURN[place:]):
        shown.take(payload)
    everything = Encoder()
    everything.skip(TURN)
    assert shown.text() == "Hmm.|{}|At noon."
    assert everything.aggregated_content()[2]["text"] == "At noon."


@pytest.mark.parametrize(
    "event", [*TURN, finished(), Failed("gone")], ids=lambda e: type(e).__name__
)
def test_frame_is_the_same_after_a_journey_through_the_log(event: TurnEvent) -> None:
    before = [e for e in TURN if isinstance(e, StepStarted)]
    assert frame_of(from_record(to_record(event)), *before) == frame_of(event, *before)


def test_version_is_the_number_one() -> None:
    """Two would make the client ask for the status behind every answer (§1.3)."""
    assert encoder.PROTOCOL_VERSION == 1
