"""The console: accounts, keys and channels in the form of the New-API document."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Ban, Group, User
from accounts.services.groups import add_member
from gateway import services
from gateway.models import ApiToken
from gateway.tokens import hash_secret
from providers import services as channel_services
from providers.models import Channel, ChannelKey, KeyHealth
from providers.snapshots import snapshot_of
from tests.conftest import ClientFor
from tests.factories import PASSWORD, UserFactory
from tests.providers.conftest import Fake, fake, fake_process  # noqa: F401
from usage.models import Balance

JSON = "application/json"


def console(user: User, password: str = PASSWORD) -> Client:
    """A client with the token of the console's own sign-in."""
    answer = Client().post(
        "/api/user/login", {"username": user.username, "password": password}, content_type=JSON
    )
    assert answer.status_code == 200, answer.content
    return Client(headers={"authorization": f"Bearer {answer.json()['data']['token']}"})


def data(answer: Any) -> Any:
    body = answer.json()
    assert body["success"] is True, body
    assert body["message"] == ""
    return body["data"]


def test_registered_person_signs_in_and_sees_themselves(alice: User) -> None:
    body = {"username": "grace", "email": "grace@example.com", "password": "correct horse"}
    assert Client().post("/api/user/register", body, content_type=JSON).status_code == 201
    grace = User.objects.get(email="grace@example.com")
    seen = data(console(grace, "correct horse").get("/api/user/self"))
    assert (seen["username"], seen["role"], seen["used_quota"]) == ("grace", 1, 0)
    assert (seen["quota"], seen["groups"]) == (None, [])


@pytest.fixture
def by_name(settings: Settings, db: None) -> Callable[..., Any]:
    """Registers without an address, where mails could be sent."""
    settings.USERNAME_SIGNUP = settings.EMAIL_ENABLED = True
    UserFactory.create()  # the first account is an administrator's
    return lambda name, password="correct horse": Client().post(
        "/api/user/register", {"username": name, "password": password}, content_type=JSON
    )


def signed_in(name: str, password: str = "correct horse") -> Any:
    body = {"username": name, "password": password}
    return Client().post("/api/user/login", body, content_type=JSON)


def test_person_without_an_address_signs_in_by_name(
    by_name: Callable[..., Any], mailoutbox: list[Any]
) -> None:
    assert by_name("Grace").status_code == 201
    assert data(signed_in("grace"))["username"] == "Grace"
    assert mailoutbox == []
    assert User.objects.get(username="Grace").expires_at is None


def test_name_of_somebody_is_taken_by_nobody_else(by_name: Callable[..., Any], alice: User) -> None:
    by_name("grace")
    for name in ("grace", "GRACE", "alice"):
        assert by_name(name, "another horse").status_code == 409
    User.objects.create_user("other@example.com", "another horse", username="grace")
    assert data(signed_in("grace"))["email"] == "grace@people.invalid"
    assert signed_in("grace", "another horse").status_code == 401


@pytest.mark.parametrize("name", ["", "a b", "ü", "a@", "x" * 80, ".a", "a..b", "a'--"])
def test_name_that_is_no_part_of_an_address_is_refused(
    by_name: Callable[..., Any], name: str
) -> None:
    before = User.objects.count()
    assert by_name(name).status_code == 400
    assert User.objects.count() == before


@pytest.mark.parametrize("is_on", [False, True])
def test_address_nobody_has_is_no_way_around_a_mail(
    alice: User, settings: Settings, is_on: bool
) -> None:
    """Nor to somebody's name, by the form of the chat."""
    settings.USERNAME_SIGNUP, settings.EMAIL_ENABLED = is_on, True
    fields = {"password": "correct horse", "confirm_password": "correct horse", "name": "Alice"}
    body = {"email": "alice@people.invalid", "username": "other", **fields}
    answer = Client().post("/api/auth/register", body, content_type=JSON)
    assert answer.status_code == (409 if is_on else 403)
    assert not User.objects.filter(email="alice@people.invalid").exists()


def test_address_is_needed_where_nothing_else_is_said(db: None) -> None:
    body = {"username": "grace", "password": "correct horse"}
    assert Client().post("/api/user/register", body, content_type=JSON).status_code == 400


