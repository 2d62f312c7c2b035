"""Try it: a prompt through a preset, streamed to its page; what is said is not stored."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse

from accounts.groups import effective_groups
from accounts.models import User
from librechat_backend.lib.errors import InvalidRequest
from presets.admin.scope import person_of
from presets.enforcement import apply_preset
from presets.fields import dialect_of
from presets.fingerprint import resolved_hash
from presets.models import Preset
from presets.parameters import to_parameters
from presets.resolution import AssignmentData, ResolvedPreset, Scope, fill_in
from presets.snapshot import current_snapshot
from presets.startup import offered_endpoints
from presets.variables import fill_variables
from providers import client
from providers.errors import ProviderError
from providers.route_table import Principal
from providers.sizes import most_tokens, request_tokens
from providers.trace import CallTrace
from providers.types import (
    ChatRequest,
    Message,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TextPart,
)
from usage.entries import Face, RequestEntry, Status, Tokens
from usage.ledger.pools import Payer, current_billing
from usage.ledger.purse import Purse, Size
from usage.prices import current_prices
from usage.pricing import PriceTable, price_request
from usage.recorder import record

PROMPT_MAX_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class Tried:
    """One call, what it is paid from, and the prices."""

    trace: CallTrace
    prices: PriceTable


def show(admin: object, request: HttpRequest, preset: Preset) -> HttpResponse:
    resolved = resolved_preset(preset)
    context = {
        **admin.admin_site.each_context(request),  # type: ignore[attr-defined]
        "title": f"Try “{preset}”",
        "opts": Preset._meta,
        "original": preset,
        "preset": preset,
        "resolved": resolved,
        "problem": problem_of(resolved),
    }
    return TemplateResponse(request, "presets/admin/try_it.html", context)


def answer(request: HttpRequest, preset: Preset) -> HttpResponse | StreamingHttpResponse:
    """The model's answer as plain text, piece by piece; 400 with a reason in words."""
    prompt = request.POST.get("prompt", "").strip()[:PROMPT_MAX_LENGTH]
    resolved = resolved_preset(preset)
    problem = problem_of(resolved) or ("" if prompt else "Write something first.")
    if problem:
        return HttpResponse(problem, status=400, content_type="text/plain; charset=utf-8")
    person = person_of(request)
    call = chat_request(resolved, prompt, person)
    return StreamingHttpResponse(
        stream(call, log_entry(resolved, call, person), _paid(resolved, call, person)),
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def resolved_preset(preset: Preset) -> ResolvedPreset:
    """With what it inherits, as if it were given to the person who tries it."""
    presets = current_snapshot().presets
    own = AssignmentData("", preset.pk, Scope.USER, datetime.now(UTC))
    return fill_in(presets[preset.pk], presets, own)


def problem_of(resolved: ResolvedPreset) -> str:
    """Why it cannot be tried; empty: it can."""
    if not resolved.endpoint or not resolved.model:
        return "This preset has no model yet, neither its own nor an inherited one."
    served = {(info.name, model) for info in offered_endpoints() for model in info.models}
    if (resolved.endpoint, resolved.model) not in served:
        return f"No channel serves “{resolved.model}” of “{resolved.endpoint}” at present."
    return ""


def chat_request(resolved: ResolvedPreset, prompt: str, person: User) -> ChatRequest:
    """Raises InvalidRequest where a stored setting has become unusable."""
    kind = next((i.kind for i in offered_endpoints() if i.name == resolved.endpoint), None)
    if kind is None:
        raise InvalidRequest("This endpoint is not offered at present.")
    effective = apply_preset(resolved, {}, dialect=dialect_of(kind), allows_override=False)
    return ChatRequest(
        model=resolved.model,
        messages=(Message("user", (TextPart(prompt),)),),
        system=fill_variables(
            effective.system_message,
            user_name=person.name or person.username,
            moment=datetime.now(UTC),
            timezone=settings.TIME_ZONE,
        ),
        parameters=to_parameters(effective.settings),
        user_id=person.id,
    )


def _paid(resolved: ResolvedPreset, call: ChatRequest, person: User) -> Tried:
    """It is paid as if the person who tries it had used the preset in the chat."""
    groups = tuple((group.id, group.name) for group in effective_groups(person.id))
    prices = current_prices()
    purse = Purse(
        Payer(user_id=person.id, groups=groups, preset_slug=resolved.slug),
        billing=current_billing(),
        prices=prices,
        measure=partial(_size, call),
    )
    return Tried(CallTrace(person.id, purse=purse), prices)


def _size(call: ChatRequest, model: str) -> Size:
    most = most_tokens(call, model)
    return Size(request_tokens(call), call.parameters.max_output_tokens, most_input=most)


def log_entry(resolved: ResolvedPreset, call: ChatRequest, person: User) -> RequestEntry:
    return RequestEntry(
        face=Face.ADMIN,
        operation="try_it",
        user_id=person.id,
        preset_slug=resolved.slug,
        preset_version=resolved.preset.version,
        resolved_hash=resolved_hash(
            endpoint=resolved.endpoint,
            model=resolved.model,
            system_message=str(resolved.fields.get("system_message", "")),
            parameters=call.parameters,
        ),
        endpoint=resolved.endpoint,
        requested_model=resolved.model,
        is_streamed=True,
        status=Status.STOPPED,  # unless it comes to its end
    )


async def stream(call: ChatRequest, entry: RequestEntry, tried: Tried) -> AsyncIterator[bytes]:
    """Text as it arrives; a failure ends it with a sentence. What it took is written down, and
    paid."""
    try:
        async with aclosing(_told(call, entry, tried.trace)) as texts:
            async for text in texts:
                yield text
    finally:
        _record(entry, tried.trace, tried.prices)


async def _told(
    call: ChatRequest, entry: RequestEntry, trace: CallTrace
) -> AsyncGenerator[bytes, None]:
    has_text = False
    operator = Principal(is_operator=True)
    try:
        events = client.stream(call, endpoint=entry.endpoint, principal=operator, trace=trace)
        async with aclosing(events) as batches:
            async for batch in batches:
                if text := _text(batch):
                    has_text = True
                    yield text.encode()
        entry.status = Status.OK
    except ProviderError as error:
        entry.status = Status.PARTIAL if has_text else Status.FAILED
        entry.error = str(error.kind)
        yield f"{chr(10) if has_text else ''}⚠ {error.message}".encode()


def _text(batch: Sequence[StreamEvent]) -> str:
    return "".join(each.text for each in batch if isinstance(each, TextDelta | ReasoningDelta))


def _record(entry: RequestEntry, trace: CallTrace, prices: PriceTable) -> None:
    entry.served_model, entry.routing = trace.model, trace.decision
    entry.channel_id, entry.channel_name = trace.channel_id, trace.channel_name
    entry.key_id, entry.attempts = trace.key_id, trace.attempts
    entry.first_token_ms, entry.total_ms = trace.first_event_ms, trace.total_ms
    if trace.usage is not None:
        entry.tokens = Tokens(**asdict(trace.usage))
    price_request(
        entry,
        prices,
        kind=trace.channel_kind,
        has_begun=trace.first_event_at is not None,
        is_counted=trace.usage is not None,
    )
    entry.reservation = trace.reservation
    record(entry)
