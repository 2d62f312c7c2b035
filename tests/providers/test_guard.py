"""Channels that would lead into the server's own network: refused when they are entered, and at
each connection, whatever a name meant before.
"""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from django.test import Client

from accounts.models import User
from providers import client, services
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.guard import RefusedAddress, problem_with
from providers.models import Channel
from providers.registry import load_adapter
from providers.relay import WireDialect, fetch
from providers.route_table import Attempt, ChannelSnapshot, Key
from tests.providers.conftest import Fake
from tests.providers.helpers import ask, collect_until_error
from tests.providers.test_admin import add, press

PUBLIC, HERE, METADATA = "93.184.215.14", "127.0.0.1", "169.254.169.254"
KINDS = ("openai", "azure", "anthropic", "google")
Answers = Callable[[str, list[str]], list[str]]


@pytest.fixture
def strict(settings: Any) -> Any:
    """As an operator has it who allowed nothing."""
    settings.ALLOWED_INTERNAL_HOSTS = []
    return settings


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """A name server: ``names(host, addresses)`` answers with one after the other, the last for
    good. Returns the lookups that were made."""
    real, lookups = socket.getaddrinfo, list[str]()
    answers: dict[str, list[str]] = {}

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in answers:
            return real(host, port, *args, **kwargs)
        lookups.append(name)
        left = answers[name]
        return real(left.pop(0) if len(left) > 1 else left[0], port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    def answer(host: str, addresses: list[str]) -> list[str]:
        answers[host] = list(addresses)
        return lookups

    return answer


def connection_to(fake: Fake, host: str) -> Connection:
    return Connection(base_url=f"http://{host}:{fake.url.rpartition(':')[2]}", api_key="sk-x")


async def refused_by_sdk(kind: str, connection: Connection) -> ProviderError:
    adapter = load_adapter(kind)
    _, error = await collect_until_error(adapter.stream(ask("Hi", "m"), connection))
    with pytest.raises(ProviderError):
        await adapter.list_models(connection)
    return error


async def relayed(connection: Connection) -> None:
    channel = ChannelSnapshot("c", "C", "openai", "openAI", connection.base_url, ("m",), (Key(""),))
    attempt = Attempt(channel, channel.keys[0], "m", "m")
    await fetch(attempt, connection, "/v1/x", b"{}", dialect=WireDialect.OPENAI)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", [HERE, "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1"])
async def test_sdk_does_not_connect_inside(strict: Any, fake: Fake, kind: str, host: str) -> None:
    error = await refused_by_sdk(kind, connection_to(fake, host))
    # aiohttp itself refuses numbers that are no address.
    assert error.kind in (ErrorKind.ADDRESS, ErrorKind.CONNECTION)
    assert isinstance(error, RefusedAddress) or host in ("2130706433", "127.1")
    assert HERE not in error.message
    assert fake.received() == []


@pytest.mark.parametrize("host", [HERE, "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1"])
async def test_relay_of_bytes_does_not_connect_inside(strict: Any, fake: Fake, host: str) -> None:
    with pytest.raises(RefusedAddress):
        await relayed(connection_to(fake, host))
    assert fake.received() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_name_that_moves_inside_is_refused_by_the_sdk(
    strict: Any, fake: Fake, names: Answers, kind: str
) -> None:
    names("rebinding.test", [PUBLIC, HERE])
    connection = connection_to(fake, "rebinding.test")
    assert problem_with(connection.base_url) == ""  # as it is entered, it is public
    assert isinstance(await refused_by_sdk(kind, connection), RefusedAddress)
    assert fake.received() == []


async def test_name_that_moves_inside_is_refused_where_bytes_are_passed(
    strict: Any, fake: Fake, names: Answers
) -> None:
    names("rebinding.test", [PUBLIC, HERE])
    connection = connection_to(fake, "rebinding.test")
    assert problem_with(connection.base_url) == ""
    with pytest.raises(RefusedAddress):
        await relayed(connection)
    assert fake.received() == []


@pytest.mark.parametrize("kind", ["openai", "bytes"])
async def test_connected_is_to_what_was_checked(
    strict: Any, fake: Fake, names: Answers, kind: str
) -> None:
    """The second answer of the name server would be another address: nobody asks for it."""
    strict.ALLOWED_INTERNAL_HOSTS = ["fake.test"]
    lookups = names("fake.test", [HERE, METADATA])
    connection = connection_to(fake, "fake.test")
    if kind == "bytes":
        with pytest.raises(ProviderError) as caught:  # it has no such path
            await relayed(connection)
        assert caught.value.status == 404
    else:
        assert await load_adapter("openai").list_models(
            Connection(base_url=f"{connection.base_url}/v1", api_key="sk-x")
        )
    assert lookups == ["fake.test"]


@pytest.fixture
async def redirecting(fake: Fake) -> Any:
    """A provider on an address that is allowed, which sends everybody on to one that is not."""

    async def send_on(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"http://localhost:{fake.url.rpartition(':')[2]}/v1/models")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", send_on)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HERE, 0)
    await site.start()
    yield f"http://{HERE}:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("kind", [*KINDS, "bytes"])
async def test_redirect_is_not_followed(
    strict: Any, fake: Fake, redirecting: str, kind: str
) -> None:
    strict.ALLOWED_INTERNAL_HOSTS = [f"{HERE}:{redirecting.rpartition(':')[2]}"]
    connection = Connection(base_url=redirecting, api_key="sk-x")
    if kind == "bytes":
        with pytest.raises(ProviderError) as caught:
            await relayed(connection)
        error = caught.value
    else:
        error = await refused_by_sdk(kind, connection)
    assert "sends on to another address" in error.message
    assert fake.received() == []


async def test_relay_is_not_sent_inside(strict: Any, fake: Fake) -> None:
    strict.ALLOWED_INTERNAL_HOSTS = [HERE]  # where the relay is
    channel = ChannelSnapshot(
        "c", "C", "openai", "openAI", f"http://{METADATA}/latest", ("m",), (Key("sk-x"),),
        relay_url=f"{fake.url}/v1",
    )  # fmt: skip
    (check,) = await client.test_channel(channel)
    assert isinstance(check.error, RefusedAddress)
    assert fake.received() == []


def test_relay_of_the_environment_is_allowed(strict: Any) -> None:
    strict.RELAY_PROXY_URL = f"http://{HERE}:9999/relay"
    assert problem_with(f"http://{HERE}:9999/v1") == ""
    assert problem_with(f"http://{HERE}:9998/v1")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1", "http://127.0.0.1:1234/v1", "http://[::1]:8080/v1",
        "http://localhost:8001/v1",
    ],
)  # fmt: skip
def test_local_models_need_no_setting(strict: Any, url: str) -> None:
    assert problem_with(url) == ""


