from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Group, User
from librechat_backend.lib.crypto import decrypt
from providers import services
from providers.catalog import list_endpoints, may_call
from providers.models import Channel, ChannelKey, KeyHealth, ModelAlias
from providers.route_table import Principal
from providers.snapshots import current_channels
from tests.providers.conftest import Fake

SECRET = "sk-very-secret-1234"
KEYS = {"keys-TOTAL_FORMS": "1", "keys-INITIAL_FORMS": "0"}


def form(**changes: str) -> dict[str, str]:
    return {
        "name": "Mine",
        "kind": "openai",
        "is_active": "on",
        "base_url": "",
        "model_names": "gpt-a\n\n gpt-b \ngpt-a",
        "endpoint": "",
        "menu_label": "",
        "icon_url": "",
        "menu_order": "100",
        "title_model": "",
        "model_mapping": "",
        "priority": "0",
        "weight": "1",
        "options": "",
        "headers": "",
        "is_for_everyone": "on",
        "rollout_percent": "100",
        "connect_timeout_seconds": "10",
        "first_event_timeout_seconds": "300",
        "idle_timeout_seconds": "120",
        **KEYS,
        "keys-0-secret": SECRET,
        "keys-0-is_active": "on",
        **changes,
    }


@pytest.fixture
def admin_client(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def add(client: Client, **changes: str) -> bytes:
    return client.post(reverse("admin:providers_channel_add"), form(**changes)).content


def stored_channel(fake: Fake, secret: str = SECRET) -> Channel:
    channel = Channel(
        name="Fake", kind="openai", base_url=f"{fake.url}/v1", model_names=["gpt-fake"]
    )
    services.save_channel(channel=channel)
    services.add_key(channel=channel, secret=secret)
    return channel


def press(client: Client, button: str, channel: Channel) -> str:
    url = reverse(f"admin:providers_channel_{button}", args=[channel.pk])
    return client.post(url, follow=True).content.decode()


def test_channel_with_models_and_encrypted_key_is_stored(admin_client: Client) -> None:
    add(admin_client)
    channel = Channel.objects.get()
    key = ChannelKey.objects.get()
    assert channel.model_names == ["gpt-a", "gpt-b"]
    assert (decrypt(key.encrypted), key.hint) == (SECRET, "1234")
    assert SECRET not in key.encrypted


def test_channel_is_in_use_at_once(admin_client: Client) -> None:
    assert [channel.kind for channel in current_channels()] == ["demo"]
    add(admin_client)
    (channel,) = current_channels()
    assert (channel.endpoint, channel.models) == ("openAI", ("gpt-a", "gpt-b"))
    assert channel.keys[0].secret == SECRET


def test_key_is_never_shown_again(admin_client: Client) -> None:
    add(admin_client)
    url = reverse("admin:providers_channel_change", args=[Channel.objects.get().pk])
    page = admin_client.get(url).content.decode()
    assert "…1234" in page
    assert SECRET not in page
    assert ChannelKey.objects.get().encrypted not in page


def test_key_is_kept_when_its_field_is_left_empty(admin_client: Client) -> None:
    add(admin_client)
    channel, key = Channel.objects.get(), ChannelKey.objects.get()
    changes = form(
        name="Renamed",
        **{
            "keys-INITIAL_FORMS": "1",
            "keys-0-id": key.pk,
            "keys-0-channel": channel.pk,
            "keys-0-secret": "",
            "keys-0-label": "main",
        },
    )
    admin_client.post(reverse("admin:providers_channel_change", args=[channel.pk]), changes)
    kept = ChannelKey.objects.get()
    assert (kept.label, kept.encrypted) == ("main", key.encrypted)
    assert current_channels()[0].name == "Renamed"


def test_missing_key_is_pointed_out(admin_client: Client) -> None:
    url = reverse("admin:providers_channel_add")
    changes = form(**{"keys-TOTAL_FORMS": "0"})
    page = admin_client.post(url, changes, follow=True).content.decode()
    assert "Mine has no usable key." in page


def test_local_address_is_accepted(admin_client: Client) -> None:
    changes = {"kind": "ollama", "base_url": "http://localhost:11434/v1", "keys-TOTAL_FORMS": "0"}
    add(admin_client, **changes)
    assert current_channels()[0].base_url == "http://localhost:11434/v1"


def test_mappings_are_read_from_lines(admin_client: Client) -> None:
    add(
        admin_client,
        model_mapping="nice = gpt-a\nfine=gpt-b",
        headers="X-One: 1",
        options="drop_params = user, stop",
    )
    channel = Channel.objects.get()
    assert channel.model_mapping == {"nice": "gpt-a", "fine": "gpt-b"}
    assert channel.headers == {"X-One": "1"}
    assert channel.options == {"drop_params": "user, stop"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": "azure"}, "Azure OpenAI needs its address."),
        ({"kind": "compatible", "model_names": ""}, "List the models of OpenAI-compatible"),
        ({"kind": "cloudflare"}, "Add a line: account_id"),
        ({"base_url": "ftp://x"}, "Enter an address such as https://"),
        ({"headers": "nonsense"}, "Write “name : value” in each line."),
        ({"keys-0-secret": "", "keys-0-label": "main"}, "Enter the key."),
        ({"kind": "nobody"}, "Select a valid choice"),
    ],
)
def test_mistake_is_explained(
    admin_client: Client, changes: dict[str, str], complaint: str
) -> None:
    assert complaint in add(admin_client, **changes).decode()
    assert not Channel.objects.exists()