def test_person_sees_credits_and_groups(alice: User) -> None:
    Balance.objects.create(user=alice, credits=2_500)
    for name in ("Crew", "All hands"):
        add_member(actor=None, group=Group.objects.create(name=name, slug=name[:4]), user=alice)
    seen = data(console(alice).get("/api/user/self"))
    assert (seen["quota"], seen["groups"]) == (2_500, ["All hands", "Crew"])


@pytest.mark.parametrize("name", ["alice", "alice@example.com", "Alice@Example.com"])
def test_name_or_address_signs_in(alice: User, name: str) -> None:
    answer = Client().post(
        "/api/user/login", {"username": name, "password": PASSWORD}, content_type=JSON
    )
    assert data(answer)["email"] == "alice@example.com"


@pytest.mark.parametrize(
    "body", [{"username": "alice", "password": "wrong"}, {}, [], {"username": 5}, {"username": "x"}]
)
def test_wrong_credentials_are_refused(alice: User, body: Any) -> None:
    answer = Client().post("/api/user/login", body, content_type=JSON)
    assert answer.status_code in (400, 401)
    assert answer.json()["success"] is False
    assert answer.json()["message"]


def new_password(user: User) -> None:
    user.set_password("another one")
    user.save()


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def ban(user: User) -> None:
    Ban.objects.create(user=user, expires_at=timezone.now() + timedelta(hours=1))


@pytest.mark.parametrize(("end", "status"), [(new_password, 401), (deactivate, 401), (ban, 403)])
def test_token_of_the_console_ends_before_its_time(alice: User, end: Any, status: int) -> None:
    client = console(alice)
    assert client.get("/api/user/self").status_code == 200
    end(alice)
    assert client.get("/api/user/self").status_code == status


def test_token_of_the_console_does_not_open_the_chat(alice: User) -> None:
    assert console(alice).get("/api/user").status_code == 401


def test_token_of_the_chat_opens_the_console(alice: User, client_for: ClientFor) -> None:
    assert data(client_for(alice).get("/api/user/self"))["username"] == "alice"


def test_names_are_changed(alice: User) -> None:
    answer = console(alice).put("/api/user/self", {"display_name": "Al"}, content_type=JSON)
    assert (data(answer)["display_name"], data(answer)["username"]) == ("Al", "alice")


def test_keys_are_made_shown_once_changed_and_deleted(alice: User) -> None:
    client = console(alice)
    body = {
        "name": "bot", "remain_quota": 5000, "unlimited_quota": False, "expired_time": 4102444800,
        "model_limits_enabled": True, "model_limits": "m,n", "allow_ips": "10.0.0.0/8",
    }  # fmt: skip
    made = client.post("/api/token", body, content_type=JSON)
    assert made.status_code == 201
    token = ApiToken.objects.get()
    assert hash_secret(data(made)["key"]) == token.token_hash
    assert token.preset_slugs == ["m", "n"]
    assert (token.model_names, token.networks, token.quota_tokens) == (
        ["m", "n"], ["10.0.0.0/8"], 5000,
    )  # fmt: skip
    shown = data(client.get(f"/api/token/{token.id}"))
    assert (shown["key"], shown["status"]) == (f"{token.prefix}…", 1)
    assert shown["expired_time"] == 4102444800
    changed = client.put(
        f"/api/token/{token.id}",
        {"status": 2, "unlimited_quota": True, "model_limits_enabled": False},
        content_type=JSON,
    )
    assert (data(changed)["status"], data(changed)["unlimited_quota"]) == (2, True)
    token.refresh_from_db()
    assert (token.is_active, token.quota_tokens, token.model_names) == (False, None, None)
    assert token.preset_slugs is None
    assert data(client.delete(f"/api/token/{token.id}")) is None
    assert not ApiToken.objects.exists()


def test_keys_are_listed_in_pages(alice: User, bob: User, django_assert_num_queries: Any) -> None:
    for number in range(5):
        services.create_token(user=alice, name=f"key {number}")
    services.create_token(user=bob, name="not hers")
    client = console(alice)
    with django_assert_num_queries(3):
        page = data(client.get("/api/token?p=2&page_size=2"))
    assert (page["total"], [item["name"] for item in page["items"]]) == (5, ["key 2", "key 1"])
    assert client.get("/api/token?p=x").status_code == 400


