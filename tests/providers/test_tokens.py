import pytest

from providers import catalog, windows
from providers.tokens import estimate_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("a" * 40, 11),
        ("a" * 41, 12),
        ("世界", 3),
        ("こんにちは", 6),
        ("é" * 20, 11),
        ("世界 and " * 10, 36),
        ("\ud800", 1),
    ],
)
def test_tokens_are_estimated(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("gpt-4o", 128_000),
        ("gpt-4o-2024-08-06", 128_000),
        ("openai/gpt-4o", 128_000),
        ("gpt-4", 8_192),
        ("claude-haiku-4-5", 200_000),
        ("something-nobody-knows", 32_000),
        ("demo-assistant", 32_000),
        ("", 32_000),
    ],
)
def test_context_window_is_that_of_the_longest_known_name(model: str, window: int) -> None:
    assert windows.context_window(model) == window


@pytest.mark.parametrize(
    ("kind", "model", "tokens"),
    [
        ("anthropic", "claude-haiku-4-5", 64_000),
        ("google", "gemini-2.5-pro", 65_535),
        ("openai", "gpt-4o", 4_096),
        ("openai", "gpt-4", 2_048),
    ],
)
def test_output_limit_is_known_or_estimated(kind: str, model: str, tokens: int) -> None:
    assert catalog.max_output_tokens(kind, model) == tokens
