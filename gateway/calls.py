"""One call of the API from its key to its row in the log."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from gateway.access import Caller
from gateway.catalog import Entry
from gateway.errors import ApiError, UnknownModel
from gateway.formats.costs import PricedUsage, priced, total, with_cost
from gateway.formats.sizes import BodySize, size_of
from gateway.http import Reply, Request
from gateway.targets import Target
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.client import plan_with
from providers.difficulty import judge
from providers.errors import ProviderError
from providers.route_table import Attempt, Plan, RouteQuery
from providers.routing import depends_on_difficulty
from providers.serving import price_of
from providers.sizes import byte_count
from providers.tokens import estimate_tokens, tokens_of_characters
from providers.trace import CallTrace
from providers.types import ChatRequest, StreamEvent, TextDelta, Usage
from usage.entries import Face, RequestEntry, Status, Tokens
from usage.ledger.fallbacks import Fallbacks, words
from usage.ledger.purse import Purse, Size
from usage.ledger.refusals import SpendingRefused
from usage.limits import Grant, Limit, Standing
from usage.pricing import PriceData, price_request, usd
from usage.rate_limits import Asker
from usage.recorder import record

COST_HEADER = "x-cost-credits"
SESSION_HEADER = "x-session-id"
# "easy" or "hard": the caller's own word on a question to a name that stands for two models.
DIFFICULTY_HEADER = "x-difficulty"
KEPT_BYTES = 1024 * 1024

# Only the provider knows what these take: their tokens are none of the text that is passed.
_COUNTED_ELSEWHERE = frozenset(
    {"images.generations", "audio.speech", "audio.transcriptions", "audio.translations"}
)
# What a preset can answer.
_ANSWERS = frozenset({"chat.completions", "completions", "messages", "responses"})
_WITHOUT_OUTPUT = frozenset({"embeddings", "moderations", "rerank"})
# One picture of the best quality.
_PICTURE_TOKENS = 6_240


class Call:
    """What is known of a call, gathered while it runs; ``close`` writes it down."""

    def __init__(self, request: Request, caller: Caller, operation: str) -> None:
        self.request = request
        self.caller = caller
        self.trace = CallTrace(caller.user.id, limits_for=self.limits_for)
        self.grant: Grant | None = None
        self.model_entry: Entry | None = None
        self.provider = ""
        # The preset that answers instead of what was asked for, where a budget is used up.
        self.instead: Entry | None = None
        self._asked: tuple[Entry, str] | None = None
        self._detour = ""
        # The most tokens an answer may have; None: nobody says.
        self.output_limit: int | None = None
        self._body: JSONValue = None
        self._body_size: BodySize | None = None
        # Those of a preset, instead of the caller's.
        self._instructions = ""
        self._replaced_tokens = 0
        self._counted_usage: Usage | None = None
        self._answer = bytearray()
        self._output_characters = 0
        self._output_frames = 0
        self._is_partly_estimated = False
        token = caller.token
        self.entry = RequestEntry(
            face=Face.API,
            operation=operation,
            user_id=caller.user.id,
            groups=caller.groups,
            token_id=token.id,
            token_name=token.name,
            session_id=request.headers.get(SESSION_HEADER, ""),
            status=Status.REFUSED,
            id=new_object_id(),
        )

    # -- what is asked ------------------------------------------------------------------------

    def body(self) -> JSONDict:
        """Raises ApiError."""
        if self._body is None:
            self._body = self.request.json()
        if not isinstance(self._body, dict):
            raise ApiError("The request body must be a JSON object.")
        return self._body

    def find_model(self, name: str, provider: JSONValue = None) -> Entry:
        """Raises UnknownModel; ApiError where ``provider`` has no such model."""
        if provider is not None and not isinstance(provider, str):
            raise ApiError("Invalid value for 'provider': expected a name.", param="provider")
        self.entry.requested_model = name
        if self.instead is not None:
            return self._use(self.instead, "")
        found = self.caller.find(name, provider or "")
        if found is None and provider and self.caller.find(name):
            raise ApiError(f"'{provider[:100]}' does not serve this model.", param="provider")
        if found is None:
            raise UnknownModel(name)
        return self._use(found, provider or "")

    def _use(self, found: Entry, provider: str) -> Entry:
        self.model_entry, self.provider = found, provider
        entry, preset = self.entry, found.preset
        entry.endpoint, entry.model_pattern = found.endpoint.name, found.pattern
        entry.preset_slug = preset.slug if preset else ""
        entry.preset_version = preset.preset.version if preset else 0
        entry.experiment = preset.experiment if preset else ""
        entry.variant = preset.variant if preset else ""
        return found

    def move_on(self, refused: SpendingRefused) -> bool:
        """Whether there is a preset that may answer instead; ``find_model`` then finds that one."""
        if self.entry.operation not in _ANSWERS or self.trace.first_event_at is not None:
            return False
        if self._asked is None:
            assert self.model_entry is not None  # noqa: S101 - it was refused
            self._asked = self.model_entry, self.provider
            self._detour = words(self.entry.requested_model, refused)
            self._fallbacks = Fallbacks(self.entry.preset_slug)
        slug = self._fallbacks.after(refused)
        found = self.caller.find(slug) if slug else None
        if found is None or found.preset is None:
            return False
        self.instead = found
        # With another purse, and none of the places that were taken.
        self.trace.settle()
        self.trace.purse = None
        return True

    def stay(self) -> None:
        """Nothing else answers: it was what was asked for that was refused."""
        if self._asked is not None:
            self.instead, self._detour = None, ""
            self._use(*self._asked)

    def price_of(self, entry: Entry) -> PriceData | None:
        """What a call of it costs now; None: there is no price."""
        query = RouteQuery(entry.model, self.caller.offer.principal, entry.endpoint.name)
        return price_of(self.caller.table, self.caller.prices, query, self.entry.created_at)

    def route_query(self) -> RouteQuery:
        assert self.model_entry is not None  # noqa: S101 - find_model comes first
        model, endpoint = self.model_entry.model, self.model_entry.endpoint.name
        return RouteQuery(model, self.caller.offer.principal, endpoint, self.provider)

    def limits_for(self, model: str) -> list[Limit]:
        """Those of the person, the groups, the model and the address."""
        if not self.caller.rules.rules:
            return []
        assert self.model_entry is not None  # noqa: S101 - find_model comes first
        asker = Asker(
            self.caller.user.id,
            self.caller.offer.principal.group_ids,
            self.request.ip_address,
            (self.entry.requested_model, self.model_entry.id, self.model_entry.model),
        )
        return self.caller.rules.limits_for(asker, model)

    def plan(self, make_request: Callable[[], ChatRequest] | None = None) -> Plan:
        """The calls to try for the model that was found.

        ``make_request`` reads the question, where it decides between two models.
        """
        self.entry.status = Status.FAILED
        self.trace.purse = self.trace.purse or self._purse()
        query = self.route_query()
        if make_request is not None and depends_on_difficulty(self.caller.table, query):
            difficulty = judge(make_request(), self.request.headers.get(DIFFICULTY_HEADER, ""))
            self.trace.decision = str(difficulty)
            query = replace(query, is_hard=difficulty.is_hard)
        return plan_with(self.caller.table, query)

    def _purse(self) -> Purse:
        caller, slug = self.caller, self.entry.preset_slug
        return Purse(
            replace(caller.payer, preset_slug=slug) if slug else caller.payer,
            billing=caller.billing,
            prices=caller.prices,
            measure=self._measure,
        )

    def aim(self, target: Target, own_instructions: str) -> None:
        """``own_instructions``: those of the body, which a preset's replace."""
        self.entry.resolved_hash = target.resolved_hash
        self.output_limit = target.parameters.max_output_tokens
        if target.system is not None:
            self._instructions = target.system
            self._replaced_tokens = estimate_tokens(own_instructions)

    def _measure(self, model: str) -> Size:
        size = self._size()
        sent = len(self.request.body) + byte_count(self._instructions)
        most_input, sound = size.most(sent, model), size.most_sound()
        if self.entry.operation in _WITHOUT_OUTPUT:
            return Size(self.estimated_input(), 0, most_input=most_input, most_sound=sound)
        wanted = self._body.get("n") if isinstance(self._body, dict) else None
        answers = wanted if isinstance(wanted, int) and wanted > 1 else 1
        is_picture = self.entry.operation == "images.generations"
        most = _PICTURE_TOKENS if is_picture else self.output_limit
        return Size(self.estimated_input(), most, answers, most_input, sound)

    def estimated_input(self) -> int:
        """Tokens of what a model would read of the body; of other bodies than JSON nothing is
        known."""
        told = self._size().estimated() - self._replaced_tokens
        return max(0, told) + estimate_tokens(self._instructions)

    def _size(self) -> BodySize:
        """Of the body, which is read once; a form holds sound."""
        if self._body_size is None:
            if self._body is None and self.request.headers.get("content-type", "").endswith("json"):
                self._body = self.request.json()
            form = len(self.request.body) if self._body is None else 0
            self._body_size = BodySize(form=form) if form else size_of(self._body)
        return self._body_size

    # -- what is answered ---------------------------------------------------------------------

    def standings(self) -> list[Standing]:
        """What is left of all limits that hold for the call."""
        grants = (self.grant, self.trace.caller_grant)
        return [standing for grant in grants if grant for standing in grant.standings()]

    def has_begun(self) -> None:
        self.trace.first_event()
        self.entry.status = Status.STOPPED  # unless it comes to its end

    def see(self, events: Iterable[StreamEvent]) -> None:
        self.trace.see(events)
        for event in events:
            if isinstance(event, TextDelta):
                self._output_characters += len(event.text)

    def ask_again(self, attempt: Attempt) -> None:
        """For one more answer, which is counted by itself: what those before took is kept."""
        usage, is_estimated = self._counted_last(is_whole=True)
        self.trace.ask_again(attempt, usage)
        self._is_partly_estimated |= is_estimated
        self._output_characters = 0

    def count(self, usage: Usage | None, frame_count: int) -> None:
        """Of a relayed stream, so far: ``usage`` where the provider has said it."""
        self.trace.usage = usage
        self._output_frames = frame_count

    def usage(self) -> tuple[PricedUsage, bool]:
        """What the call took and cost until now, and whether that is an estimate."""
        usage, is_estimated = self._counted()
        return priced(usage, self.cost_usd(usage)), is_estimated

    def _counted(self) -> tuple[Usage, bool]:
        """Of all answers."""
        usage, is_estimated = self._counted_last(is_whole=self.entry.status is Status.OK)
        if not self.trace.earlier:
            return usage, is_estimated
        return total([*self.trace.earlier, usage]), is_estimated or self._is_partly_estimated

    def _counted_last(self, *, is_whole: bool) -> tuple[Usage, bool]:
        """Of an answer that broke off a provider may have reported the beginning alone."""
        reported = self.trace.usage
        if reported is not None and is_whole:
            return reported, False
        output = tokens_of_characters(self._output_characters) or self._output_frames
        if reported is None:
            return Usage(self.estimated_input(), output), True
        is_less = reported.output_tokens < output
        return replace(reported, output_tokens=max(reported.output_tokens, output)), is_less

    def finish(self) -> None:
        """The answer came to its own end."""
        self.entry.status = Status.OK

    def fail(self, error: ProviderError | ApiError) -> None:
        """After the first words or before them."""
        has_begun = self.trace.first_event_at is not None
        if isinstance(error, ProviderError):
            self.entry.error = str(error.kind)
        else:
            self.entry.error = error.code or "invalid_request"
        if has_begun:
            self.entry.status = Status.PARTIAL

    def broke_off(self, error: ProviderError) -> None:
        """After the first words."""
        self.fail(error)
        self.trace.fail(error)

    def keep(self, answer: bytes) -> None:
        if self.caller.token.keeps_content and len(self._answer) < KEPT_BYTES:
            self._answer += answer[: KEPT_BYTES - len(self._answer)]

    # -- the end ------------------------------------------------------------------------------

    def close(self, http_status: int) -> None:
        entry, trace = self.entry, self.trace
        entry.http_status = http_status
        entry.channel_name = trace.channel_name
        entry.key_id, entry.attempts = trace.key_id, trace.attempts
        entry.routing = self._detour or trace.decision
        entry.first_token_ms, entry.total_ms = trace.first_event_ms, trace.total_ms
        if trace.first_event_at is None:
            self._price()
        else:
            usage, entry.is_estimated = self._counted()
            self._took(usage)
        entry.reservation = trace.reservation
        if self.grant is not None:
            self.grant.settle(entry.tokens.input_tokens + entry.tokens.output_tokens)
        if self.caller.token.keeps_content:
            answer = self._answer.decode("utf-8", "replace")
            entry.content = {"request": self._body, "answer": answer}
        trace.settle()
        # Both hold the call: in no circle it is gone at once, without a search for garbage.
        trace.limits_for = trace.purse = None
        record(entry)

    def relayed_reply(self, body: bytes, usage: Usage | None) -> Reply:
        """For the ``body`` of a provider that came as a whole."""
        cost = self.cost_usd(usage) if usage else None
        return self.whole_reply(with_cost(body, cost))

    def cost_headers(self) -> dict[str, str]:
        """Of an answer that is whole and was asked for from a model, or remembered."""
        if not (self.trace.attempts or self.entry.cache):
            return {}
        self._took(self._counted()[0], has_begun=self.trace.first_event_at is not None)
        cost = self.entry.cost_credits
        return {} if cost is None else {COST_HEADER: str(cost)}

    def cost_usd(self, usage: Usage) -> float | None:
        """Of an answer that took so much; None: there is no price."""
        self._took(usage)
        cost = self.entry.cost_credits
        return None if cost is None else usd(cost)

    def _took(self, usage: Usage, *, has_begun: bool = True) -> None:
        """Note what it took and cost; of the same report once."""
        if usage is not self._counted_usage:
            self._counted_usage, self.entry.tokens = usage, tokens_of(usage)
            self._price(has_begun=has_begun)

    def _price(self, *, has_begun: bool = False) -> None:
        entry, trace = self.entry, self.trace
        entry.served_model, entry.channel_id = trace.model, trace.channel_id
        price_request(
            entry,
            self.caller.prices,
            kind=trace.channel_kind,
            has_begun=has_begun,
            is_counted=trace.usage is not None or entry.operation not in _COUNTED_ELSEWHERE,
            has_sound=lambda: self._size().most_sound() > 0,
        )

    def whole_reply(self, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        """For an answer in one piece that came to its end."""
        self.keep(body)
        self.finish()
        return Reply(body, headers=headers or {})


def tokens_of(usage: Usage) -> Tokens:
    return Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        input_audio_tokens=usage.input_audio_tokens,
        input_image_tokens=usage.input_image_tokens,
        output_audio_tokens=usage.output_audio_tokens,
        output_image_tokens=usage.output_image_tokens,
        tells_media=usage.tells_media,
    )
