"""Each event of a turn as the frame of the contract (02 §4), member by member."""

from dataclasses import fields

from conversations.chat.encoder import Encoder
from conversations.chat.events import (
    ContextMeasured,
    Created,
    Failed,
    ReasoningAdded,
    StepStarted,
    TextAdded,
    Titled,
    TokensUsed,
    ToolArgumentsAdded,
    ToolFinished,
)
from tests.conversations.chat.encoded import CREATED, MOMENT, finished, frame_of


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
    assert frame_of(StepStarted("s1", 0, "message")) == {
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
    assert frame_of(StepStarted("s2", 1, "tool", "call_9", "tides")) == {
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
    assert frame_of(TextAdded("s1", "At"), StepStarted("s1", 0, "message")) == {
        "event": "on_message_delta",
        "data": {"id": "s1", "delta": {"content": [{"type": "text", "text": "At"}]}},
    }


def test_delta_of_reasoning() -> None:
    assert frame_of(ReasoningAdded("s1", "Hm"), StepStarted("s1", 0, "message")) == {
        "event": "on_reasoning_delta",
        "data": {"id": "s1", "delta": {"content": [{"type": "think", "think": "Hm"}]}},
    }


def test_delta_of_arguments() -> None:
    step = StepStarted("s2", 1, "tool", "call_9", "tides")
    assert frame_of(ToolArgumentsAdded("s2", "call_9", "tides", '{"a'), step) == {
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
    assert frame_of(ToolFinished("s2", "noon"), step, arguments) == {
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
    assert frame_of(event) == {
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
    assert frame_of(TokensUsed(1, "openAI", "gpt-4.1", 52, 23, 5, 2)) == {
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
    assert frame_of(Titled("Tides")) == {
        "event": "title",
        "data": {"conversationId": "c1", "title": "Tides"},
    }


def test_final() -> None:
    times = {"createdAt": MOMENT, "updatedAt": MOMENT}
    flags = {"unfinished": False, "isTemporary": False, "expiredAt": None, "error": False}
    assert frame_of(finished()) == {
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
    frame = frame_of(finished(True, unfinished=True))
    assert (frame["final"], frame["aborted"], frame["earlyAbort"]) == (True, True, False)
    assert frame["conversation"]["conversationId"] == "c1"
    assert frame["responseMessage"]["unfinished"] is True


def test_final_of_a_turn_stopped_before_its_first_word_has_empty_content() -> None:
    frame = frame_of(finished(True, unfinished=True, content=[]))
    assert frame["responseMessage"]["content"] == []


def test_final_with_an_error_bubble_has_no_content() -> None:
    text = '{"type":"no_user_key"}'
    frame = frame_of(finished(content=None, text=text, error=True))
    response = frame["responseMessage"]
    assert "content" not in response
    assert (response["error"], response["unfinished"], response["text"]) == (True, True, text)
    assert "aborted" not in frame


def test_final_with_an_error_under_the_partial_answer() -> None:
    content = [{"type": "text", "text": "At no"}, {"type": "error", "error": "429"}]
    response = frame_of(finished(content=content, unfinished=True))["responseMessage"]
    assert response["content"] == content
    assert response["error"] is False


def test_failure_is_an_error_frame() -> None:
    following = Encoder()
    following.skip([CREATED])
    assert following.frames([Failed("The answer could not be saved.")]) == (
        b"event: error\n"
        b'data: {"error":"The answer could not be saved.","generationProtocolVersion":1}\n\n'
    )
