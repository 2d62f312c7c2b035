"""A sign-in through real processes: browser cookies, redirects, settings and logs included."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.fake_identity import CLIENT_ID, CLIENT_SECRET
from tests.live import LiveServer, free_port, live_server
from tests.processes import start_fake_identity

ADDRESS = "ada@example.com"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with start_fake_identity() as url:
        yield url


@pytest.fixture(scope="module")
def server(issuer: str) -> Iterator[LiveServer]:
    port = free_port()
    own = f"http://127.0.0.1:{port}"
    environment = {
        "DOMAIN_CLIENT": own,
        "DOMAIN_SERVER": own,
        "ALLOW_SOCIAL_LOGIN": "true",
        "ALLOW_SOCIAL_REGISTRATION": "true",
        "OPENID_CLIENT_ID": CLIENT_ID,
        "OPENID_CLIENT_SECRET": CLIENT_SECRET,
        "OPENID_ISSUER": issuer,
        "OPENID_USE_END_SESSION_ENDPOINT": "true",
        "LOG_LEVEL": "debug",
    }
    with live_server(env=environment, port=port) as running:
        yield running


def test_sign_in_from_the_button_to_the_logout(server: LiveServer, issuer: str) -> None:
    with httpx.Client(base_url=server.base_url) as browser:
        config = browser.get("/api/config").json()
        assert (config["socialLoginEnabled"], config["openidLoginEnabled"]) == (True, True)
        begun = browser.get(f"{config['serverDomain']}/oauth/openid")
        answered = httpx.get(begun.headers["location"])
        signed_in = browser.get(answered.headers["location"])
        assert signed_in.status_code == 302, signed_in.text
        assert signed_in.headers["location"] == server.base_url
        assert signed_in.headers["cache-control"] == "no-store"
        assert signed_in.headers["referrer-policy"] == "no-referrer"
        refreshed = browser.post("/api/auth/refresh").json()
        assert refreshed["user"]["email"] == ADDRESS
        headers = {"Authorization": f"Bearer {refreshed['token']}"}
        assert browser.get("/api/user", headers=headers).json()["provider"] == "openid"
        logged_out = browser.post("/api/auth/logout", headers=headers).json()
        assert logged_out["redirect"].startswith(f"{issuer}/end_session?")

        logged = server.log()
        assert "signed_in" in logged
        query = parse_qs(urlsplit(answered.headers["location"]).query)
        hint = parse_qs(urlsplit(logged_out["redirect"]).query)["id_token_hint"][0]
        secrets = [query["code"][0], query["state"][0], hint, CLIENT_SECRET, ADDRESS]
        secrets += [signed_in.cookies["refreshToken"], refreshed["token"]]
        assert [secret for secret in secrets if secret in logged] == []


def test_refusal_is_logged_without_what_came(server: LiveServer) -> None:
    answer = httpx.get(
        f"{server.base_url}/oauth/openid/callback?code=secret-code&state=secret-state"
    )
    assert answer.headers["location"].endswith(
        "/login?redirect=false&error=auth_failed&reason=invalid_state"
    )
    assert "invalid_state" in server.log()
    assert "secret-" not in server.log()


def test_page_of_the_client_is_the_clients(server: LiveServer) -> None:
    answer = httpx.get(f"{server.base_url}/oauth/error")
    assert answer.headers["location"].endswith("/login?redirect=false&error=auth_failed")
    assert httpx.get(f"{server.base_url}/oauth/nobody").status_code == 404


def test_nothing_starts_when_a_setting_cannot_be_right() -> None:
    broken = LiveServer(env={"OPENID_CALLBACK_URL": "/elsewhere"})
    try:
        with pytest.raises(AssertionError, match="OPENID_CALLBACK_URL"):
            broken.migrate()
    finally:
        broken.close()