def test_switching_off_in_the_list_takes_effect(admin_client: Client, fake: Fake) -> None:
    channel = stored_channel(fake)
    listed = {
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-id": channel.pk,
        "form-0-priority": "5",
        "_save": "Save",
    }
    admin_client.post(reverse("admin:providers_channel_changelist"), listed)
    assert [channel.kind for channel in current_channels()] == ["demo"]


def test_deleting_takes_effect(admin_client: Client, fake: Fake) -> None:
    channel = stored_channel(fake)
    assert current_channels()[0].name == "Fake"
    selected = {"action": "delete_selected", "_selected_action": channel.pk, "post": "yes"}
    admin_client.post(reverse("admin:providers_channel_changelist"), selected)
    assert [channel.kind for channel in current_channels()] == ["demo"]


def test_test_button_tells_that_the_model_answered(admin_client: Client, fake: Fake) -> None:
    channel = stored_channel(fake)
    assert "Fake: gpt-fake answered in" in press(admin_client, "test", channel)
    assert fake.body()["model"] == "gpt-fake"


def test_test_button_tells_what_went_wrong(admin_client: Client, fake: Fake) -> None:
    channel = stored_channel(fake)
    services.set_models(channel=channel, names=["[[status:401]]"])
    page = press(admin_client, "test", channel)
    assert "failed. The provider refused the API key: Incorrect API key provided." in page


def test_test_button_tells_that_the_key_is_missing(admin_client: Client) -> None:
    channel = services.save_channel(channel=Channel(name="Bare", kind="openai"))
    assert "Bare has no usable key." in press(admin_client, "test", channel)


def test_fetch_button_fills_in_the_models(admin_client: Client, fake: Fake) -> None:
    channel = stored_channel(fake)
    assert "Fake: 2 models." in press(admin_client, "fetch_models", channel)
    channel.refresh_from_db()
    assert channel.model_names == ["fake-large", "fake-small"]


