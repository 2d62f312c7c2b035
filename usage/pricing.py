"""What a call costs, in credits: 1,000,000 are 1 USD. Pure, and in integers throughout.

A price is looked for by the model that answered and the moment the call began: the channel's own
before that of the channel's kind, before the general one. Of each, one for exactly this name comes
before one that lists the name, before one whose condition fits the name; then the newest. Where
none fits there is no price: nothing is guessed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

from usage.entries import RequestEntry, Tokens

CREDITS_PER_USD = 1_000_000
PRICED_TOKENS = 1_000_000
MOST_TOKENS = 2**31 - 1
REMEMBERED_NAMES = 10_000

# A condition on names: ``{"equals": "gpt-4.1"}``, likewise ``starts_with``, ``ends_with``,
# ``contains`` and ``regex``; ``{"or": [...]}`` and ``{"and": [...]}`` of conditions. Capital and
# small letters are the same.
Match = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rates:
    """Credits for a million tokens of each sort; None: as the input, as the output. Sound and
    pictures in the input are counted apart from what was cached."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    input_audio: int | None = None
    input_image: int | None = None
    output_audio: int | None = None
    output_image: int | None = None

    @property
    def tells_output_apart(self) -> bool:
        return self.output_audio is not None or self.output_image is not None


@dataclass(frozen=True, slots=True)
class Tier:
    """``rates`` of all tokens of a call whose input is longer than ``above_tokens``."""

    above_tokens: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class PriceData:
    """A price; see usage/models/prices.py. ``tiers`` come in any order; ``daily``: it holds from
    one time of the day until before another, in UTC, and comes before what holds all day."""

    id: str
    model: str
    rates: Rates
    valid_from: datetime
    valid_until: datetime | None = None
    kind: str = ""
    channel_id: str = ""
    match: Match | None = None
    request_credits: int = 0
    tiers: tuple[Tier, ...] = ()
    daily: tuple[time, time] | None = None

    @property
    def is_for_tokens(self) -> bool:
        return any((self.rates.input, self.rates.output, self.tiers))

    def holds(self, at: datetime) -> bool:
        if at < self.valid_from or (self.valid_until is not None and at >= self.valid_until):
            return False
        return self.daily is None or _is_between(at.astimezone(UTC).time(), *self.daily)


def _is_between(moment: time, start: time, end: time) -> bool:
    if start <= end:
        return start <= moment < end
    return moment >= start or moment < end


# -- what a call costs ------------------------------------------------------------------------


