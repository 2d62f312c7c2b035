import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from librechat_backend.lib.crypto import decrypt
from providers import services
from providers.models import Channel, ChannelKey
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
        "model_mapping": "",
        "priority": "0",
        "weight": "1",
        "options": "",
        "headers": "",
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
