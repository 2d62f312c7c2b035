"""What is said of a LibreChat configuration: keys not taken, settings, variables."""

from pathlib import Path
from typing import Any

from librechat_backend.lib import json
from librechat_backend.lib.crypto import decrypt
from librechat_backend.lib.env import Env
from moving.librechat_yaml import Report
from moving.librechat_yaml.source import Fate
from moving.models import LoadedThing
from tests.moving.conftest import ENV, FILE, Load, command, reason


def fates(report: Report) -> dict[str, str]:
    return {line.key: line.fate for line in report.lines}


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
