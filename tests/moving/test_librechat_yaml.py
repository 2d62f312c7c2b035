"""A LibreChat configuration, loaded: what people then see, what is kept, what is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from accounts.models import Role
from accounts.models.stamp import current_stamp
from files.models import EndpointRules, FileRules
from librechat_backend.lib import json
from librechat_backend.lib.crypto import decrypt
from librechat_backend.lib.env import Env
from moving.librechat_yaml import Report
from moving.librechat_yaml.source import Fate
from moving.models import LoadedThing
from presets.files import InvalidFile
from presets.models import Assignment, Policy, Preset
from providers import services
from providers.models import Channel, ChannelKey
from tests.moving.commands import env_file, move_in
from tests.moving.conftest import ENV, FILE, Load, command
from tests.moving.dumps import write_dump, write_kept
from tests.moving.librechat_database import OldDatabase
from tests.processes import start_fake_provider
from usage.models import BillingRules, Price

Ask = Callable[[str], Any]
ONE = """
version: 1.3.14
endpoints:
  custom:
    - name: Harbour
      apiKey: "${KEY}"
      baseURL: https://api.harbour.example/v1
      models: {default: [tide-1]}
      modelDisplayLabel: Pilot
      tokenConfig: {tide-1: {prompt: 1, completion: 2}}
modelSpecs:
  list:
    - {name: pilot, label: Pilot, preset: {endpoint: Harbour, model: tide-1, temperature: 0.5}}
