"""Neutral values hold what the rest of the house may rely on, whatever a provider says."""

from typing import Any

import pytest

from librechat_backend.lib import json
from providers.relay.dialects import WireDialect, usage_of_body
from providers.types import TOKENS_MAX, Usage

NO_COUNTS: list[Any] = ["many", "5", None, True, 1.5, -1, TOKENS_MAX + 1, 1e308, [1], {"a": 1}]
NO_COUNTS += [float("nan"), float("inf"), -1.0, TOKENS_MAX + 1.0]


@pytest.mark.parametrize("odd", NO_COUNTS)
def test_what_no_provider_can_have_counted_is_nothing(odd: Any) -> None:
    assert Usage(odd, 9, odd, reasoning_tokens=odd, tells_media=odd) == Usage(
        0, 9, tells_media=odd is True
    )


def test_whole_numbers_count_however_they_are_written() -> None:
    usage = Usage(12.0, 0.0, reasoning_tokens=float(TOKENS_MAX))  # type: ignore[arg-type]
    assert usage == Usage(12, 0, reasoning_tokens=TOKENS_MAX)
    assert type(usage.input_tokens) is int


@pytest.mark.parametrize(
    ("usage", "dialect"),
    [
        (b'{"prompt_tokens":12.0,"completion_tokens":3e0}', WireDialect.OPENAI),
        (b'{"input_tokens":12.0,"output_tokens":3.0}', WireDialect.RESPONSES),
        (b'{"input_tokens":12.0,"output_tokens":3.0}', WireDialect.ANTHROPIC),
    ],
)
def test_whole_numbers_of_each_dialect_count(usage: bytes, dialect: WireDialect) -> None:
    assert usage_of_body(json.loads(b'{"usage":%b}' % usage), dialect) == Usage(12, 3)


@pytest.mark.parametrize("odd", NO_COUNTS)
@pytest.mark.parametrize(
    "usage", [b'{"total_tokens":%b}', b'{"prompt_tokens":%b}', b'{"input_tokens":%b}']
)
def test_odd_counts_of_a_relayed_answer_are_nothing(usage: bytes, odd: Any) -> None:
    body = json.loads(b'{"usage":%b}' % (usage % json.dumps(odd)))
    assert usage_of_body(body, WireDialect.OPENAI) == Usage(0, 0)
