"""The worked examples of docs/prices.md."""

import re
from pathlib import Path

import pytest

from tests.usage.test_pricing import price
from usage.entries import Tokens
from usage.pricing import Rates, Tier, cost_credits, usd

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|$", TEXT, re.M)
PRICE = price(
    rates=Rates(2_000_000, 8_000_000, cache_read=500_000),
    tiers=(Tier(200_000, Rates(4_000_000, 12_000_000, cache_read=1_000_000)),),
)


@pytest.mark.parametrize("row", ROWS)
def test_example_costs_what_is_written(row: tuple[str, ...]) -> None:
    *counts, dollars = row
    given, cached, said, credits = (int(count.replace(",", "")) for count in counts)
    assert cost_credits(PRICE, Tokens(given, said, cache_read_tokens=cached)) == credits
    assert usd(credits) == float(dollars)


def test_there_are_examples() -> None:
    assert len(ROWS) == 5
