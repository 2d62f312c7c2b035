"""Channels from environment variables, under the names LibreChat uses; no rows are written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from providers.registry import SERVICES
from providers.route_table import ChannelSnapshot, Key

log = structlog.get_logger(__name__)

_USER_PROVIDED = "user_provided"


@dataclass(frozen=True, slots=True)
class _Variables:
    """Names of the variables of one service; ``switch`` is the one that turns it on."""

    kind: str
    switch: str
    key: str = ""
    base_url: str = ""
    models: str = ""
    options: tuple[tuple[str, str], ...] = ()


_VARIABLES = (
    _Variables(
        "openai", "OPENAI_API_KEY", "OPENAI_API_KEY", "OPENAI_REVERSE_PROXY", "OPENAI_MODELS"
    ),
    _Variables(
        "anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_REVERSE_PROXY",
        "ANTHROPIC_MODELS",
    ),
    _Variables("google", "GOOGLE_KEY", "GOOGLE_KEY", "GOOGLE_REVERSE_PROXY", "GOOGLE_MODELS"),
    _Variables(
        "azure", "AZURE_API_KEY", "AZURE_API_KEY", "AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_MODELS",
        options=(("api_version", "AZURE_OPENAI_API_VERSION"),),
    ),
    _Variables("openrouter", "OPENROUTER_KEY", "OPENROUTER_KEY"),
    _Variables("groq", "GROQ_API_KEY", "GROQ_API_KEY"),
    _Variables("mistral", "MISTRAL_API_KEY", "MISTRAL_API_KEY"),
    _Variables("deepseek", "DEEPSEEK_API_KEY", "DEEPSEEK_API_KEY"),
    _Variables("xai", "XAI_API_KEY", "XAI_API_KEY"),
    _Variables("ollama", "OLLAMA_BASE_URL", base_url="OLLAMA_BASE_URL", models="OLLAMA_MODELS"),
    _Variables(
        "cloudflare", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_TOKEN", models="CLOUDFLARE_MODELS",
        options=(("account_id", "CLOUDFLARE_ACCOUNT_ID"),),
    ),
)  # fmt: skip


def environment_channels() -> tuple[ChannelSnapshot, ...]:
    """The channels of settings.PROVIDER_ENVIRONMENT; the demo channel is not among them."""
    return _channels(tuple(settings.PROVIDER_ENVIRONMENT.items()))


@cache  # so that what is wrong is logged once, not on each request
def _channels(values: tuple[tuple[str, str], ...]) -> tuple[ChannelSnapshot, ...]:
    return tuple(_switched_on(dict(values)))


def _switched_on(values: Mapping[str, str]) -> Iterator[ChannelSnapshot]:
    for names in _VARIABLES:
        switch = values.get(names.switch, "")
        if switch == _USER_PROVIDED:
            log.warning("provider_ignored", variable=names.switch, reason="user_provided")
        elif switch and (missing := [v for _, v in names.options if not values.get(v)]):
            log.warning("provider_ignored", variable=names.switch, missing=missing)
        elif switch:
            yield _channel(names, values)


def _channel(names: _Variables, values: Mapping[str, str]) -> ChannelSnapshot:
    service = SERVICES[names.kind]
    listed = tuple(m.strip() for m in values.get(names.models, "").split(",") if m.strip())
    options = {option: values[variable] for option, variable in names.options}
    base_url = _with_path(values.get(names.base_url, ""), names.kind)
    return ChannelSnapshot(
        id=f"environment:{names.kind}",
        name=f"{service.label} ({names.switch})",
        kind=names.kind,
        endpoint=service.endpoint,
        base_url=base_url or service.address(options),
        models=listed or service.default_models,
        keys=(Key(values.get(names.key, "")),),
        options=tuple(service.with_defaults(options).items()),
    )


def _with_path(base_url: str, kind: str) -> str:
    """Ollama's address is usually given without the path of its OpenAI dialect."""
    is_bare = kind == "ollama" and base_url and not urlsplit(base_url).path.strip("/")
    return base_url.rstrip("/") + "/v1" if is_bare else base_url


def demo_channel() -> ChannelSnapshot:
    service = SERVICES["demo"]
    return ChannelSnapshot(
        id="environment:demo",
        name=service.label,
        kind=service.kind,
        endpoint=service.endpoint,
        base_url="",
        models=service.default_models,
        keys=(Key(""),),
    )
