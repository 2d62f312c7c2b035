"""The ``.env`` of a LibreChat server: what each of its variables is here. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from moving.librechat_yaml.plan import Plan

_VARIABLE = re.compile(r"\$\{([^${}]+)\}")


class Reading(StrEnum):
    SAME = "the same here"
    TRANSLATED = "translated"
    USED = "used by the file"
    REFUSED = "not supported"
    UNKNOWN = "not known here"


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    reading: Reading
    text: str


# Old name → ours; the values mean the same.
_RENAMED = {
    "TEMP_CHAT_RETENTION_HOURS": "TEMPORARY_CHAT_RETENTION",
    "REDIS_URI": "REDIS_URL",
    "FILE_UPLOAD_SSE_ENABLED": "FILE_UPLOAD_SSE",
    "OPENAI_SUMMARIZE": "SUMMARIZE_HISTORY",
    "OPENAI_SUMMARY_MODEL": "SUMMARY_MODEL",
    "OPENAI_TITLE_MODEL": "TITLE_MODEL",
}
_BILLING = {
    "CHECK_BALANCE": "has_balances",
    "START_BALANCE": "start_credits",
}
# A channel of its own, as soon as the variable is in this server's environment.
_MAKES_CHANNEL = frozenset(
    {
        "OPENROUTER_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY",
        "OLLAMA_BASE_URL",
    }
)  # fmt: skip
_KEYS_OF_BUILT_IN = frozenset({"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_KEY"})
_READ_BY_IMPORT = {
    "MONGO_URI": "The source of import_librechat; this server has DATABASE_URL.",
    "ENDPOINTS": "Tells where custom endpoints stand in the menu.",
    "CONFIG_PATH": "Name that file to this command.",
}
# Beginning of names → why they are not supported; the first that fits.
_REASONS: Mapping[str, str] = {
    "MONGO_": "The database is SQLite or PostgreSQL: DATABASE_URL.",
    "MEILI_": "Searching needs no server of its own here.",
    "SEARCH": "Searching is always on.",
    "RAG_": "There is no retrieval from documents yet.",
    "EMBEDDINGS_": "There is no retrieval from documents yet.",
    "FIREBASE_": "Files are on disk or in S3.",
    "AZURE_STORAGE_": "Files are on disk or in S3.",
    "AZURE_CONTAINER_NAME": "Files are on disk or in S3.",
    "CLOUDFRONT_": "Files are on disk or in S3.",
    "S3_": "Addresses of files in S3 are never stored.",
    "AWS_FORCE_PATH_STYLE": "How S3 is addressed follows from its address.",
    "BEDROCK_": "There is no channel for Amazon Bedrock.",
    "AZURE_": "Azure’s models come from azureOpenAI in the file, or from AZURE_API_KEY with "
    "AZURE_OPENAI_BASE_URL and AZURE_OPENAI_API_VERSION.",
    "ASSISTANTS_": "The Assistants API is not offered.",
    "DALLE": "There is no making of pictures.",
    "FLUX_": "There is no making of pictures.",
    "IMAGE_GEN_": "There is no making of pictures.",
    "GEMINI_": "There is no making of pictures.",
    "SD_WEBUI_": "There is no making of pictures.",
    "OPENAI_MODERATION": "Messages are not moderated by a model.",
    "OPENAI_": "It is not sent.",
    "ANTHROPIC_": "Claude is asked at Anthropic, not at Vertex.",
    "GOOGLE_SAFETY_": "Google’s own limits hold.",
    "GOOGLE_": "It is not used.",
    "TAVILY_": "There is no such tool.",
    "SERPER_": "There is no such tool.",
    "FIRECRAWL_": "There is no such tool.",
    "JINA_": "There is no such tool.",
    "COHERE_": "There is no such tool.",
    "WOLFRAM_": "There is no such tool.",
    "OPENWEATHER_": "There is no such tool.",
    "TRAVERSAAL_": "There is no such tool.",
    "ZAPIER_": "There is no such tool.",
    "LIBRECHAT_CODE_": "There is no running of code.",
    "CODE_SANDBOX_": "There is no running of code.",
    "MCP_": "There are no tool servers yet.",
    "LANGFUSE_": "There is no tracing by Langfuse.",
    "OTEL_": "Figures are at /metrics; there is no tracing.",
    "RUM_": "Browsers are not measured.",
    "ANALYTICS_": "Browsers are not measured.",
    "SHAREPOINT_": "There is no SharePoint.",
    "ENABLE_SHAREPOINT": "There is no SharePoint.",
    "TURNSTILE_": "There is no captcha; attempts are limited.",
    "DEBUG_": "LOG_LEVEL says how much is logged.",
    "CONSOLE_JSON": "LOG_FORMAT=json does that.",
    "LOG_TO_FILE": "Logs go to the standard output.",
    "NODE_": "It is about Node.",
    "USE_REDIS": "REDIS_URL alone decides.",
    "REDIS_": "REDIS_URL says all of it.",
    "UID": "It is about the container.",
    "GID": "It is about the container.",
    "PROXY": "RELAY_PROXY_URL, or HTTPS_PROXY as every program has it.",
    "HTTP_": "Timeouts of connections are our own.",
    "HTTPS_PROXY": "Every program has it from its environment.",
    "NO_PROXY": "Every program has it from its environment.",
    "OPENID_": "Signing in by OpenID does it its own way.",
    "SAML_": "Signing in by SAML does it its own way.",
    "EMAIL_": "Mail is sent by SMTP with EMAIL_HOST.",
    "MAILGUN_": "Mail is sent by SMTP with EMAIL_HOST.",
    "ENTRA_": "People are found in our own database.",
    "USE_ENTRA_": "People are found in our own database.",
    "STT_": "Speech is a channel: see “speech” in the file.",
    "TTS_": "Speech is a channel: see “speech” in the file.",
}


def read_environment(
    env: Mapping[str, str], plan: Plan, known: Collection[str], used: str
) -> list[Variable]:
    """What each variable is, by name. ``known`` are the variables this server reads; ``used`` is
    the text of the file. Old forms go into ``plan`` where the file does not say the same."""
    in_file = set(_VARIABLE.findall(used))
    for name in sorted(env):
        _translate(name, env[name], plan)
    return [_variable(name, env, known, in_file) for name in sorted(env)]


def _translate(name: str, value: str, plan: Plan) -> None:
    if name in _RENAMED and value:
        if all(setting.name != _RENAMED[name] for setting in plan.settings):
            plan.set(_RENAMED[name], value, f".env: {name}")
    elif name == "CHECK_BALANCE" and value:
        plan.billing.setdefault("has_balances", value.lower() == "true")
    elif name == "START_BALANCE" and value.isdecimal():
        plan.billing.setdefault("start_credits", int(value))


def _variable(
    name: str, env: Mapping[str, str], known: Collection[str], in_file: Collection[str]
) -> Variable:
    if name in _RENAMED:
        return Variable(name, Reading.TRANSLATED, f"{_RENAMED[name]} here")
    if name in _BILLING:
        return Variable(name, Reading.TRANSLATED, f"billing rules: {_BILLING[name]}")
    if use := _use(name, env, in_file):
        return Variable(name, Reading.USED, use)
    if name in known:
        return Variable(name, Reading.SAME, "copy it into this server’s environment")
    reason = next((text for start, text in _REASONS.items() if name.startswith(start)), "")
    if reason:
        return Variable(name, Reading.REFUSED, reason)
    return Variable(name, Reading.UNKNOWN, "It has no meaning here.")


def _use(name: str, env: Mapping[str, str], in_file: Collection[str]) -> str:
    """What moving in has made of it; empty: nothing."""
    if name in _READ_BY_IMPORT:
        return _READ_BY_IMPORT[name]
    if name in _KEYS_OF_BUILT_IN and not env[name]:
        return "empty"
    if name in _KEYS_OF_BUILT_IN:
        return "made a channel; in this server’s own environment it would make another"
    if name in in_file and name in _MAKES_CHANNEL:
        return (
            "stands in what was loaded; leave it out of this server’s environment, where it makes "
            "a channel, too"
        )
    return "stands in what was loaded" if name in in_file else ""
