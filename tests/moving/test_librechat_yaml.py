"""A LibreChat configuration, loaded: what people then see, and which channels there are."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Role
from librechat_backend.lib.crypto import decrypt
from providers.models import Channel
from tests.moving.conftest import ONE, Load, reason
from usage.models import BillingRules, Price

Ask = Callable[[str], Any]


# -- What people see -------------------------------------------------------------------------


def test_menu_is_as_the_file_says(load_all: Load, ask: Ask) -> None:
    load_all()
    endpoints = ask("/api/endpoints")
    names = sorted(set(endpoints) - {"agents"}, key=lambda name: endpoints[name]["order"])
    assert names == ["openAI", "Harbour"]
    harbour = endpoints["Harbour"]
    assert (harbour["type"], harbour["modelDisplayLabel"]) == ("custom", "Pilot")
    assert harbour["iconURL"] == "https://harbour.example/icon.png"
    models = {"openAI": ["gpt-4.1"], "Harbour": ["tide-1", "tide-2"], "agents": []}
    assert ask("/api/models") == models
    specs = ask("/api/config")["modelSpecs"]
    assert (specs["enforce"], specs["prioritize"]) == (False, True)
    assert specs["addedEndpoints"] == ["Harbour"]
    (pilot,) = [spec for spec in specs["list"] if spec["name"] == "pilot"]
    assert pilot == {
        "name": "pilot",
        "label": "The pilot",
        "order": 0,
        "description": "Knows the tides",
        "group": "Harbour",
        "iconURL": "anthropic",
        "conversation_starters": ["When is high tide?"],
        "showOnLanding": True,
        "softDefault": True,
        "preset": {
            "endpoint": "Harbour", "endpointType": "custom", "model": "tide-1",
            "greeting": "Ahoy", "modelLabel": "Pilot", "temperature": 0.3, "max_tokens": 700,
            "maxContextTokens": 9000, "stop": ["."],
        },
    }  # fmt: skip


def test_all_endpoints_stand_in_the_order_of_the_file_when_there_are_no_specs(
    load_text: Load, ask: Ask
) -> None:
    custom = "\n".join(
        f"    - {{name: {name}, apiKey: k-123456789012, baseURL: 'https://{name}.example/v1',"
        f" models: {{default: [m]}}}}"
        for name in ("zeta", "Alpha", "OLLAMA")
    )
    load_text(f"endpoints:\n  custom:\n{custom}", OPENAI_API_KEY="sk-1234567890123")
    endpoints = ask("/api/endpoints")
    names = sorted(set(endpoints) - {"agents"}, key=lambda name: endpoints[name]["order"])
    assert names == ["openAI", "zeta", "Alpha", "ollama"]
    interface = ask("/api/config")["interface"]
    assert [interface[name] for name in ("modelSelect", "parameters", "presets")] == [True] * 3


@pytest.mark.parametrize(
    ("interface", "added", "shown"),
    [
        ("{}", "", (False, False, False)),
        ("{}", "addedEndpoints: [Harbour]", (True, False, False)),
        ("{modelSelect: true}", "", (True, False, False)),
        ("{modelSelect: false, parameters: true}", "addedEndpoints: [Harbour]",
         (False, True, False)),
        ("{presets: true, modelSelect: true}", "", (True, False, True)),
    ],
)  # fmt: skip
def test_specs_hide_what_they_hide_in_librechat(
    load_text: Load, ask: Ask, interface: str, added: str, shown: tuple[bool, ...]
) -> None:
    load_text(f"{ONE}\n  {added}\ninterface: {interface}", KEY="k-1234567890123")
    config = ask("/api/config")["interface"]
    assert tuple(config[name] for name in ("modelSelect", "parameters", "presets")) == shown


def test_rights_limits_and_prices_hold(load_all: Load, ask: Ask) -> None:
    load_all()
    rights = ask("/api/roles/USER")["permissions"]
    assert rights["MULTI_CONVO"] == {"USE": False}
    assert rights["PROMPTS"] == {"USE": True, "CREATE": True, "SHARE": True, "SHARE_PUBLIC": False}
    assert rights["REMOTE_AGENTS"]["USE"] is True
    assert rights["MEMORIES"]["OPT_OUT"] is False
    assert rights["SHARED_LINKS"]["SHARE_PUBLIC"] is False
    assert rights["PEOPLE_PICKER"] == {
        "VIEW_USERS": True, "VIEW_GROUPS": True, "VIEW_ROLES": False,
    }  # fmt: skip
    assert Role.objects.get(name="ADMIN").permissions["MULTI_CONVO"] == {"USE": False}
    files = ask("/api/files/config")
    limits = {
        "disabled": False, "fileLimit": 4, "fileSizeLimit": 100, "totalSizeLimit": 60,
        "supportedMimeTypes": ["^image/.*", "^application/pdf$"],
    }  # fmt: skip
    assert files["endpoints"]["default"] == limits
    assert files["endpoints"]["anthropic"] == {**limits, "fileSizeLimit": 3}
    assert files["endpoints"]["Harbour"] == {"disabled": True}
    assert (files["serverFileSizeLimit"], files["avatarSizeLimit"]) == (100, 3)
    assert files["fileTokenLimit"] == 5000
    assert files["clientImageResize"] == {
        "enabled": True, "maxWidth": 1200, "maxHeight": 900, "quality": 0.8,
    }  # fmt: skip
    rules = BillingRules.objects.get()
    assert (rules.has_balances, rules.start_credits, rules.auto_refill) == (True, 50_000, True)
    assert (rules.refill_interval_value, rules.refill_interval_unit) == (2, "weeks")
    assert (rules.shows_cost, rules.currency_code, float(rules.currency_rate)) == (True, "EUR", 0.9)
    price = Price.objects.get()
    assert price.channel_id == Channel.objects.get(name="Harbour").pk
    assert (price.model, price.input_credits, price.output_credits) == (
        "tide-1", 1_500_000, 6_000_000,
    )  # fmt: skip
    assert (price.cache_read_credits, price.cache_write_credits) == (150_000, None)


# -- Channels --------------------------------------------------------------------------------


def test_channels_have_what_the_file_says(load_all: Load) -> None:
    report = load_all()
    rows = {row.name: row for row in Channel.objects.all()}
    harbour = rows["Harbour"]
    assert harbour.base_url == "https://api.harbour.example/v1"
    assert harbour.headers == {"X-Team": "crew"}
    assert harbour.parameter_overrides == {"safe_prompt": True}
    assert harbour.options == {"drop_params": "stop,user"}
    assert (harbour.title_model, harbour.kind, harbour.is_active) == ("tide-1", "compatible", True)
    assert decrypt(harbour.keys.get().encrypted) == "hk-harbour-1234567890"
    west, second = rows["Azure west"], rows["Azure west (2025-01-01)"]
    assert (west.kind, west.base_url) == ("azure", "https://harbour-west.openai.azure.com")
    assert (west.model_names, west.model_mapping) == (["gpt-4o"], {"gpt-4o": "big-one"})
    assert west.options == {"api_version": "2024-10-21"}
    assert west.parameter_overrides == {"user": "crew"}
    assert second.options == {"api_version": "2025-01-01"}
    assert second.model_mapping == {"gpt-4o-mini": "small-one"}
    openai = rows["OpenAI"]
    assert (openai.model_names, openai.title_model) == (["gpt-4.1", "gpt-4.1-mini"], "gpt-4.1-nano")
    speaks, listens = rows["Speech: speaks"], rows["Speech: listens"]
    assert (speaks.base_url, speaks.model_names) == ("https://voice.example/v1", ["tts-1"])
    assert speaks.options == {"voices": "alloy,nova"}
    assert listens.model_names == ["whisper-1"]
    assert {row.name for row in rows.values() if not row.is_active} == {"Mistral", "Own"}
    assert report.missing == {
        "MISTRAL_KEY": ["endpoints.custom.1.apiKey"],
        "LOST": [],
    } or report.missing == {"MISTRAL_KEY": ["endpoints.custom.1.apiKey"]}
    assert "People have no keys of their own" in reason(report, "endpoints.custom.2.apiKey")


def test_a_key_of_this_servers_environment_makes_no_second_channel(
    load_text: Load, settings: Any
) -> None:
    settings.PROVIDER_ENVIRONMENT = {"OPENAI_API_KEY": "sk-ours-1234567"}
    report = load_text(
        "endpoints: {openAI: {titleModel: gpt-4.1}}", OPENAI_API_KEY="sk-1234567890123"
    )
    assert not Channel.objects.exists()
    assert "makes this channel" in reason(report, "endpoints.openAI")


@pytest.mark.parametrize("value", ["2026-11-22", "1.0e+308", ".nan", "12345678901234567890123"])
def test_fixed_parameter_is_named_when_it_cannot_be_sent(load_text: Load, value: str) -> None:
    more = f"      addParams: {{odd: {value}, even: 2}}\n      modelDisplayLabel"
    report = load_text(ONE.replace("      modelDisplayLabel", more), KEY="sk-1234567890123")
    assert reason(report, "endpoints.custom.0.addParams.odd") == "It cannot be written as JSON."
    assert Channel.objects.get().parameter_overrides == {"even": 2}
