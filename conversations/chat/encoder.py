"""Turn events → the frames of the LibreChat client (contract 02 §3–4). Pure.

The only module that knows the names of the chat stream.
"""

from collections.abc import Callable, Iterable

from conversations.chat.content import Slot, TurnState
from conversations.chat.events import (
    Attached,
    ContextMeasured,
    Created,
    Failed,
    Finished,
    ReasoningAdded,
    StepStarted,
    Summarized,
    SummaryBegun,
    TextAdded,
    Titled,
    TokensUsed,
    ToolArgumentsAdded,
    ToolFinished,
    TurnEvent,
    merge_deltas,
)
from conversations.chat.gauge import context_usage
from conversations.serializers.conversation import conversation_wire
from conversations.serializers.message import message_wire
from librechat_backend.lib import json, sse
from librechat_backend.lib.json import JSONDict

PROTOCOL_VERSION = 1


class Encoder:
    """Renders one turn for one subscriber; follows the turn to know what a frame must repeat."""

    def __init__(self) -> None:
        self._state = TurnState()
        self._wire: dict[type[TurnEvent], Callable[..., JSONDict]] = {
            Created: self._created,
            StepStarted: self._step,
            TextAdded: self._text,
            ReasoningAdded: self._reasoning,
            ToolArgumentsAdded: self._arguments,
            ToolFinished: self._tool_finished,
            SummaryBegun: self._summary_begun,
            Summarized: self._summarized,
            ContextMeasured: self._context,
            TokensUsed: self._usage,
            Attached: self._attachment,
            Titled: self._title,
            Finished: self._final,
            Failed: self._failed,
        }

    def payloads(self, events: Iterable[TurnEvent]) -> list[JSONDict]:
        """One JSON object for each frame; neighbouring deltas share one."""
        return [self._payload(event) for event in merge_deltas(events)]

    def frames(self, events: Iterable[TurnEvent]) -> bytes:
        """The same as server-sent events."""
        return b"".join(
            sse.encode(json.dumps(payload), "error" if "error" in payload else "message")
            for payload in self.payloads(events)
        )

    def skip(self, events: Iterable[TurnEvent]) -> None:
        """Take note of events the subscriber is not sent."""
        for event in events:
            self._state.apply(event)

    def sync_payload(self) -> JSONDict:
        """What a resuming subscriber is sent in place of everything so far (§3.7)."""
        return {"sync": True, "resumeState": self.resume_state(), "pendingEvents": []}

    def resume_state(self) -> JSONDict:
        state, created = self._state, self._state.created
        if created is None:
            return {}
        return {
            "conversationId": created.conversation_id,
            "responseMessageId": created.response_message_id,
            "sender": created.sender,
            "iconURL": created.icon_url or None,
            "model": created.model,
            "userMessage": _user_message(created),
            "runSteps": [self._step(step)["data"] for step in state.steps],
            "aggregatedContent": self.aggregated_content(),
            "titleEvent": self._title(state.title) if state.title else None,
            "collectedUsage": [self._usage(usage)["data"] for usage in state.usage],
            "contextUsage": self._context(state.context)["data"] if state.context else None,
            "pendingAction": None,
            "pendingSteers": [],
            "replayEvents": [],
        }

    def aggregated_content(self) -> list[JSONDict]:
        return self._state.parts()

    def _payload(self, event: TurnEvent) -> JSONDict:
        self._state.apply(event)
        return self._wire[type(event)](event)

    @property
    def _run_id(self) -> str:
        return self._state.created.response_message_id if self._state.created else ""

    @property
    def _conversation_id(self) -> str:
        return self._state.created.conversation_id if self._state.created else ""

    def _created(self, event: Created) -> JSONDict:
        message = _user_message(event) | {"sender": "User", "isCreatedByUser": True}
        return {"created": True, "message": message, "streamId": event.conversation_id}

    def _step(self, step: StepStarted) -> JSONDict:
        details = _tool_details(step) if step.kind == "tool" else _message_details(step)
        data = {
            "id": step.step_id,
            "runId": self._run_id,
            "index": step.index,
            "stepIndex": step.index,
            "type": details["type"],
            "stepDetails": details,
            "usage": None,
        }
        if step.kind == "summary":
            data["summary"] = {"type": "summary", "model": step.name}
        if step.agent_id:
            data |= {"agentId": step.agent_id, "groupId": step.group_id}
        return {"event": "on_run_step", "data": data}

    def _text(self, event: TextAdded) -> JSONDict:
        return _delta("on_message_delta", event.step_id, {"type": "text", "text": event.text})

    def _reasoning(self, event: ReasoningAdded) -> JSONDict:
        return _delta("on_reasoning_delta", event.step_id, {"type": "think", "think": event.text})

    def _arguments(self, event: ToolArgumentsAdded) -> JSONDict:
        chunk = {
            "index": 0,
            "id": event.call_id,
            "name": event.name,
            "args": event.fragment,
            "type": "tool_call_chunk",
        }
        delta = {"type": "tool_calls", "tool_calls": [chunk]}
        return {"event": "on_run_step_delta", "data": {"id": event.step_id, "delta": delta}}

    def _tool_finished(self, event: ToolFinished) -> JSONDict:
        slot: Slot = self._state.slots[event.step_id]
        result = {"id": event.step_id, "index": slot.step.index} | (slot.part() or {})
        return {"event": "on_run_step_completed", "data": {"result": result}}

    def _summary_begun(self, event: SummaryBegun) -> JSONDict:
        data = {
            "agentId": "",
            "provider": event.provider,
            "model": event.model,
            "messagesToRefineCount": event.message_count,
            "summaryVersion": 1,
        }
        return {"event": "on_summarize_start", "data": data}

    def _summarized(self, event: Summarized) -> JSONDict:
        part = self._state.slots[event.step_id].part()
        data = {"id": event.step_id, "agentId": "", "summary": part}
        return {"event": "on_summarize_complete", "data": data}

    def _context(self, event: ContextMeasured) -> JSONDict:
        data = {"runId": self._run_id, **context_usage(event)}
        return {"event": "on_context_usage", "data": data}

    def _usage(self, event: TokensUsed) -> JSONDict:
        data = {
            "runId": self._run_id,
            "seq": event.sequence,
            "provider": event.provider,
            "model": event.model,
            "input_tokens": event.input_tokens,
            "output_tokens": event.output_tokens,
            "total_tokens": event.input_tokens + event.output_tokens,
            "input_token_details": {
                "cache_creation": event.cache_write_tokens,
                "cache_read": event.cache_read_tokens,
            },
        }
        if event.cost_usd is not None:
            data["cost"] = event.cost_usd
        if event.purpose:
            data["usage_type"] = event.purpose
        return {"event": "on_token_usage", "data": data}

    def _attachment(self, event: Attached) -> JSONDict:
        where = {"messageId": self._run_id, "conversationId": self._conversation_id}
        return {"event": "attachment", "data": where | event.attachment}

    def _title(self, event: Titled) -> JSONDict:
        data = {"conversationId": self._conversation_id, "title": event.title}
        return {"event": "title", "data": data}

    def _final(self, event: Finished) -> JSONDict:
        response = message_wire(event.response)
        frame: JSONDict = {
            "final": True,
            "title": event.conversation["title"],
            "conversation": conversation_wire(event.conversation, messages=event.message_ids),
            "requestMessage": message_wire(event.user_message),
            # After an error bubble the client must not go on with what is queued (§7.1 d).
            "responseMessage": response | {"unfinished": True} if response["error"] else response,
            "generationProtocolVersion": PROTOCOL_VERSION,
        }
        return frame | {"aborted": True, "earlyAbort": False} if event.is_aborted else frame

    def _failed(self, event: Failed) -> JSONDict:
        return {"error": event.reason, "generationProtocolVersion": PROTOCOL_VERSION}


def _user_message(created: Created) -> JSONDict:
    message = created.user_message
    wire: JSONDict = {
        "messageId": message["message_id"],
        "parentMessageId": message["parent_message_id"],
        "conversationId": created.conversation_id,
        "text": message["text"],
    }
    # Empty lists are left out (§4.1).
    return wire | {name: message[name] for name in ("quotes", "files") if message.get(name)}


def _delta(event: str, step_id: str, part: JSONDict) -> JSONDict:
    return {"event": event, "data": {"id": step_id, "delta": {"content": [part]}}}


def _message_details(step: StepStarted) -> JSONDict:
    return {
        "type": "message_creation",
        "message_creation": {"message_id": f"msg_{step.step_id}"},
    }


def _tool_details(step: StepStarted) -> JSONDict:
    call = {"id": step.call_id, "name": step.name, "args": "", "type": "tool_call"}
    return {"type": "tool_calls", "tool_calls": [call]}
