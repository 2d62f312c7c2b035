"""Model providers from the environment (providers/environment.py)."""

from librechat_backend.settings.base import env

DEMO_PROVIDER = env.choice("DEMO_PROVIDER", "auto", {"auto", "true", "false"})
# Requests to models go through this address, unless a channel has a relay of its own.
RELAY_PROXY_URL = env.text("RELAY_PROXY_URL")
RELAY_PROXY_KEY = env.text("RELAY_PROXY_KEY")

# Addresses of the operator's own network that channels may have (providers/guard.py).
ALLOWED_INTERNAL_HOSTS = env.hosts("ALLOWED_INTERNAL_HOSTS")

PROVIDER_ENVIRONMENT = {
    name: env.text(name)
    for name in (
        "OPENAI_API_KEY", "OPENAI_REVERSE_PROXY", "OPENAI_MODELS",
        "ANTHROPIC_API_KEY", "ANTHROPIC_REVERSE_PROXY", "ANTHROPIC_MODELS",
        "GOOGLE_KEY", "GOOGLE_REVERSE_PROXY", "GOOGLE_MODELS",
        "AZURE_API_KEY", "AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_API_VERSION", "AZURE_OPENAI_MODELS",
        "OPENROUTER_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY",
        "OLLAMA_BASE_URL", "OLLAMA_MODELS",
        "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_MODELS",
    )
}  # fmt: skip