def test_fetch_button_takes_names_alone(
    admin_client: Client, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def odd_names(*asked: Any) -> list[Any]:
        return ["b", 10**30, None, "a\x00", {"id": 1}, [], "", 1.5]

    monkeypatch.setattr("providers.adapters.openai_chat.OpenAIChatAdapter.list_models", odd_names)
    channel = stored_channel(fake)
    assert "Fake: 2 models." in press(admin_client, "fetch_models", channel)
    channel.refresh_from_db()
    assert channel.model_names == ["a", "b"]


def test_fetch_button_keeps_the_models_when_the_service_refuses(
    admin_client: Client, fake: Fake
) -> None:
    channel = stored_channel(fake, secret="sk-wrong")
    assert "refused the API key" in press(admin_client, "fetch_models", channel)
    channel.refresh_from_db()
    assert channel.model_names == ["gpt-fake"]


@pytest.mark.parametrize("button", ["test", "fetch_models"])
def test_buttons_need_a_post_of_an_administrator(
    admin_client: Client, alice: User, fake: Fake, button: str
) -> None:
    channel = stored_channel(fake)
    url = reverse(f"admin:providers_channel_{button}", args=[channel.pk])
    assert admin_client.get(url).status_code == 405
    assert Client().post(url).status_code == 302
    person = Client()
    person.force_login(alice)
    assert person.post(url).status_code == 302
    assert fake.received() == []


# -- Who may use a channel, what it fixes, how it is ----------------------------------------------


def test_channel_is_for_the_groups_chosen(admin_client: Client) -> None:
    group = Group.objects.create(name="Staff", slug="staff")
    data = form(groups=str(group.pk), rollout_percent="25")
    del data["is_for_everyone"]
    admin_client.post(reverse("admin:providers_channel_add"), data)
    (channel,) = current_channels()
    assert (channel.group_ids, channel.rollout_percent) == (frozenset({group.pk}), 25)
    page = admin_client.get(reverse("admin:providers_channel_changelist")).content.decode()
    assert "25 % of Staff" in page


def test_fixed_parameters_are_read_as_json_or_text(admin_client: Client) -> None:
    add(admin_client, parameter_overrides='temperature = 0.2\nuser = null\ntier = "a"\nteam = b')
    assert Channel.objects.get().parameter_overrides == {
        "temperature": 0.2, "user": None, "tier": "a", "team": "b",
    }  # fmt: skip
    page = admin_client.get(
        reverse("admin:providers_channel_change", args=[Channel.objects.get().pk])
    ).content.decode()
    assert "temperature = 0.2" in page
    assert "user = null" in page


@pytest.mark.parametrize("value", ["1e308", "[12345678901234567]", "[" * 200 + "]" * 200])
def test_fixed_parameter_is_refused_when_a_database_could_not_give_it_back(
    admin_client: Client, value: str
) -> None:
    page = admin_client.post(
        reverse("admin:providers_channel_add"), form(parameter_overrides=f"x = {value}")
    )
    assert "The value of x is too large, or nested too deep." in page.content.decode()
    assert not Channel.objects.exists()


def test_key_of_the_relay_is_never_shown(admin_client: Client) -> None:
    add(admin_client, relay_url="https://relay.example.com/v1", relay_key="relay-secret")
    (channel,) = current_channels()
    assert (channel.relay_url, channel.relay_key) == (
        "https://relay.example.com/v1", "relay-secret",
    )  # fmt: skip
    stored = Channel.objects.get()
    assert "relay-secret" not in stored.encrypted_relay_key
    url = reverse("admin:providers_channel_change", args=[stored.pk])
    assert b"relay-secret" not in admin_client.get(url).content


def test_list_tells_what_rests_and_saving_ends_it(admin_client: Client, fake: Fake) -> None:
    channel = stored_channel(fake)
    now = timezone.now()
    KeyHealth.objects.create(
        channel_id=channel.pk,
        key_id=channel.keys.get().pk,
        rests_until=now + timedelta(hours=1),
        error_kind="authentication",
        error_message="The provider refused the API key.",
        failed_at=now,
    )
    page = admin_client.get(reverse("admin:providers_channel_changelist")).content.decode()
    assert "1 key rests: The provider refused the API key." in page
    key = channel.keys.get()
    rows = {"keys-INITIAL_FORMS": "1", "keys-0-id": key.pk, "keys-0-secret": ""}
    url = reverse("admin:providers_channel_change", args=[channel.pk])
    admin_client.post(url, form(name="Fake", base_url=channel.base_url, **rows))
    assert not KeyHealth.objects.exists()


def test_channels_are_switched_from_the_list(
    admin_client: Client, fake: Fake, settings: Settings
) -> None:
    settings.DEMO_PROVIDER = "false"
    channel = stored_channel(fake)
    for action, active in (("switch_off", ()), ("switch_on", ("Fake",))):
        admin_client.post(
            reverse("admin:providers_channel_changelist"),
            {"action": action, "_selected_action": [channel.pk]},
        )
        assert tuple(each.name for each in current_channels()) == active


def test_model_name_is_kept_when_its_models_are_listed(admin_client: Client, fake: Fake) -> None:
    stored_channel(fake)
    url = reverse("admin:providers_modelalias_add")
    refused = admin_client.post(url, {"name": "nice", "target": "gone", "fallbacks": "gpt-fake\nx"})
    assert "No channel lists gone." in refused.content.decode()
    assert "No channel lists x." in refused.content.decode()
    assert not ModelAlias.objects.exists()
    admin_client.post(
        url, {"name": "nice", "target": "gpt-fake", "fallbacks": "gpt-fake", "is_active": "on"}
    )
    assert "nice" in list_endpoints()[0].models
    row = ModelAlias.objects.get()
    admin_client.post(reverse("admin:providers_modelalias_delete", args=[row.pk]), {"post": "yes"})
    assert "nice" not in list_endpoints()[0].models


def test_name_rule_counts_from_the_next_request(admin_client: Client, fake: Fake) -> None:
    channel = stored_channel(fake)
    assert not may_call(Principal(), endpoint="openAI", model="gpt-next")
    admin_client.post(
        reverse("admin:providers_namerule_add"),
        {"pattern": "gpt-*", "channel": channel.pk, "order": "1", "is_active": "on"},
    )
    assert may_call(Principal(), endpoint="openAI", model="gpt-next")