"""


def fates(report: Report) -> dict[str, str]:
    return {line.key: line.fate for line in report.lines}


def reason(report: Report, key: str) -> str:
    (line,) = [line for line in report.lines if line.key == key]
    assert line.fate is not Fate.TAKEN
    return line.text


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


# -- Again, and by hand ----------------------------------------------------------------------


def test_a_second_run_changes_nothing(load_all: Load) -> None:
    first = load_all()
    before = {model: list(model.objects.values()) for model in _TABLES}
    second = load_all()
    assert first.differences
    assert (second.differences, second.by_hand) == ([], [])
    assert {model: list(model.objects.values()) for model in _TABLES} == before


_TABLES = (
    Channel, ChannelKey, Price, Preset, Assignment, Policy, FileRules, EndpointRules, BillingRules,
)  # fmt: skip


def test_what_the_file_changes_is_changed(load_text: Load) -> None:
    load_text(ONE, KEY="k-1234567890123")
    changed = ONE.replace("label: Pilot", "label: Captain").replace(
        "completion: 2", "completion: 3"
    )
    report = load_text(changed.replace("modelDisplayLabel: Pilot", ""), KEY="k-other-1234567")
    assert [(d.verb, d.what, d.name) for d in report.differences] == [
        ("change", "channel", "Harbour"),
        ("change", "price", "tide-1 at Harbour"),
        ("change", "preset", "pilot"),
    ]
    assert decrypt(ChannelKey.objects.get().encrypted) == "k-other-1234567"
    old, new = Price.objects.order_by("valid_from")
    assert (old.output_credits, new.output_credits) == (2_000_000, 3_000_000)
    assert old.valid_until == new.valid_from
    assert Preset.objects.get().name == "Captain"
    assert Channel.objects.get().menu_label == "Pilot"  # nothing says otherwise


def test_what_people_have_changed_is_kept_and_reported(load_text: Load) -> None:
    load_text(ONE, KEY="k-1234567890123")
    channel = Channel.objects.get()
    channel.menu_label, channel.model_names = "By hand", ["tide-1", "tide-9"]
    services.save_channel(channel=channel)
    services.set_secret(key=channel.keys.get(), secret="k-by-hand-1234567")
    changed = ONE.replace("[tide-1]", "[tide-1, tide-2]")
    report = load_text(changed, KEY="k-1234567890123")
    assert report.differences == []
    (kept,) = report.by_hand
    assert {field.name: (field.before, field.after) for field in kept.fields} == {
        "menu_label": ("By hand", "Pilot"),
        "model_names": (["tide-1", "tide-9"], ["tide-1", "tide-2"]),
        "key": ("…", "…"),
    }
    channel.refresh_from_db()
    assert channel.menu_label == "By hand"
    assert decrypt(channel.keys.get().encrypted) == "k-by-hand-1234567"
    load_text(changed, overwrites=True, KEY="k-1234567890123")
    channel.refresh_from_db()
    assert (channel.menu_label, channel.model_names) == ("Pilot", ["tide-1", "tide-2"])
    assert decrypt(channel.keys.get().encrypted) == "k-1234567890123"


def test_what_people_have_deleted_stays_away(load_text: Load) -> None:
    load_text(ONE, KEY="k-1234567890123")
    Preset.objects.all().delete()
    services.delete_channel(channel=Channel.objects.get())
    report = load_text(ONE, KEY="k-1234567890123")
    assert not Channel.objects.exists()
    assert [(d.verb, d.what, d.name) for d in report.by_hand] == [
        ("remove", "channel", "Harbour"), ("remove", "preset", "pilot"),
    ]  # fmt: skip
    load_text(ONE, overwrites=True, KEY="k-1234567890123")
    assert (Channel.objects.get().name, Preset.objects.get().slug) == ("Harbour", "pilot")


def test_a_channel_of_the_same_name_is_not_overwritten(load_text: Load) -> None:
    services.save_channel(channel=Channel(name="Harbour", kind="openai", base_url="https://mine"))
    report = load_text(ONE, KEY="k-1234567890123")
    row = Channel.objects.get()
    assert (row.kind, row.base_url, row.endpoint) == ("openai", "https://mine", "Harbour")
    assert {field.name for field in report.by_hand[0].fields} == {"kind", "base_url"}


def test_what_left_the_file_stays_and_is_named(load_text: Load) -> None:
    load_text(ONE, KEY="k-1234567890123")
    report = load_text("version: 1.3.14")
    assert "preset pilot" in report.gone
    assert Preset.objects.exists()


# -- Trying out, and failing -----------------------------------------------------------------


def test_trying_out_writes_nothing_and_tells_the_same(load_all: Load) -> None:
    stamp = current_stamp()
    tried = load_all(dry_run=True)
    assert not any(model.objects.exists() for model in (*_TABLES, LoadedThing))
    assert current_stamp() == stamp
    loaded = load_all()
    shown = [(d.verb, d.what, d.name, d.fields) for d in tried.differences]
    assert shown == [(d.verb, d.what, d.name, d.fields) for d in loaded.differences]
    assert tried.lines == loaded.lines


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("endpoints:\n  custom:\n - x", "line 3"),
        ("a: 1\nb: 2\na: 3", "line 3, a: This is said twice."),
        ("- a\n- b", "line 1: A librechat.yaml holds names with values."),
        ("", "line 1: A librechat.yaml holds names with values."),
        ("a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n"
            for n in range(7)), "More than 100000 values"),
        ("a: &a {b: *a}", "line 1"),
        ("a: !!python/object:os.system x", "line 1: Could not determine a constructor"),
        ("a: " + "x" * 10_000_000, "The file is larger than"),
        ("a: \x01", "line 1"),
    ],
    ids=range(9),
)  # fmt: skip
def test_an_unreadable_file_is_refused_with_its_line(
    load_text: Load, text: str, complaint: str
) -> None:
    with pytest.raises(InvalidFile) as raised:
        load_text(text)
    assert complaint in str(raised.value)


def test_a_broken_write_leaves_nothing(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("moving.librechat_yaml.targets.save_policy", fail)
    with pytest.raises(RuntimeError):
        load_text(ONE, KEY="k-1234567890123")
    assert not any(model.objects.exists() for model in (*_TABLES, LoadedThing))


# -- What is said ----------------------------------------------------------------------------


def test_each_key_that_is_not_taken_is_named(load_all: Load) -> None:
    report = load_all()
    said = fates(report)
    unknown = {key for key, fate in said.items() if fate is Fate.UNKNOWN}
    assert unknown == {"interface.someday", "modelSpecs.list.0.preset.imageSomething"}
    for key in (
        "cache", "fileStrategy", "interface.termsOfService.openNewTab", "interface.contextUsage",
        "interface.defaultPinnedTools", "interface.mcpServers.placeholder", "turnstile",
        "registration.socialLogins.2", "rateLimits.tts", "speech.speechTab",
        "memory.maxInputTokens", "memory.agent.instructions", "summarization.retainRecent",
        "fileConfig.endpoints.Harbour.fileLimit", "fileConfig.imageGeneration",
        "fileConfig.endpoints.anthropic.supportedMimeTypes", 
        "endpoints.openAI.streamRate", "endpoints.bedrock", "endpoints.agents",
        "endpoints.azureOpenAI.plugins", "endpoints.azureOpenAI.groups.1",
        "endpoints.custom.0.headers.X-User", "endpoints.custom.0.models.default.1.description",
        "endpoints.custom.0.directEndpoint", "endpoints.custom.0.tokenConfig.tide-1.context",
        "endpoints.custom.0.tokenConfig.tide-2", "endpoints.custom.1.apiKey",
        "endpoints.custom.2.apiKey", "endpoints.custom.3", "modelSpecs.addedEndpoints.1",
        "modelSpecs.list.0.webSearch", "modelSpecs.list.1.preset.temperature",
        "modelSpecs.list.2", "modelSpecs.list.3",
    ):  # fmt: skip
        assert said[key] is Fate.REFUSED, key
    assert "There is no “Mistral”" in reason(report, "modelSpecs.list.2")


def test_settings_are_lines_for_the_environment(load_all: Load, tmp_path: Path) -> None:
    report = load_all()
    said = {setting.name: setting.value for setting in report.settings}
    assert said == {
        "ALLOWED_INTERNAL_HOSTS": "10.0.0.1:80",
        "CUSTOM_WELCOME": "Ahoy, {{user.name}}!",
        "PRIVACY_POLICY_URL": "https://harbour.example/privacy",
        "TERMS_OF_SERVICE_URL": "https://harbour.example/terms",
        "TERMS_OF_SERVICE_TITLE": "House rules",
        "TERMS_OF_SERVICE_TEXT": '# Be kind\n\n"And" brief.\n',
        "TEMPORARY_CHAT_RETENTION": "48",
        "RETENTION_MODE": "all",
        "SHARED_LINKS_SNAPSHOT_FILES": "false",
        "SOCIAL_LOGINS": "github,google",
        "ALLOWED_REGISTRATION_DOMAINS": "harbour.example,quay.example",
        "FILE_UPLOAD_IP_MAX": "90",
        "FILE_UPLOAD_IP_WINDOW": "10",
        "FILE_UPLOAD_USER_MAX": "45",
        "FILE_UPLOAD_USER_WINDOW": "12",
        "IMPORT_USER_MAX": "7",
        "MEMORY_KEYS": "preferences,work",
        "MEMORY_TOKEN_LIMIT": "3000",
        "MEMORY_CHAR_LIMIT": "500",
        "MEMORY_ENDPOINT": "openAI",
        "MEMORY_MODEL": "gpt-4.1-mini",
        "SUMMARIZE_HISTORY": "true",
        "SUMMARY_MODEL": "gpt-4.1-nano",
        "TITLE_MODEL": "gpt-4.1-mini",
    }
    target = tmp_path / ".env"
    target.write_text("HOST=0.0.0.0", encoding="utf-8")
    command(FILE, "--env", ENV, "--write-env", target)
    ours = Env.load({}, target)
    assert {name: ours.text(name) for name in said} == {k: v.strip() for k, v in said.items()}
    assert ours.text("HOST") == "0.0.0.0"  # noqa: S104


def test_titles_are_switched_off_when_the_file_says_so_of_all(load_text: Load) -> None:
    custom = (
        " custom:\n  - {name: A, apiKey: k, baseURL: 'https://a.example/v1', titleConvo: false,"
        " models: {default: [m]}}"
    )
    every = load_text(f"version: 1.3.0\nendpoints:\n all: {{titleConvo: false}}\n{custom}\n")
    assert [(each.name, each.value) for each in every.settings] == [("TITLE_CONVO", "false")]
    one = load_text(f"version: 1.3.0\nendpoints:\n{custom}\n")
    assert one.settings == []
    assert "endpoints.custom.0.titleConvo" in {line.key for line in one.of(Fate.REFUSED)}


def test_addresses_inside_of_the_own_network_are_to_be_allowed(
    load_text: Load, settings: Any
) -> None:
    settings.ALLOWED_INTERNAL_HOSTS = ["gpu.lan"]
    addresses = (
        "http://litellm:4000", "http://192.168.1.9/v1", "http://gpu.lan:9000/v1",
        "https://api.example.com/v1", "http://localhost:11434/v1", "http://[fd00::1]:8080/v1",
        "http://x:99999", "http://[", "ftp://x",
    )  # fmt: skip
    entries = "".join(
        f"    - {{name: n{n}, apiKey: k, baseURL: '{url}', models: {{default: [m]}}}}\n"
        for n, url in enumerate(addresses)
    )
    report = load_text(f"endpoints:\n  custom:\n{entries}")
    (setting,) = report.settings
    assert setting.name == "ALLOWED_INTERNAL_HOSTS"
    assert setting.value == "gpu.lan,litellm:4000,192.168.1.9:80,[fd00::1]:8080"


def test_a_new_short_name_is_said(load_all: Load) -> None:
    (line,) = [line for line in load_all().lines if line.fate is Fate.CHANGED]
    assert (line.key, line.text) == (
        "modelSpecs.list.1.name",
        "Its short name is “gpt-4-1-quick”; "
        "import_librechat gives it to the chats of “gpt-4.1 quick”.",
    )


def test_each_variable_of_the_old_environment_is_named(load_all: Load) -> None:
    readings = {variable.name: variable.reading for variable in load_all().variables}
    assert readings == {
        "APP_TITLE": "the same here",
        "OPENAI_API_KEY": "used by the file",
        "OPENAI_MODELS": "the same here",
        "HARBOUR_KEY": "used by the file",
        "HARBOUR_HOST": "used by the file",
        "TEAM": "used by the file",
        "AZURE_WEST_KEY": "used by the file",
        "VOICE_KEY": "used by the file",
        "CHECK_BALANCE": "translated",
        "TEMP_CHAT_RETENTION_HOURS": "translated",
        "OPENAI_TITLE_MODEL": "translated",
        "MONGO_URI": "used by the file",
        "MEILI_MASTER_KEY": "not supported",
        "SOMETHING_ELSE": "not known here",
    }


def test_tool_servers_are_kept_encrypted(load_all: Load) -> None:
    report = load_all()
    kept = LoadedThing.objects.get(mark="kept:mcpServers").fields["encrypted"]
    assert json.loads(decrypt(kept))["files"]["env"] == {"TOKEN": "s3cret-of-tools"}
    assert "s3cret" not in str(list(LoadedThing.objects.values()))
    (line,) = [line for line in report.lines if line.key == "mcpServers"]
    assert "nothing uses it yet" in line.text


def test_command_shows_the_difference_and_no_secret(db: None, tmp_path: Path) -> None:
    tried = command(FILE, "--env", ENV, "--dry-run")
    assert "+ channel Harbour" in tried
    assert "tried out, nothing was saved" in tried
    assert not Channel.objects.exists()
    command(FILE, "--env", ENV, "--report", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "modelSpecs.list.0.preset.imageSomething" in page
    again = command(FILE, "--env", ENV, "-v2")
    assert "0 added, 0 changed" in again
    for text in (tried, page, again):
        assert not [word for word in ("hk-harbour", "sk-openai", "s3cret") if word in text]


def test_command_says_which_file_is_wrong(write: Callable[[str], Path], db: None) -> None:
    with pytest.raises(CommandError, match=r"librechat\.yaml, line 2, a: This is said twice\."):
        command(write("a: 1\na: 2"))
    with pytest.raises(CommandError, match="No such file"):
        command("/nowhere/librechat.yaml")
    with pytest.raises(CommandError, match="No such file"):
        command(FILE, "--env", "/nowhere/.env")


def test_models_are_fetched_when_asked_for_and_stay(
    settings: Any, write: Callable[[str], Path], db: None
) -> None:
    settings.ALLOWED_INTERNAL_HOSTS = ["127.0.0.1"]
    with start_fake_provider() as url:
        path = write(
            "endpoints:\n  custom:\n"
            f"    - {{name: Harbour, apiKey: sk-fake, baseURL: '{url}/v1',"
            " models: {default: [tide-1], fetch: true}}\n"
            "    - {name: Gone, apiKey: sk-x, baseURL: 'http://127.0.0.1:9/v1',"
            " models: {default: [m], fetch: true}}\n"
        )
        said = command(path, "--fetch-models")
    fetched = Channel.objects.get(name="Harbour").model_names
    assert fetched
    assert "tide-1" not in fetched
    assert f"Harbour: {len(fetched)} models" in said
    assert "Gone: its models could not be fetched" in said
    assert "0 added, 0 changed, 0 kept" in command(path)
    assert Channel.objects.get(name="Harbour").model_names == fetched


def test_a_move_takes_the_configuration_along(
    write: Callable[[str], Path], tmp_path: Path, db: None
) -> None:
    old = OldDatabase(conversations=1, length=2, with_hazards=False)
    dump, env = write_dump(tmp_path / "dump", old), str(env_file(tmp_path))
    configuration = str(write(ONE.replace("${KEY}", "k-1234567890123")))
    tried = move_in(dump, "--env", env, "--yaml", configuration, "--dry-run")
    assert "+ channel Harbour" in tried.said
    assert not Channel.objects.exists()
    files = str(write_kept(tmp_path / "old", old))
    done = move_in(dump, "--env", env, "--yaml", configuration, "--files", files)
    assert (done.problem, "Complete" in done.said) == ("", True)
    assert (Channel.objects.get().name, Preset.objects.get().slug) == ("Harbour", "pilot")
    broken = move_in(dump, "--env", env, "--yaml", str(write("a: 1\na: 2")))
    assert "This is said twice" in broken.problem


def test_nothing_in_a_file_gives_orders_to_a_terminal(
    db: None, write: Callable[[str], Path]
) -> None:
    said = command(write('version: 1.3.0\n"sur\\e[2Jprise": 1\n'))
    assert "sur\N{REPLACEMENT CHARACTER}[2Jprise" in said
    assert "\x1b" not in said
