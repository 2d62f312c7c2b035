"""Each event of a turn as the frame of the contract (02 §4), member by member."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.chat import encoder
from conversations.chat.encoder import Encoder
from conversations.chat.events import (
    ContextMeasured,
    Created,
    Failed,
    Finished,
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

CREATED = Created(
    conversation_id="c1",
    response_message_id="a1",
    sender="GPT-4.1",
    endpoint="openAI",
    model="gpt-4.1",
    icon_url="",
    user_message={
        "message_id": "u1", "parent_message_id": "p1", "text": "When?", "quotes": [], "files": [],
    },
)  # fmt: skip
MOMENT = "2026-01-01T00:00:00.000Z"
CONVERSATION = {
    "id": "66f1", "conversation_id": "c1", "user_id": "66a1", "title": "Tides",
    "endpoint": "openAI", "endpoint_type": "", "model": "gpt-4.1", "spec": "", "icon_url": "",
    "settings": {"temperature": 0.5}, "tags": [], "files": [], "is_archived": False,
    "archived_at": None, "is_pinned": False, "is_temporary": False, "project_id": None,
    "expired_at": None, "created_at": MOMENT, "updated_at": MOMENT,
}  # fmt: skip


def _row(**values: Any) -> dict[str, Any]:
    row = {
        "id": "66f2", "message_id": "u1", "conversation__conversation_id": "c1",
        "parent_message_id": "p1", "is_created_by_user": True, "sender": "User", "text": "When?",
        "content": None, "endpoint": "openAI", "model": "", "icon_url": "", "error": False,
        "unfinished": False, "finish_reason": "", "token_count": None, "files": [],
        "attachments": [], "quotes": [], "feedback": None, "metadata": {}, "is_temporary": False,
        "expired_at": None, "created_at": MOMENT, "updated_at": MOMENT,
    }  # fmt: skip
    return row | values


def _response(**values: Any) -> dict[str, Any]:
    return _row(
        **{
            "message_id": "a1", "parent_message_id": "u1", "is_created_by_user": False,
            "sender": "GPT-4.1", "text": "", "model": "gpt-4.1",
            "content": [{"type": "text", "text": "At noon."}], **values,
        }
    )  # fmt: skip


def _finished(is_aborted: bool = False, **response: Any) -> Finished:
    return Finished(CONVERSATION, _row(), _response(**response), ["66f2", "66f3"], is_aborted)


def _frame(event: TurnEvent, *before: TurnEvent) -> dict[str, Any]:
    following = Encoder()
    following.skip([CREATED, *before])
    (payload,) = following.payloads([event])
    return payload


# -- Each frame ----------------------------------------------------------------------------


def test_created() -> None:
    (payload,) = Encoder().payloads([CREATED])
    assert payload == {
        "created": True,
        "streamId": "c1",
        "message": {
            "messageId": "u1",
            "parentMessageId": "p1",
            "conversationId": "c1",
            "sender": "User",
            "text": "When?",
            "isCreatedByUser": True,
        },
    }


def test_created_carries_quotes_and_files_when_there_are_some() -> None:
    message = CREATED.user_message | {"quotes": ["the sea"], "files": [{"file_id": "f1"}]}
    values = {field.name: getattr(CREATED, field.name) for field in fields(CREATED)}
    (payload,) = Encoder().payloads([Created(**values | {"user_message": message})])
    assert payload["message"]["quotes"] == ["the sea"]
    assert payload["message"]["files"] == [{"file_id": "f1"}]


def test_step_of_text() -> None:
    assert _frame(StepStarted("s1", 0, "message")) == {
        "event": "on_run_step",
        "data": {
            "id": "s1",
            "runId": "a1",
            "index": 0,
            "stepIndex": 0,
            "type": "message_creation",
            "stepDetails": {
                "type": "message_creation",
                "message_creation": {"message_id": "msg_s1"},
            },
            "usage": None,
        },
    }


def test_step_of_a_tool() -> None:
    assert _frame(StepStarted("s2", 1, "tool", "call_9", "tides")) == {
        "event": "on_run_step",
        "data": {
            "id": "s2",
            "runId": "a1",
            "index": 1,
            "stepIndex": 1,
            "type": "tool_calls",
            "stepDetails": {
                "type": "tool_calls",
                "tool_calls": [{"id": "call_9", "name": "tides", "args": "", "type": "tool_call"}],
            },
            "usage": None,
        },
    }


def test_delta_of_text() -> None:
    assert _frame(TextAdded("s1", "At"), StepStarted("s1", 0, "message")) == {
        "event": "on_message_delta",
        "data": {"id": "s1", "delta": {"content": [{"type": "text", "text": "At"}]}},
    }


def test_delta_of_reasoning() -> None:
    assert _frame(ReasoningAdded("s1", "Hm"), StepStarted("s1", 0, "message")) == {
        "event": "on_reasoning_delta",
        "data": {"id": "s1", "delta": {"content": [{"type": "think", "think": "Hm"}]}},
    }


def test_delta_of_arguments() -> None:
    step = StepStarted("s2", 1, "tool", "call_9", "tides")
    assert _frame(ToolArgumentsAdded("s2", "call_9", "tides", '{"a'), step) == {
        "event": "on_run_step_delta",
        "data": {
            "id": "s2",
            "delta": {
                "type": "tool_calls",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "call_9",
                        "name": "tides",
                        "args": '{"a',
                        "type": "tool_call_chunk",
                    }
                ],
            },
        },
    }


def test_result_of_a_tool() -> None:
    step = StepStarted("s2", 1, "tool", "call_9", "tides")
    arguments = ToolArgumentsAdded("s2", "call_9", "tides", "{}")
    assert _frame(ToolFinished("s2", "noon"), step, arguments) == {
        "event": "on_run_step_completed",
        "data": {
            "result": {
                "id": "s2",
                "index": 1,
                "type": "tool_call",
                "tool_call": {
                    "id": "call_9",
                    "name": "tides",
                    "args": "{}",
                    "output": "noon",
                    "progress": 1,
                    "type": "tool_call",
                },
            }
        },
    }


def test_context_usage() -> None:
    event = ContextMeasured(
        window=8192, budget=7782, instruction_tokens=40, message_tokens=12, message_count=3,
        pruned_tokens=5,
    )  # fmt: skip
    assert _frame(event) == {
        "event": "on_context_usage",
        "data": {
            "runId": "a1",
            "breakdown": {
                "maxContextTokens": 8192,
                "instructionTokens": 40,
                "systemMessageTokens": 40,
                "dynamicInstructionTokens": 0,
                "toolSchemaTokens": 0,
                "summaryTokens": 0,
                "toolCount": 0,
                "messageCount": 3,
                "messageTokens": 12,
                "availableForMessages": 7742,
            },
            "contextBudget": 7782,
            "effectiveInstructionTokens": 40,
            "prePruneContextTokens": 57,
            "remainingContextTokens": 7730,
            "calibrationRatio": 1,
        },
    }


def test_token_usage() -> None:
    assert _frame(TokensUsed(1, "openAI", "gpt-4.1", 52, 23, 5, 2)) == {
        "event": "on_token_usage",
        "data": {
            "runId": "a1",
            "seq": 1,
            "provider": "openAI",
            "model": "gpt-4.1",
            "input_tokens": 52,
            "output_tokens": 23,
            "total_tokens": 75,
            "input_token_details": {"cache_creation": 2, "cache_read": 5},
        },
    }


def test_title() -> None:
    assert _frame(Titled("Tides")) == {
        "event": "title",
        "data": {"conversationId": "c1", "title": "Tides"},
    }


def test_final() -> None:
    times = {"createdAt": MOMENT, "updatedAt": MOMENT}
    flags = {"unfinished": False, "isTemporary": False, "expiredAt": None, "error": False}
    assert _frame(_finished()) == {
        "final": True,
        "title": "Tides",
        "generationProtocolVersion": 1,
        "conversation": {
            "_id": "66f1",
            "conversationId": "c1",
            "user": "66a1",
            "title": "Tides",
            "endpoint": "openAI",
            "model": "gpt-4.1",
            "temperature": 0.5,
            "pinned": False,
            "isArchived": False,
            "archivedAt": None,
            "isTemporary": False,
            "expiredAt": None,
            "chatProjectId": None,
            "tags": [],
            "files": [],
            "messages": ["66f2", "66f3"],
            **times,
        },
        "requestMessage": {
            "messageId": "u1",
            "parentMessageId": "p1",
            "conversationId": "c1",
            "sender": "User",
            "text": "When?",
            "isCreatedByUser": True,
            "endpoint": "openAI",
            "model": None,
            **flags,
            **times,
        },
        "responseMessage": {
            "messageId": "a1",
            "parentMessageId": "u1",
            "conversationId": "c1",
            "sender": "GPT-4.1",
            "text": "",
            "content": [{"type": "text", "text": "At noon."}],
            "isCreatedByUser": False,
            "endpoint": "openAI",
            "model": "gpt-4.1",
            **flags,
            **times,
        },
    }


def test_final_of_a_stopped_turn() -> None:
    frame = _frame(_finished(True, unfinished=True))
    assert (frame["final"], frame["aborted"], frame["earlyAbort"]) == (True, True, False)
    assert frame["conversation"]["conversationId"] == "c1"
    assert frame["responseMessage"]["unfinished"] is True


def test_final_of_a_turn_stopped_before_its_first_word_has_empty_content() -> None:
    frame = _frame(_finished(True, unfinished=True, content=[]))
    assert frame["responseMessage"]["content"] == []


def test_final_with_an_error_bubble_has_no_content() -> None:
    text = '{"type":"no_user_key"}'
    frame = _frame(_finished(content=None, text=text, error=True))
    response = frame["responseMessage"]
    assert "content" not in response
    assert (response["error"], response["unfinished"], response["text"]) == (True, True, text)
    assert "aborted" not in frame


def test_final_with_an_error_under_the_partial_answer() -> None:
    content = [{"type": "text", "text": "At no"}, {"type": "error", "error": "429"}]
    response = _frame(_finished(content=content, unfinished=True))["responseMessage"]
    assert response["content"] == content
    assert response["error"] is False


def test_failure_is_an_error_frame() -> None:
    following = Encoder()
    following.skip([CREATED])
    assert following.frames([Failed("The answer could not be saved.")]) == (
        b"event: error\n"
        b'data: {"error":"The answer could not be saved.","generationProtocolVersion":1}\n\n'
    )


# -- Framing, and following ----------------------------------------------------------------


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


@pytest.mark.parametrize(
    "event", [*TURN, _finished(), Failed("gone")], ids=lambda e: type(e).__name__
)
def test_frame_is_the_same_after_a_journey_through_the_log(event: TurnEvent) -> None:
    before = [e for e in TURN if isinstance(e, StepStarted)]
    assert _frame(from_record(to_record(event)), *before) == _frame(event, *before)


def test_version_is_the_number_one() -> None:
    """Two would make the client ask for the status behind every answer (§1.3)."""
    assert encoder.PROTOCOL_VERSION == 1