def cost_credits(price: PriceData, tokens: Tokens) -> int:
    """Never negative; rounded once, half up. Counts that contradict each other are cut: there is
    no more from a cache than input, no more sound and pictures than what was not cached, no more
    reasoning than output."""
    input_tokens, output_tokens = _count(tokens.input_tokens), _count(tokens.output_tokens)
    read = min(_count(tokens.cache_read_tokens), input_tokens)
    written = min(_count(tokens.cache_write_tokens), input_tokens - read)
    heard, seen, told = _parts(
        input_tokens - read - written, tokens.input_audio_tokens, tokens.input_image_tokens
    )
    spoken, drawn, rest = _parts(
        output_tokens, tokens.output_audio_tokens, tokens.output_image_tokens
    )
    reasoning = min(_count(tokens.reasoning_tokens), rest)
    rates = _filled(_rates_for(price, input_tokens))
    exact = (
        told * rates.input
        + heard * rates.input_audio
        + seen * rates.input_image
        + read * rates.cache_read
        + written * rates.cache_write
        + (rest - reasoning) * rates.output
        + reasoning * rates.reasoning
        + spoken * rates.output_audio
        + drawn * rates.output_image
    )
    return price.request_credits + (exact + PRICED_TOKENS // 2) // PRICED_TOKENS


def _parts(count: int, audio: int, image: int) -> tuple[int, int, int]:
    """Sound, pictures, and the rest of ``count``."""
    heard = min(_count(audio), count)
    seen = min(_count(image), count - heard)
    return heard, seen, count - heard - seen


def worst_case(
    price: PriceData, *, input_tokens: int, output_tokens: int, sound_tokens: int = 0
) -> int:
    """No call with at most so many tokens costs more, whatever of them are cached or reasoning.
    ``sound_tokens`` of input come on top, and may be paid as sound; all output may be media."""
    sound_tokens = _count(sound_tokens)
    input_tokens, output_tokens = _count(input_tokens), _count(output_tokens)
    whole = input_tokens + sound_tokens
    reached = [tier.rates for tier in price.tiers if tier.above_tokens < whole]
    possible = [_filled(rates) for rates in (price.rates, *reached)]
    exact = max(
        input_tokens * rates.most_of_input
        + sound_tokens * max(rates.most_of_input, rates.input_audio)
        + output_tokens * rates.most_of_output
        for rates in possible
    )
    return price.request_credits + -(-exact // PRICED_TOKENS)


def _count(tokens: Any) -> int:
    """What a provider reports may be nonsense."""
    return min(max(0, tokens), MOST_TOKENS) if type(tokens) is int else 0


def usd(credits: int) -> float:
    return credits / CREDITS_PER_USD


@dataclass(frozen=True, slots=True)
class _AllRates:
    input: int
    output: int
    cache_read: int
    cache_write: int
    reasoning: int
    input_audio: int
    input_image: int
    output_audio: int
    output_image: int

    @property
    def most_of_input(self) -> int:
        """Without sound."""
        return max(self.input, self.cache_read, self.cache_write, self.input_image)

    @property
    def most_of_output(self) -> int:
        return max(self.output, self.reasoning, self.output_audio, self.output_image)


def _filled(rates: Rates) -> _AllRates:
    return _AllRates(
        input=rates.input,
        output=rates.output,
        cache_read=_or(rates.cache_read, rates.input),
        cache_write=_or(rates.cache_write, rates.input),
        reasoning=_or(rates.reasoning, rates.output),
        input_audio=_or(rates.input_audio, rates.input),
        input_image=_or(rates.input_image, rates.input),
        output_audio=_or(rates.output_audio, rates.output),
        output_image=_or(rates.output_image, rates.output),
    )


def _or(rate: int | None, other: int) -> int:
    return other if rate is None else rate


def _rates_for(price: PriceData, input_tokens: int) -> Rates:
    reached = [tier for tier in price.tiers if tier.above_tokens < input_tokens]
    return max(reached, key=lambda tier: tier.above_tokens).rates if reached else price.rates


# -- which price ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Scope:
    """The prices of one channel, of one kind, or the general ones; names in small letters."""

    own: dict[str, list[PriceData]] = field(default_factory=dict)
    listed: dict[str, list[PriceData]] = field(default_factory=dict)
    conditions: list[PriceData] = field(default_factory=list)

    def add(self, price: PriceData) -> None:
        if price.match is None:
            self.own.setdefault(price.model.lower(), []).append(price)
            return
        names, is_list = listed_names(price.match)
        for name in names:
            self.listed.setdefault(name, []).append(price)
        if not is_list:
            self.conditions.append(price)

    def fitting(self, name: str) -> Iterator[PriceData]:
        """The first that holds is the one."""
        yield from _newest_first(self.own.get(name, ()))
        yield from _newest_first(self.listed.get(name, ()))
        found = [(matched_letters(price.match or {}, name), price) for price in self.conditions]
        yield from _closest_first(
            (letters, price) for letters, price in found if letters is not None
        )


class PriceTable:
    """All prices; nothing of it changes but what it remembers of names it was asked for."""

    def __init__(self, prices: Iterable[PriceData] = ()) -> None:
        self._of_channel: dict[str, _Scope] = {}
        self._of_kind: dict[str, _Scope] = {}
        self._found: dict[tuple[str, str, str], tuple[PriceData, ...]] = {}
        for price in prices:
            scopes = self._of_channel if price.channel_id else self._of_kind
            scopes.setdefault(price.channel_id or price.kind, _Scope()).add(price)

    def find(self, *, model: str, kind: str, channel_id: str, at: datetime) -> PriceData | None:
        """The price of a call that begins then; None: there is none."""
        key = (model, kind, channel_id)
        fitting = self._found.get(key)
        if fitting is None:
            if len(self._found) >= REMEMBERED_NAMES:  # names come from outside
                self._found.clear()
            fitting = self._found[key] = tuple(self._fitting(*key))
        return next((price for price in fitting if price.holds(at)), None)

    def _fitting(self, model: str, kind: str, channel_id: str) -> Iterator[PriceData]:
        scopes = [self._of_channel.get(channel_id), self._of_kind.get(kind)]
        if kind:
            scopes.append(self._of_kind.get(""))
        for scope in scopes:
            if scope is not None:
                yield from scope.fitting(model.lower())


def _age(price: PriceData) -> tuple[datetime, str, bool]:
    """What holds for hours of the day alone comes before what it is an exception of."""
    return price.valid_from, price.id, price.daily is not None


def _newest_first(prices: Iterable[PriceData]) -> list[PriceData]:
    return sorted(prices, key=_age, reverse=True)


def _closest_first(found: Iterable[tuple[int, PriceData]]) -> list[PriceData]:
    """By how many letters of the name each condition asks for, then the newest."""
    ordered = sorted(found, key=lambda each: (each[0], _age(each[1])), reverse=True)
    return [price for _, price in ordered]


# -- what a request cost ---------------------------------------------------------------------


def price_request(
    entry: RequestEntry,
    prices: PriceTable,
    *,
    kind: str,
    has_begun: bool,
    is_counted: bool,
    has_sound: Callable[[], bool] = lambda: False,
) -> None:
    """Note what it cost by the model and channel that answered, at the moment it began.

    ``kind`` of that channel. Nothing where no answer had begun, or a cache gave it; None where
    there is no price, or it is one for tokens and nobody counted them (``is_counted``), or one
    for sound and pictures and nobody told them apart. ``has_sound``: whether some is read.
    """
    if not has_begun or entry.cache:
        entry.cost_credits = 0
        return
    price = prices.find(
        model=entry.served_model, kind=kind, channel_id=entry.channel_id, at=entry.created_at
    )
    if price is None or (not is_counted and price.is_for_tokens):
        return
    if entry.tokens.tells_media or not _needs_media(price.rates, has_sound=has_sound):
        entry.cost_credits, entry.price_id = cost_credits(price, entry.tokens), price.id


def _needs_media(rates: Rates, *, has_sound: Callable[[], bool]) -> bool:
    return rates.tells_output_apart or (rates.input_audio is not None and has_sound())


# -- conditions on names ----------------------------------------------------------------------


def listed_names(match: Match) -> tuple[list[str], bool]:
    """The names it lists, in small letters, and whether it says nothing else."""
    if "equals" in match:
        return [str(match["equals"]).lower()], True
    if "or" not in match:
        return [], False
    parts = [listed_names(part) for part in match["or"]]
    return [name for names, _ in parts for name in names], all(is_list for _, is_list in parts)


def matched_letters(match: Match, name: str) -> int | None:
    """How many letters of ``name``, in small letters, are asked for; None: it does not fit."""
    ((word, wanted),) = match.items()
    if word in ("or", "and"):
        found = [matched_letters(part, name) for part in wanted]
        letters = [count for count in found if count is not None]
        is_enough = word == "or" or len(letters) == len(found)
        return max(letters, default=None) if is_enough else None
    if word == "regex":
        hit = re.search(wanted, name)
        return len(hit[0]) if hit else None
    return len(wanted) if _TESTS[word](name, wanted.lower()) else None


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
}
