"""Which channels are in use: rows, environment, demo; and how changes are noticed."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from providers import catalog, services, snapshots
from providers.models import Channel, ChannelKey
from providers.route_table import ChannelSnapshot
from providers.snapshots import current_channels

pytestmark = pytest.mark.django_db


def store(name: str = "Mine", secret: str = "sk-1", **fields: Any) -> Channel:
    channel = Channel(name=name, **{"kind": "openai", **fields})
    services.save_channel(channel=channel)
    if secret:
        services.add_key(channel=channel, secret=secret)
    return channel


def only() -> ChannelSnapshot:
    (channel,) = current_channels()
    return channel


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    values: dict[str, str] = {}
    settings.PROVIDER_ENVIRONMENT = values
    return values


def test_demo_serves_while_nothing_else_does(environment: dict[str, str]) -> None:
    assert only().kind == "demo"
    channel = store()
    assert only().kind == "openai"
    services.delete_channel(channel=channel)
    assert only().kind == "demo"


@pytest.mark.parametrize(("choice", "kinds"), [("false", []), ("true", ["demo"])])
def test_demo_can_be_switched(
    environment: dict[str, str], settings: Settings, choice: str, kinds: list[str]
) -> None:
    settings.DEMO_PROVIDER = choice
    assert [channel.kind for channel in current_channels()] == kinds
    store()
    assert [channel.kind for channel in current_channels()] == ["openai", *kinds]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"OPENAI_API_KEY": "sk-e", "OPENAI_MODELS": "gpt-a, gpt-b,"},
            ("openAI", "https://api.openai.com/v1", "sk-e", ("gpt-a", "gpt-b")),
        ),
        (
            {
                "ANTHROPIC_API_KEY": "sk-a",
                "ANTHROPIC_REVERSE_PROXY": "http://proxy",
                "ANTHROPIC_MODELS": "c",
            },
            ("anthropic", "http://proxy", "sk-a", ("c",)),
        ),
        (
            {"OLLAMA_BASE_URL": "http://box:11434", "OLLAMA_MODELS": "qwen"},
            ("Ollama", "http://box:11434/v1", "", ("qwen",)),
        ),
        (
            {"OLLAMA_BASE_URL": "http://box/api/v1", "OLLAMA_MODELS": "qwen"},
            ("Ollama", "http://box/api/v1", "", ("qwen",)),
        ),
        (
            {
                "CLOUDFLARE_API_TOKEN": "cf",
                "CLOUDFLARE_ACCOUNT_ID": "acc",
                "CLOUDFLARE_MODELS": "@cf/x",
            },
            (
                "Cloudflare Workers AI",
                "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1",
                "cf",
                ("@cf/x",),
            ),
        ),
    ],
)
def test_environment_makes_a_channel(
    environment: dict[str, str], values: dict[str, str], expected: tuple[object, ...]
) -> None:
    environment.update(values)
    channel = only()
    found = (channel.endpoint, channel.base_url, channel.keys[0].secret, channel.models)
    assert found == expected
    assert not Channel.objects.exists()


def test_azure_of_the_environment_has_its_version(environment: dict[str, str]) -> None:
    environment |= {
        "AZURE_API_KEY": "az",
        "AZURE_OPENAI_BASE_URL": "https://me.openai.azure.com",
        "AZURE_OPENAI_API_VERSION": "2025-01-01",
        "AZURE_OPENAI_MODELS": "gpt-4o",
    }
    channel = only()
    assert channel.endpoint == "azureOpenAI"
    assert channel.options == (("api_version", "2025-01-01"),)


@pytest.mark.parametrize(
    "values",
    [{"OPENAI_API_KEY": "user_provided"}, {"CLOUDFLARE_API_TOKEN": "token without account"}],
)
def test_unusable_environment_is_ignored(
    environment: dict[str, str], values: dict[str, str]
) -> None:
    environment.update(values)
    assert only().kind == "demo"


def test_channel_without_a_usable_key_is_left_out(environment: dict[str, str]) -> None:
    store("No key", secret="")
    broken = store("Broken")
    ChannelKey.objects.filter(channel=broken).update(encrypted="v1:bm9uc2Vuc2U=")
    off = store("Off")
    ChannelKey.objects.filter(channel=off).update(is_active=False)
    store("Inactive", is_active=False)
    store("Unknown", kind="nobody")
    assert only().kind == "demo"


def test_service_without_keys_needs_none(environment: dict[str, str]) -> None:
    store(secret="", kind="ollama", model_names=["qwen"])
    assert (only().base_url, only().keys[0].secret) == ("http://localhost:11434/v1", "")


def test_row_of_the_service_fills_what_is_left_empty(environment: dict[str, str]) -> None:
    store(kind="mistral")
    channel = only()
    assert channel.endpoint == "Mistral"
    assert channel.base_url == "https://api.mistral.ai/v1"
    assert "mistral-large-latest" in channel.models
    assert dict(channel.options) == {"drop_params": "user,stream_options"}


def test_cloudflare_lists_its_models_elsewhere(environment: dict[str, str]) -> None:
    store(kind="cloudflare", options={"account_id": "acc"})
    options = dict(only().options)
    assert only().base_url == "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1"
    assert options["models_url"].startswith(
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/models/search"
    )


def test_unchanged_channels_cost_one_query(
    environment: dict[str, str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        store(f"Channel {number}")
    with django_assert_num_queries(2):
        current_channels()
    with django_assert_num_queries(1):
        assert len(current_channels()) == 3


def test_each_change_is_noticed(environment: dict[str, str]) -> None:
    channel = store(model_names=["a"])
    assert only().models == ("a",)
    services.set_models(channel=channel, names=["b"])
    assert only().models == ("b",)
    services.add_key(channel=channel, secret="sk-2")
    assert {key.secret for key in only().keys} == {"sk-1", "sk-2"}
    services.set_secret(key=channel.keys.first() or ChannelKey(), secret="sk-3")
    assert {key.secret for key in only().keys} == {"sk-2", "sk-3"}


def test_channels_keep_their_order_and_only_active_keys(environment: dict[str, str]) -> None:
    second = store("B", model_names=["b"])
    store("A", model_names=["a"], secret="sk-a")
    store("C", kind="ollama", model_names=["c"], secret="", priority=5)
    for secret in ("sk-2", "sk-3"):
        services.add_key(channel=second, secret=secret)
    ChannelKey.objects.filter(pk=second.keys.order_by("created_at")[1].pk).update(is_active=False)
    services.announce_change()
    found = [(c.name, [key.secret for key in c.keys]) for c in current_channels()]
    assert found == [("C", [""]), ("A", ["sk-a"]), ("B", ["sk-1", "sk-3"])]


def test_no_query_is_made_for_channels_while_there_never_were_any(
    environment: dict[str, str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    snapshots._cached = None
    current_channels("")
    with django_assert_num_queries(0):
        current_channels("")


@pytest.mark.parametrize(("secret", "hint"), [("sk-short", ""), ("sk-0123456789", "6789")])
def test_hint_shows_little_of_a_key(secret: str, hint: str) -> None:
    channel = store(secret="")
    assert services.add_key(channel=channel, secret=f" {secret} ").hint == hint


def test_endpoints_merge_the_channels_of_one_name(environment: dict[str, str]) -> None:
    store("One", model_names=["a", "b"])
    store("Two", model_names=["c", "b"], priority=5)
    store("Three", kind="groq", model_names=["l"])
    store("Four", kind="compatible", endpoint="House", base_url="http://h/v1", model_names=["h"])
    store("Five", kind="vllm", secret="")  # no models: nothing to choose
    found = [(e.name, e.is_custom, e.label, e.order, e.models) for e in catalog.list_endpoints()]
    assert found == [
        ("openAI", False, "OpenAI", 0, ("c", "b", "a")),
        ("Groq", True, "Groq", 1, ("l",)),
        ("House", True, "House", 2, ("h",)),
    ]


def test_models_with_names_no_chat_has_room_for_are_not_offered(
    environment: dict[str, str],
) -> None:
    store("One", model_names=["x" * 201, "x" * 200])
    store("Two", kind="groq", model_names=["x" * 201])
    assert [(e.name, e.models) for e in catalog.list_endpoints()] == [("openAI", ("x" * 200,))]


def test_endpoint_is_found_by_its_exact_name(environment: dict[str, str]) -> None:
    store(model_names=["a"])
    found = catalog.find_endpoint("openAI")
    assert found is not None
    assert found.models == ("a",)
    assert catalog.find_endpoint("openai") is None


def test_menu_shows_what_channels_say_of_themselves(environment: dict[str, str]) -> None:
    store("Second", kind="compatible", endpoint="Harbour", model_names=["tide-1"], menu_order=20)
    own = {"menu_label": "Pilot", "icon_url": "https://x.example/i.png", "title_model": "tide-0"}
    store("First", kind="compatible", endpoint="Quay", model_names=["q"], menu_order=10, **own)
    store("Mine", model_names=["gpt-a"])
    quay, harbour, openai = catalog.list_endpoints()
    assert (quay.name, quay.label, quay.icon_url, quay.title_model) == ("Quay", *own.values())
    assert (harbour.label, harbour.icon_url, harbour.title_model) == ("Harbour", "", "")
    assert openai.name == "openAI"
