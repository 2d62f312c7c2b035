"""Try it: a prompt through a preset, streamed to its page; nothing is stored."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse

from librechat_backend.lib.errors import InvalidRequest
from presets.admin.scope import person_of
from presets.enforcement import apply_preset
from presets.fields import dialect_of
from presets.models import Preset
from presets.parameters import to_parameters
from presets.resolution import AssignmentData, ResolvedPreset, Scope, fill_in
from presets.snapshot import current_snapshot
from presets.startup import offered_endpoints
from providers import client
from providers.errors import ProviderError
from providers.types import ChatRequest, Message, ReasoningDelta, TextDelta, TextPart

PROMPT_MAX_LENGTH = 20_000


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
    call = chat_request(resolved, prompt, str(person_of(request).pk))
    return StreamingHttpResponse(
        stream(call, resolved.endpoint),
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


def chat_request(resolved: ResolvedPreset, prompt: str, user_id: str) -> ChatRequest:
    """Raises InvalidRequest where a stored setting has become unusable."""
    kind = next((i.kind for i in offered_endpoints() if i.name == resolved.endpoint), None)
    if kind is None:
        raise InvalidRequest("This endpoint is not offered at present.")
    effective = apply_preset(resolved, {}, dialect=dialect_of(kind), allows_override=False)
    return ChatRequest(
        model=resolved.model,
        messages=(Message("user", (TextPart(prompt),)),),
        system=effective.system_message,
        parameters=to_parameters(effective.settings),
        user_id=user_id,
    )


async def stream(call: ChatRequest, endpoint: str) -> AsyncIterator[bytes]:
    """Text as it arrives; a failure ends it with a sentence."""
    has_text = False
    try:
        async with aclosing(client.stream(call, endpoint=endpoint)) as batches:
            async for batch in batches:
                text = "".join(
                    event.text for event in batch if isinstance(event, TextDelta | ReasoningDelta)
                )
                if text:
                    has_text = True
                    yield text.encode()
    except ProviderError as error:
        yield f"{chr(10) if has_text else ''}⚠ {error.message}".encode()
