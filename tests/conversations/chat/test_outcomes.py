"""How a turn ends, as the client will render it (contract 02 §7)."""

import json
from typing import Any

import pytest

from conversations.chat import outcomes
from conversations.chat.content import TurnState
from conversations.chat.context import InputTooLong
from conversations.chat.events import ReasoningAdded, StepStarted, TextAdded, TokensUsed
from conversations.chat.outcomes import Ending
from conversations.services.turns import Outcome, Status
from librechat_backend.lib.errors import InvalidRequest
from providers.errors import ErrorKind, ProviderError
from providers.types import TOKENS_MAX, FinishReason, Usage

TEXT = {"type": "text", "text": "At noon."}
THOUGHT = {"type": "think", "think": "Hm."}


def _nothing() -> TurnState:
    return TurnState([StepStarted("s0", 0, "message")])


def _thought() -> TurnState:
    return TurnState([StepStarted("s0", 0, "message"), ReasoningAdded("s0", "Hm.")])


def _said() -> TurnState:
    return TurnState([StepStarted("s0", 0, "message"), TextAdded("s0", "At noon.")])


def _bubble(text: str) -> Outcome:
    return Outcome(Status.ERROR, None, error_text=text)


def _answer(*parts: dict[str, Any], finish_reason: str = "") -> Outcome:
    return Outcome(Status.COMPLETE, list(parts), finish_reason=finish_reason)


REFUSAL = _bubble('{"type":"refusal"}')
FILTERED = {"type": "error", "error": outcomes.FILTERED}


@pytest.mark.parametrize(
    ("state", "reason", "has_retained", "outcome"),
    [
        (_said(), FinishReason.STOP, False, _answer(TEXT)),
        (_said(), None, False, _answer(TEXT)),
        (_said(), FinishReason.TOOL_CALLS, False, _answer(TEXT)),
        (_said(), FinishReason.LENGTH, False, _answer(TEXT, finish_reason="length")),
        (_thought(), FinishReason.LENGTH, False, _answer(THOUGHT, finish_reason="length")),
        (_said(), FinishReason.REFUSAL, False, _answer(TEXT)),
        (_thought(), FinishReason.REFUSAL, False, REFUSAL),
        (_nothing(), FinishReason.REFUSAL, False, REFUSAL),
        (_nothing(), FinishReason.CONTENT_FILTER, False, _bubble(outcomes.FILTERED)),
        (
            _said(),
            FinishReason.CONTENT_FILTER,
            False,
            Outcome(Status.ERROR, [TEXT, FILTERED]),
        ),
        (_nothing(), FinishReason.STOP, False, _bubble(outcomes.EMPTY_ANSWER)),
        (_nothing(), FinishReason.STOP, True, _answer()),
    ],
)
def test_end_by_the_provider(
    state: TurnState, reason: FinishReason | None, has_retained: bool, outcome: Outcome
) -> None:
    ended = outcomes.alone(state, Ending(reason=reason), has_retained=has_retained)
    assert ended == outcome


def test_usage_is_kept_with_the_answer() -> None:
    usage = Usage(20, 9, cache_read_tokens=5, cache_write_tokens=2)
    state = _said()
    state.apply(TokensUsed(1, "openAI", "m", 20, 9, 5, 2))
    outcome = outcomes.alone(state, Ending(usage=usage), has_retained=False)
    assert outcome.token_count == 9
    kept = {"input": 13, "output": 9, "cacheWrite": 2, "cacheRead": 5}
    assert outcome.metadata == {"usage": kept}
    for ended in (outcomes.aborted(state), outcomes.interrupted(state), outcomes.failed(state, "")):
        assert ended.metadata == {"usage": kept}


def test_counts_that_together_are_more_than_a_column_holds_cost_nobody_the_answer() -> None:
    most = Ending(usage=Usage(1, TOKENS_MAX))
    assert outcomes.side_by_side(_said(), [most, most]).token_count == 0
    assert outcomes.alone(_said(), most, has_retained=False).token_count == TOKENS_MAX


def test_cost_is_kept_where_that_of_each_call_is_known() -> None:
    state = _said()
    state.apply(TokensUsed(1, "openAI", "m", 20, 9, cost_usd=0.1))
    state.apply(TokensUsed(2, "openAI", "m", 1, 1, cost_usd=0.2))
    assert outcomes.aborted(state).metadata["usage"]["cost"] == 0.3
    state.apply(TokensUsed(3, "openAI", "other", 1, 1))
    assert "cost" not in outcomes.aborted(state).metadata["usage"]


def test_stop_keeps_what_there_is() -> None:
    assert outcomes.aborted(_said()) == Outcome(Status.ABORTED, [TEXT], is_unfinished=True)
    assert outcomes.aborted(_nothing()) == Outcome(Status.ABORTED, [], is_unfinished=True)


def test_death_of_the_server_is_never_an_empty_answer() -> None:
    assert outcomes.interrupted(_said()) == Outcome(Status.ABORTED, [TEXT], is_unfinished=True)
    assert outcomes.interrupted(_nothing()) == Outcome(
        Status.ERROR, None, error_text=outcomes.INTERRUPTED, is_unfinished=True
    )


def test_failure_before_output_is_a_bubble_and_after_it_a_card() -> None:
    assert outcomes.failed(_nothing(), "429") == _bubble("429")
    assert outcomes.failed(_said(), "429") == Outcome(
        Status.ERROR, [TEXT, {"type": "error", "error": "429"}]
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ProviderError(ErrorKind.RATE_LIMIT, "Slow down.", 429), "Slow down."),
        (ProviderError(ErrorKind.AUTHENTICATION, "Refused.", 401), "Refused."),
        (ProviderError(ErrorKind.NO_CHANNEL, "Nobody serves it."), "Nobody serves it."),
        (RuntimeError("secret detail"), outcomes.INTERNAL),
    ],
)
def test_error_is_told_in_a_sentence(error: Exception, text: str) -> None:
    assert outcomes.error_text(error) == text


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (InputTooLong(9200, 8192), {"type": "INPUT_LENGTH", "info": "9200 / 8192"}),
        (
            ProviderError(ErrorKind.CONTEXT_LENGTH, "Too long.", 400),
            {"type": "INPUT_LENGTH", "info": "Too long."},
        ),
        (
            InvalidRequest(type="illegal_model_request", info="openAI|gpt-9"),
            {"type": "illegal_model_request", "info": "openAI|gpt-9"},
        ),
    ],
)
def test_error_the_client_translates_has_a_type(error: Exception, body: dict[str, str]) -> None:
    assert json.loads(outcomes.error_text(error)) == body
