"""Keys: what opens the API, what does not any more, and where a key is never seen."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Ban, User
from gateway import services
from gateway.models import ApiToken
from gateway.tokens import hash_secret
from librechat_backend.lib.aio import in_database
from presets.models import Assignment, Preset
from tests.conftest import ClientFor
from tests.gateway.conftest import Api, MakeChannel, MakeKey, becomes, client_at, log_rows
from usage.models import RequestLog

MODELS = "/v1/models"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer {}"},
        {"authorization": "bearer {}"},
        {"x-api-key": "{}"},
        {"api-key": "{}"},
        {"x-auth-token": "{}"},
    ],
)
async def test_key_opens_in_any_of_the_usual_headers(api: Api, headers: dict[str, str]) -> None:
    key, api.key = api.key, ""
    answer = await api.get(MODELS, **{name: form.format(key) for name, form in headers.items()})
    assert answer.status_code == 200


@pytest.mark.parametrize(("is_allowed", "status"), [(False, 401), (True, 200)])
async def test_key_in_the_address_opens_where_the_operator_allows_it(
    api: Api, settings: Any, is_allowed: bool, status: int
) -> None:
    settings.GATEWAY_ALLOW_QUERY_TOKEN = is_allowed
    key, api.key = api.key, ""
    assert (await api.get(f"{MODELS}?auth_token={key}")).status_code == status
    assert (await api.get(f"{MODELS}?auth_token=sk-unknown")).status_code == 401


async def test_key_in_a_header_comes_before_that_of_the_address(api: Api, settings: Any) -> None:
    settings.GATEWAY_ALLOW_QUERY_TOKEN = True
    assert (await api.get(f"{MODELS}?auth_token=sk-unknown")).status_code == 200


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "missing_api_key"),
        ("sk-" + "0" * 64, "invalid_api_key"),
        ("sk-", "invalid_api_key"),
        ("eyJ0.e30.x", "invalid_api_key"),
        ("\x00", "invalid_api_key"),
    ],
)
async def test_stranger_gets_401(api: Api, key: str, code: str) -> None:
    api.key = key
    for answer in (await api.get(MODELS), await api.chat(), await api.get("/v1/models/m")):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        error = answer.json()["error"]
        assert (error["code"], error["type"]) == (code, "authentication_error")
    assert await log_rows() == []


async def test_access_token_of_the_chat_opens_nothing(
    api: Api, alice: User, token_for: Any
) -> None:
    api.key = token_for(alice)
    assert (await api.get(MODELS)).status_code == 401


async def revoke(token: ApiToken) -> None:
    await in_database(services.update_token, token=token, is_active=False)


async def delete(token: ApiToken) -> None:
    await in_database(services.delete_token, user_id=token.user_id, token_id=token.id)


async def deactivate(token: ApiToken) -> None:
    await in_database(User.objects.filter(pk=token.user_id).update, is_active=False)


async def save_deactivated(token: ApiToken) -> None:
    user = await in_database(User.objects.get, pk=token.user_id)
    user.is_active = False
    await in_database(user.save)


async def ban(token: ApiToken) -> None:
    until = timezone.now() + timedelta(hours=1)
    await in_database(Ban.objects.create, user_id=token.user_id, expires_at=until)


async def delete_person(token: ApiToken) -> None:
    await in_database(User.objects.filter(pk=token.user_id).delete)


async def expire(token: ApiToken) -> None:
    past = timezone.now() - timedelta(seconds=1)
    await in_database(services.update_token, token=token, expires_at=past)


@pytest.mark.parametrize(
    "end", [revoke, delete, deactivate, save_deactivated, ban, delete_person, expire]
)
async def test_key_is_refused_at_once_when_it_ends(api: Api, end: Any) -> None:
    assert (await api.get(MODELS)).status_code == 200
    await end(await in_database(ApiToken.objects.get))
    assert (await api.get(MODELS)).status_code == 401


async def test_key_opens_again_when_the_ban_is_lifted(api: Api) -> None:
    await ban(await in_database(ApiToken.objects.get))
    assert (await api.get(MODELS)).status_code == 401
    await in_database(Ban.objects.all().delete)
    assert (await api.get(MODELS)).status_code == 200


@pytest.mark.parametrize(
    ("banned", "own"),
    [("203.0.113.7", "203.0.113.7"), ("2001:DB8:0::7", "2001:db8::7")],
)
async def test_banned_address_gets_403_until_the_ban_ends(api: Api, banned: str, own: str) -> None:
    api.http = client_at(own)
    assert (await api.get(MODELS)).status_code == 200
    row = await in_database(ban_address, banned)
    await in_database(ban_address, banned, ends_in=timedelta(minutes=-1))
    for answer in (await api.get(MODELS), await api.chat(), await api.get("/v1/models/m")):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (403, "address_banned")
        assert error["type"] == "permission_error"
    anthropic = await api.post("/v1/messages", {})
    assert (anthropic.status_code, anthropic.json()["error"]["type"]) == (403, "permission_error")
    api.http = client_at("203.0.113.8")
    assert (await api.get(MODELS)).status_code == 200
    api.http = client_at(own)
    await in_database(row.delete)
    assert (await api.get(MODELS)).status_code == 200


async def test_banned_address_is_free_again_when_the_time_is_over(api: Api) -> None:
    await in_database(ban_address, "203.0.113.7", ends_in=timedelta(seconds=4))
    assert (await api.get(MODELS)).status_code == 403
    assert await becomes(lambda: is_let_in(api))


async def is_let_in(api: Api) -> bool:
    return (await api.get(MODELS)).status_code == 200


def ban_address(ip_address: str, *, ends_in: timedelta = timedelta(hours=1)) -> Ban:
    return Ban.objects.create(ip_address=ip_address, expires_at=timezone.now() + ends_in)


@pytest.mark.parametrize(
    ("networks", "status"),
    [
        (None, 200), ([], 403), (["203.0.113.0/24"], 200), (["203.0.113.7/32"], 200),
        (["203.0.113.8/32", "10.0.0.0/8"], 403), (["2001:db8::/32"], 403),
    ],
)  # fmt: skip
async def test_key_opens_from_its_networks_alone(
    api: Api, alice: User, make_key: MakeKey, networks: list[str] | None, status: int
) -> None:
    api.key = await in_database(make_key, alice, networks=networks)
    answer = await api.get(MODELS)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["code"] == "ip_not_allowed"


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "status"),
    [
        (1, "10.0.0.2", "203.0.113.7", 200), (1, "10.0.0.2", "198.51.100.1", 403),
        (1, "10.0.0.2", "203.0.113.7, 198.51.100.1", 403),
        (2, "10.0.0.2", "203.0.113.7, 198.51.100.1", 200),
        (1, "::ffff:10.0.0.2", "::ffff:203.0.113.7", 200), (1, "10.0.0.2", "nonsense", 403),
        # Who is no proxy of ours, and where there is none, may write what they like.
        (1, "8.8.8.8", "203.0.113.7", 403), (0, "10.0.0.2", "203.0.113.7", 403),
        (0, "203.0.113.7", "198.51.100.1", 200),
    ],
)  # fmt: skip
async def test_networks_hold_behind_proxies(
    api: Api, alice: User, make_key: MakeKey, settings: Any,
    proxies: int, peer: str, forwarded: str, status: int,
) -> None:  # fmt: skip
    settings.TRUST_PROXY = proxies
    api.key = await in_database(make_key, alice, networks=["203.0.113.0/24"])
    await api.http.aclose()
    api.http = client_at(peer)
    assert (await api.get(MODELS, x_forwarded_for=forwarded)).status_code == status


async def test_session_is_noted_and_grants_nothing(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    for session in ("s-1", "s" * 1000):
        answer = await api.post("/v1/chat/completions", body, x_session_id=session)
        assert answer.status_code == 200
    assert [row.session_id[:4] for row in await log_rows()] == ["s-1", "ssss"]
    api.key = ""
    answer = await api.post("/v1/chat/completions", body, x_session_id="s-1")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("limits", "listed"),
    [
        ({}, ["tutor", "m", "n"]),
        ({"model_names": ["n"]}, ["tutor", "n"]),
        ({"model_names": []}, ["tutor"]),
        ({"model_names": ["*"], "preset_slugs": []}, ["m", "n"]),
        ({"model_names": ["unknown"], "preset_slugs": ["unknown"]}, []),
        ({"model_names": [], "preset_slugs": ["tutor"]}, ["tutor"]),
    ],
)
async def test_limits_of_a_key_narrow_what_is_listed_and_what_can_be_called(
    api: Api, alice: User, make_key: MakeKey, make_channel: MakeChannel, limits: Any, listed: Any
) -> None:
    await in_database(make_channel, model_names=["m", "n"])
    preset = await in_database(
        Preset.objects.create, slug="tutor", name="Tutor", endpoint="openAI", model="m"
    )
    await in_database(Assignment.objects.create, preset=preset)
    api.key = await in_database(make_key, alice, **limits)
    assert [each["id"] for each in (await api.get(MODELS)).json()["data"]] == listed
    for name in ("tutor", "m", "n"):
        expected = 200 if name in listed else 404
        assert (await api.chat(model=name)).status_code == expected
        assert (await api.get(f"{MODELS}/{name}")).status_code == expected


async def test_key_is_seen_nowhere_after_its_creation(
    api: Api, admin_client: Client, caplog: pytest.LogCaptureFixture, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, sends="[[status:401]]")
    caplog.set_level(logging.DEBUG)
    answers = [await api.chat(), await api.get("/v1/nothing"), await api.get(MODELS)]
    token = await in_database(ApiToken.objects.get)
    row = (await log_rows())[0]

    def pages() -> list[str]:
        paths = [
            "/admin/gateway/apitoken/", f"/admin/gateway/apitoken/{token.pk}/change/",
            "/admin/usage/requestlog/", f"/admin/usage/requestlog/{row.pk}/change/",
        ]  # fmt: skip
        return [admin_client.get(path).content.decode() for path in paths]

    shown = [
        *await in_database(pages), *(a.text for a in answers), caplog.text, repr(token),
        repr(await in_database(RequestLog.objects.values().get, pk=row.pk)), repr(token.__dict__),
    ]  # fmt: skip
    for text in shown:
        assert api.key[3:] not in text
        assert "sk-upstream-secret" not in text


# -- In the settings of the chat's client --------------------------------------------------


@pytest.fixture
def admins(admin_user: User, client_for: ClientFor) -> Client:
    return client_for(admin_user)


def test_own_keys_are_made_listed_and_deleted(admins: Client, admin_user: User) -> None:
    made = admins.post("/api/api-keys", {"name": "  script "}, content_type="application/json")
    assert made.status_code == 201
    body = made.json()
    assert body["key"].startswith("sk-")
    assert len(body["key"]) == 67
    assert body["keyPrefix"] == body["key"][:8]
    listed = admins.get("/api/api-keys").json()["keys"]
    assert listed == [{name: body[name] for name in ("id", "name", "keyPrefix", "createdAt")}]
    assert listed[0]["name"] == "script"
    assert admins.get(f"/api/api-keys/{body['id']}").json() == listed[0]
    assert admins.delete(f"/api/api-keys/{body['id']}").status_code == 204
    assert admins.get("/api/api-keys").json() == {"keys": []}


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": ""}, {"name": " "}, {"name": 5}, {"name": "a" * 101}, [],
        {"name": "x", "expiresAt": "yesterday"}, {"name": "x", "expiresAt": "2001-01-01"},
        {"name": "x", "expiresAt": 5}, {"name": "x", "expiresAt": "9999-12-31T23:59:59-23:59"},
    ],
)  # fmt: skip
def test_malformed_key_is_refused(admins: Client, body: Any) -> None:
    answer = admins.post("/api/api-keys", body, content_type="application/json")
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)
    assert not ApiToken.objects.exists()


def test_strangers_key_behaves_as_missing(admins: Client, alice: User) -> None:
    token = services.create_token(user=alice, name="hers").token
    for answer in (
        admins.get(f"/api/api-keys/{token.id}"), admins.delete(f"/api/api-keys/{token.id}"),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()) == (404, {"error": "API key not found"})
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_role_without_the_right_gets_403(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    answers = [
        client.get("/api/api-keys"),
        client.post("/api/api-keys", {"name": "x"}, content_type="application/json"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert not ApiToken.objects.exists()


def test_keys_are_listed_with_a_constant_number_of_queries(
    admins: Client, admin_user: User, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        services.create_token(user=admin_user, name=f"key {number}")
    with django_assert_num_queries(3):
        names = [key["name"] for key in admins.get("/api/api-keys").json()["keys"]]
    assert names == [f"key {number}" for number in (4, 3, 2, 1, 0)]


# -- In the admin --------------------------------------------------------------------------


def test_new_key_is_shown_once_in_the_admin(admin_client: Client, alice: User) -> None:
    form = {
        "user": alice.pk, "name": "Script", "is_active": "on", "quota_window": "month",
        "cache_seconds": "0", "model_names": "m\nn\n", "networks": "10.0.0.1/8",
        "gives_no_presets": "on",
    }  # fmt: skip
    answer = admin_client.post("/admin/gateway/apitoken/add/", form)
    assert answer.status_code == 200, answer.headers
    page = answer.content.decode()
    token = ApiToken.objects.get()
    secret = page.split('id="new-key">')[1].split("<")[0]
    assert hash_secret(secret) == token.token_hash
    assert "no-store" in answer["Cache-Control"]
    assert "curl http://localhost:8000/v1/models" in page
    assert (token.model_names, token.preset_slugs) == (["m", "n"], [])
    assert token.networks == ["10.0.0.0/8"]
    for path in ("/admin/gateway/apitoken/", f"/admin/gateway/apitoken/{token.pk}/change/"):
        assert secret not in admin_client.get(path).content.decode()


def test_wrong_network_is_refused_in_the_admin(admin_client: Client, alice: User) -> None:
    form = {
        "user": alice.pk, "name": "Script", "quota_window": "month", "cache_seconds": "0",
        "networks": "everywhere",
    }  # fmt: skip
    page = admin_client.post("/admin/gateway/apitoken/add/", form).content.decode()
    assert "is no address or network" in page
    assert not ApiToken.objects.exists()
