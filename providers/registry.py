"""The services channels can reach, one row each.

A service that speaks OpenAI's dialect is a row and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.utils.module_loading import import_string

from providers.base import Adapter

_OPENAI_CHAT = "providers.adapters.openai_chat.OpenAIChatAdapter"

# Endpoints the client knows by itself; any other name is a custom endpoint (contract 01 §5.4).
BUILT_IN_ENDPOINTS = frozenset({"openAI", "azureOpenAI", "google", "anthropic", "bedrock"})


@dataclass(frozen=True, slots=True)
class Service:
    """What is known of a service before anybody configures it.

    ``base_url`` and ``models_url`` (where models are listed, if not below the former) may hold
    ``{option}``; ``refused_fields`` of OpenAI's dialect are not sent; ``icon_url`` is empty where
    the client has an icon for the endpoint's name; ``default_models`` serve until an administrator
    lists models. ``takes_pdf``: its models read PDF files by themselves.
    ``has_responses``: it has OpenAI's Responses, too.
    """

    kind: str
    label: str
    endpoint: str
    adapter: str = _OPENAI_CHAT
    base_url: str = ""
    needs_key: bool = True
    option_names: tuple[str, ...] = ()
    refused_fields: tuple[str, ...] = ()
    models_url: str = ""
    icon_url: str = ""
    default_models: tuple[str, ...] = ()
    takes_pdf: bool = False
    has_responses: bool = False

    @property
    def is_custom(self) -> bool:
        return self.endpoint not in BUILT_IN_ENDPOINTS

    def address(self, options: Mapping[str, str]) -> str:
        return _fill(self.base_url, options)

    def with_defaults(self, options: Mapping[str, str]) -> dict[str, str]:
        """``options`` of a channel, and what the service's own row adds to them."""
        defaults = {
            "drop_params": ",".join(self.refused_fields),
            "models_url": _fill(self.models_url, options),
        }
        return {name: value for name, value in {**defaults, **options}.items() if value}


def _fill(template: str, options: Mapping[str, str]) -> str:
    for name, value in options.items():
        template = template.replace(f"{{{name}}}", value)
    return template


_ROWS = (
    Service(
        "openai", "OpenAI", "openAI",
        base_url="https://api.openai.com/v1",
        takes_pdf=True,
        has_responses=True,
        default_models=(
            "gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna", "gpt-5.5", "gpt-5.4-mini", "gpt-4.1",
        ),
    ),
    Service(
        "anthropic", "Anthropic", "anthropic",
        adapter="providers.adapters.anthropic.AnthropicAdapter",
        base_url="https://api.anthropic.com",
        takes_pdf=True,
        default_models=(
            "claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-4-6",
        ),
    ),
    Service(
        "google", "Google Gemini", "google",
        adapter="providers.adapters.google.GoogleAdapter",
        base_url="https://generativelanguage.googleapis.com",
        takes_pdf=True,
        default_models=(
            "gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-3.5-flash", "gemini-2.5-pro",
        ),
    ),
    Service(
        "azure", "Azure OpenAI", "azureOpenAI",
        adapter="providers.adapters.azure.AzureAdapter",
        option_names=("api_version", "deployment"),
    ),
    Service(
        "openrouter", "OpenRouter", "OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        takes_pdf=True,
        default_models=(
            "openrouter/auto", "openai/gpt-5.5", "google/gemini-2.5-pro",
        ),
    ),
    Service(
        "groq", "Groq", "Groq",
        base_url="https://api.groq.com/openai/v1",
        default_models=("llama-3.3-70b-versatile", "llama-3.1-8b-instant", "openai/gpt-oss-120b"),
    ),
    Service(
        "mistral", "Mistral", "Mistral",
        base_url="https://api.mistral.ai/v1",
        refused_fields=("user", "stream_options"),
        default_models=("mistral-large-latest", "mistral-medium-latest", "mistral-small-latest"),
    ),
    Service(
        "deepseek", "DeepSeek", "DeepSeek",
        base_url="https://api.deepseek.com/v1",
        default_models=("deepseek-chat", "deepseek-reasoner", "deepseek-v4-pro"),
    ),
    Service(
        "xai", "xAI", "xAI",
        base_url="https://api.x.ai/v1",
        default_models=("grok-4.7", "grok-4.6", "grok-4.3"),
    ),
    Service(
        "together", "Together AI", "Together AI",
        base_url="https://api.together.xyz/v1",
        icon_url="/assets/together.png",
        default_models=("meta-llama/Llama-3.3-70B-Instruct-Turbo", "deepseek-ai/DeepSeek-V3"),
    ),
    Service(
        "fireworks", "Fireworks", "Fireworks",
        base_url="https://api.fireworks.ai/inference/v1",
        default_models=("accounts/fireworks/models/llama-v3p3-70b-instruct",),
    ),
    Service(
        "perplexity", "Perplexity", "Perplexity",
        base_url="https://api.perplexity.ai",
        default_models=("sonar", "sonar-pro", "sonar-reasoning-pro"),
    ),
    Service(
        "ollama", "Ollama", "Ollama",
        base_url="http://localhost:11434/v1",
        needs_key=False,
        default_models=("llama3.2", "qwen3", "gemma3"),
    ),
    Service("vllm", "vLLM", "vLLM", base_url="http://localhost:8001/v1", needs_key=False),
    Service(
        "llamacpp", "llama.cpp", "llama.cpp",
        base_url="http://localhost:8080/v1",
        needs_key=False,
        default_models=("default",),
    ),
    Service(
        "lmstudio", "LM Studio", "LM Studio",
        base_url="http://localhost:1234/v1",
        needs_key=False,
    ),
    Service(
        "cloudflare", "Cloudflare Workers AI", "Cloudflare Workers AI",
        base_url="https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
        option_names=("account_id",),
        models_url=(
            "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/models/search"
            "?task=Text%20Generation&per_page=100"
        ),
        default_models=(
            "@cf/meta/llama-3.3-70b-instruct-fp8-fast", "@cf/openai/gpt-oss-120b",
            "@cf/qwen/qwen2.5-coder-32b-instruct",
        ),
    ),
    Service("compatible", "OpenAI-compatible", "OpenAI-compatible", needs_key=False),
    Service(
        "demo", "Demo", "Demo",
        adapter="providers.adapters.demo.DemoAdapter",
        needs_key=False,
        icon_url="/assets/logo.svg",
        default_models=(
            "demo-assistant", "demo-markdown", "demo-code", "demo-reasoning", "demo-echo",
            "demo-slow", "demo-failing", "demo-breaking",
        ),
    ),
)  # fmt: skip

SERVICES: dict[str, Service] = {row.kind: row for row in _ROWS}


def find_service(kind: str) -> Service | None:
    return SERVICES.get(kind)


@cache
def load_adapter(kind: str) -> Adapter:
    """The one adapter of a service's dialect. SDKs are imported at its first call, not here."""
    adapter: Adapter = import_string(SERVICES[kind].adapter)()
    return adapter