def test_address_of_the_environment_needs_no_setting(strict: Any) -> None:
    strict.PROVIDER_ENVIRONMENT = {"OLLAMA_BASE_URL": "http://192.168.7.7:11434"}
    assert problem_with("http://192.168.7.7:11434/v1") == ""
    assert "192.168.7.7:80" in problem_with("http://192.168.7.7/v1")


@pytest.mark.parametrize("field", ["base_url", "relay_url"])
def test_form_says_what_would_allow_the_address(strict: Any, admin_user: User, field: str) -> None:
    browser = Client()
    browser.force_login(admin_user)
    page = add(browser, **{field: "http://10.1.2.3:8000/v1"}).decode()
    assert "ALLOWED_INTERNAL_HOSTS=10.1.2.3:8000" in page
    assert not Channel.objects.exists()


def test_form_looks_at_where_models_are_listed(strict: Any, admin_user: User) -> None:
    browser = Client()
    browser.force_login(admin_user)
    page = add(browser, options=f"models_url = http://{METADATA}/latest").decode()
    assert f"models_url: {METADATA}:80 is inside" in page


def test_test_button_says_what_would_allow_the_address(
    strict: Any, admin_user: User, fake: Fake
) -> None:
    browser = Client()
    browser.force_login(admin_user)
    channel = Channel(name="Old", kind="openai", base_url=f"{fake.url}/v1", model_names=["m"])
    services.save_channel(channel=channel)
    services.add_key(channel=channel, secret="sk-stored-before")
    for button in ("test", "fetch_models"):
        assert f"ALLOWED_INTERNAL_HOSTS={fake.url[7:]}" in press(browser, button, channel)
    assert fake.received() == []


def test_console_refuses_the_address(strict: Any, admin_user: User) -> None:
    from accounts.tokens import issue_console_token

    body = {"name": "x", "type": 1, "base_url": "http://169.254.169.254/v1", "key": "sk-x"}
    answer = Client().post(
        "/api/channel",
        body,
        content_type="application/json",
        headers={"authorization": f"Bearer {issue_console_token(admin_user)}"},
    )
    assert answer.status_code == 400
    assert "169.254.169.254:80" in answer.json()["message"]