def test_strangers_key_behaves_as_missing(alice: User, bob: User) -> None:
    token = services.create_token(user=bob, name="his").token
    client, url = console(alice), f"/api/token/{token.id}"
    for answer in (client.get(url), client.put(url, {}, content_type=JSON), client.delete(url)):
        assert (answer.status_code, answer.json()["success"]) == (404, False)
    assert ApiToken.objects.filter(pk=token.pk).exists()


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"name": 5}, {"name": "x", "status": 3}, {"name": "x", "status": True},
        {"name": "x", "expired_time": "soon"}, {"name": "x", "expired_time": 10**18},
        {"name": "x", "remain_quota": -1}, {"name": "x", "allow_ips": "everywhere"},
        {"name": "x", "model_limits_enabled": True, "model_limits": 5},
        {"name": "x", "quota_window": "year"}, {"name": "x", "requests_per_minute": 0},
        {"name": "x", "requests_per_minute": 1.5}, {"name": "\ud800"}, {"name": "\x01 "},
    ],
)  # fmt: skip
def test_malformed_key_is_refused(alice: User, body: Any) -> None:
    answer = console(alice).post("/api/token", body, content_type=JSON)
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(("given", "stored"), [("", None), (None, None), ([], [])])
def test_empty_list_of_networks_opens_from_nowhere(alice: User, given: Any, stored: Any) -> None:
    """Empty text is what other consoles send for no limit."""
    body = {"name": "x", "allow_ips": given}
    assert console(alice).post("/api/token", body, content_type=JSON).status_code == 201
    assert ApiToken.objects.get().networks == stored


def test_method_that_is_not_there_is_405(alice: User) -> None:
    answer = console(alice).patch("/api/token", {}, content_type=JSON)
    assert (answer.status_code, answer.json()["success"]) == (405, False)
    assert {"GET", "POST"} <= set(answer["Allow"].split(", "))


CHANNEL = {
    "type": 1, "name": "Main", "key": "sk-one\nsk-two", "models": "m,n", "priority": 5,
    "model_mapping": '{"m": "gpt-4.1"}', "base_url": "https://api.example.com/v1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "number", "kind"),
    [
        (1, 1, "openai"), (3, 3, "azure"), (14, 14, "anthropic"), (24, 24, "google"),
        (99, 99, "compatible"), (8, 99, "compatible"), ("groq", 99, "groq"),
    ],
)  # fmt: skip
def test_channel_is_made_by_number_or_name(
    admin_user: User, given: Any, number: int, kind: str
) -> None:
    made = console(admin_user).post("/api/channel", CHANNEL | {"type": given}, content_type=JSON)
    assert made.status_code == 201, made.content
    assert (data(made)["type"], data(made)["provider"]) == (number, kind)
    channel = snapshot_of(Channel.objects.get())
    assert channel is not None
    assert [key.secret for key in channel.keys] == ["sk-one", "sk-two"]
    assert channel.upstream_model("m") == "gpt-4.1"


def test_channel_is_listed_changed_and_deleted_without_its_keys(admin_user: User) -> None:
    client = console(admin_user)
    made = data(client.post("/api/channel", CHANNEL, content_type=JSON))
    url = f"/api/channel/{made['id']}"
    answers = [client.get("/api/channel"), client.get(url)]
    answers.append(client.put(url, {"status": 2, "key": "sk-three"}, content_type=JSON))
    for answer in answers:
        assert b"sk-" not in answer.content
    assert (data(answers[2])["status"], data(answers[2])["key_count"]) == (2, 1)
    assert data(client.put(url, {"priority": 0}, content_type=JSON))["priority"] == 0
    assert data(client.delete(url)) is None
    assert not Channel.objects.exists()


