"""The numbers by which one-api and new-api name a channel's service. Pure.

Up to 25 the two agree, with few exceptions; beyond it each counts for itself.
"""

from dataclasses import dataclass
from enum import StrEnum


class Flavour(StrEnum):
    ONE_API = "one-api"
    NEW_API = "new-api"


@dataclass(frozen=True, slots=True)
class Service:
    """``kind`` is that of our channels; ``address`` where nothing else is entered. ``path`` is
    what the old server put between the address and the name of the call."""

    label: str
    kind: str
    address: str = ""
    path: str = "/v1"

    def base_url(self, entered: str) -> str:
        """Empty: the address our own kind of channel knows."""
        host = entered.rstrip("/").removesuffix("/chat/completions") or self.address
        if not host or (self.path and host.endswith(self.path)):
            return host
        # Cloudflare's AI gateway has the path of the service in its address already.
        return host if host.startswith("https://gateway.ai.cloudflare.com") else host + self.path


_COMPATIBLE = "compatible"

_SHARED = {
    1: Service("OpenAI", "openai"),
    3: Service("Azure OpenAI", "azure", path=""),
    6: Service("OpenAI Max", _COMPATIBLE, "https://api.openaimax.com"),
    7: Service("OhMyGPT", _COMPATIBLE, "https://api.ohmygpt.com"),
    8: Service("Custom", _COMPATIBLE),
    9: Service("AILS", _COMPATIBLE, "https://api.caipacity.com"),
    10: Service("AI Proxy", _COMPATIBLE, "https://api.aiproxy.io"),
    12: Service("API2GPT", _COMPATIBLE, "https://api.api2gpt.com"),
    13: Service("AIGC2D", _COMPATIBLE, "https://api.aigc2d.com"),
    14: Service("Anthropic", "anthropic", path=""),
    17: Service(
        "Alibaba Cloud", _COMPATIBLE, "https://dashscope.aliyuncs.com", "/compatible-mode/v1"
    ),
    19: Service("360", _COMPATIBLE, "https://ai.360.cn"),
    20: Service("OpenRouter", "openrouter"),
    22: Service("FastGPT", _COMPATIBLE, "https://fastgpt.run/api/openapi"),
    24: Service("Google Gemini", "google", path=""),
    25: Service("Moonshot", _COMPATIBLE, "https://api.moonshot.cn"),
    99: Service("Custom", _COMPATIBLE),
}

_ONE_API = {
    2: Service("API2D", _COMPATIBLE, "https://oa.api2d.net"),
    4: Service("CloseAI", _COMPATIBLE, "https://api.closeai-proxy.xyz"),
    5: Service("OpenAI-SB", _COMPATIBLE, "https://api.openai-sb.com"),
    26: Service("Baichuan", _COMPATIBLE, "https://api.baichuan-ai.com"),
    28: Service("Mistral", "mistral"),
    29: Service("Groq", "groq"),
    30: Service("Ollama", "ollama"),
    31: Service("01.AI", _COMPATIBLE, "https://api.lingyiwanwu.com"),
    32: Service("StepFun", _COMPATIBLE, "https://api.stepfun.com"),
    36: Service("DeepSeek", "deepseek"),
    39: Service("Together AI", "together"),
    40: Service("Doubao", _COMPATIBLE, "https://ark.cn-beijing.volces.com", "/api/v3"),
    41: Service("Novita", _COMPATIBLE, "https://api.novita.ai/v3/openai", ""),
    44: Service("SiliconFlow", _COMPATIBLE, "https://api.siliconflow.cn"),
    45: Service("xAI", "xai"),
    47: Service("Baidu Qianfan", _COMPATIBLE, "https://qianfan.baidubce.com", "/v2"),
    48: Service("iFlytek Spark", _COMPATIBLE, "https://spark-api-open.xf-yun.com"),
    49: Service(
        "Alibaba Cloud", _COMPATIBLE, "https://dashscope.aliyuncs.com", "/compatible-mode/v1"
    ),
    50: Service("OpenAI-compatible", _COMPATIBLE, path=""),
    51: Service(
        "Google Gemini", _COMPATIBLE, "https://generativelanguage.googleapis.com/v1beta/openai", ""
    ),
}

_NEW_API = {
    4: Service("Ollama", "ollama"),
    26: Service("Zhipu", _COMPATIBLE, "https://open.bigmodel.cn", "/api/paas/v4"),
    27: Service("Perplexity", "perplexity", path=""),
    31: Service("01.AI", _COMPATIBLE, "https://api.lingyiwanwu.com"),
    38: Service("Jina", _COMPATIBLE, "https://api.jina.ai"),
    40: Service("SiliconFlow", _COMPATIBLE, "https://api.siliconflow.cn"),
    42: Service("Mistral", "mistral"),
    43: Service("DeepSeek", "deepseek"),
    45: Service("Volcengine", _COMPATIBLE, "https://ark.cn-beijing.volces.com", "/api/v3"),
    46: Service("Baidu Qianfan", _COMPATIBLE, "https://qianfan.baidubce.com", "/v2"),
    47: Service("Xinference", _COMPATIBLE),
    48: Service("xAI", "xai"),
}

_OWN = {Flavour.ONE_API: _ONE_API, Flavour.NEW_API: _NEW_API}


def find_service(flavour: Flavour, number: int) -> Service | None:
    """None: a service, or a dialect, this server does not speak."""
    return _OWN[flavour].get(number) or _SHARED.get(number)


def flavour_of(channel_columns: frozenset[str]) -> Flavour:
    """new-api's channels have had a switch for automatic bans from its first release on."""
    return Flavour.NEW_API if "auto_ban" in channel_columns else Flavour.ONE_API