def test_new_key_does_not_rest_for_what_the_old_one_did(admin_user: User) -> None:
    client = console(admin_user)
    made = data(client.post("/api/channel", CHANNEL, content_type=JSON))
    for key in ChannelKey.objects.all():
        KeyHealth.objects.create(
            channel_id=made["id"], key_id=key.pk, error_kind="quota",
            rests_until=timezone.now(), failed_at=timezone.now(),
        )  # fmt: skip
    url = f"/api/channel/{made['id']}"
    client.put(url, {"priority": 3}, content_type=JSON)
    assert (ChannelKey.objects.count(), KeyHealth.objects.count()) == (2, 2)
    client.put(url, {"key": "sk-three"}, content_type=JSON)
    assert (ChannelKey.objects.count(), KeyHealth.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"type": 2}, {"type": "unknown"}, {"type": None}, {"provider": "unknown"},
        {"type": {}, "provider": "groq"}, {"name": ""}, {"name": "a" * 101},
        {"base_url": "ftp://x"}, {"models": 5}, {"model_mapping": "["}, {"model_mapping": {"a": 1}},
        {"weight": 0}, {"priority": 10**12}, {"name": "\ud800"}, {"key": 5},
    ],
)  # fmt: skip
def test_malformed_channel_is_refused(admin_user: User, change: Any) -> None:
    answer = console(admin_user).post("/api/channel", CHANNEL | change, content_type=JSON)
    assert (answer.status_code, answer.json()["success"]) == (400, False), answer.content
    assert not Channel.objects.exists()


def test_name_of_a_channel_is_its_own(admin_user: User) -> None:
    client = console(admin_user)
    client.post("/api/channel", CHANNEL, content_type=JSON)
    assert client.post("/api/channel", CHANNEL, content_type=JSON).status_code == 409
    assert Channel.objects.count() == 1


def test_channels_are_for_administrators(alice: User) -> None:
    client = console(alice)
    answers = [
        client.get("/api/channel"), client.post("/api/channel", CHANNEL, content_type=JSON),
        client.get("/api/channel/5d0c1f6e2b7a4c1d9a407f2f"),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [403] * 3
    assert not Channel.objects.exists()


@pytest.fixture
def channel(fake: Fake) -> Channel:  # noqa: F811
    made = Channel(name="c", kind="openai", base_url=f"{fake.url}/v1", model_names=["[[say:hi]]"])
    channel_services.save_channel(channel=made)
    channel_services.add_key(channel=made, secret="sk-one")
    return made


def act(user: User, channel: Channel, action: str) -> Any:
    return console(user).post(f"/api/channel/{channel.pk}/{action}", {}, content_type=JSON)


@pytest.mark.django_db(transaction=True)
def test_channel_is_tested_with_each_key(admin_user: User, channel: Channel) -> None:
    channel_services.add_key(channel=channel, secret="sk-two")
    checks = data(act(admin_user, channel, "test"))
    assert [check["error"] for check in checks] == [None, None]
    assert {check["key"] for check in checks} == {key.pk[-6:] for key in channel.keys.all()}
    Channel.objects.update(model_names=["[[status:401]]"])
    told = act(admin_user, channel, "test")
    assert all(check["error"] for check in data(told))
    assert b"sk-one" not in told.content


@pytest.mark.django_db(transaction=True)
def test_models_of_a_channel_are_fetched(admin_user: User, channel: Channel) -> None:
    assert data(act(admin_user, channel, "fetch-models"))["models"] == "fake-large,fake-small"
    channel.keys.all().delete()
    channel_services.add_key(channel=channel, secret="sk-wrong")
    refused = act(admin_user, channel, "fetch-models")
    assert (refused.status_code, refused.json()["success"]) == (502, False)
    channel.keys.all().delete()
    assert act(admin_user, channel, "test").status_code == 400


def test_channel_is_switched_off_and_on(admin_user: User, channel: Channel) -> None:
    assert data(act(admin_user, channel, "disable"))["status"] == 2
    assert not Channel.objects.get().is_active
    assert data(act(admin_user, channel, "enable"))["status"] == 1
    assert Channel.objects.get().is_active


@pytest.mark.parametrize("action", ["test", "fetch-models", "enable", "disable"])
def test_others_may_do_nothing_with_a_channel(alice: User, channel: Channel, action: str) -> None:
    assert act(alice, channel, action).status_code == 403
    address = f"/api/channel/{channel.pk}/{action}"
    assert Client().post(address, {}, content_type=JSON).status_code == 401
    assert Channel.objects.get().is_active
