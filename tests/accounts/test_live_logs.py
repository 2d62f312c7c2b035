"""Every way in, and what the log of the live server says of it."""

import time
from typing import Any

import httpx

from accounts import totp
from tests.live import LiveServer, live_server
from tests.mail_sink import MailSink, mail_sink

PASSWORD, WRONG, NEWER = "correct horse battery", "wrong horse battery", "newer horse battery"
EMAIL, BOSS = "ada@example.com", "boss@example.com"


class Flow:
    """Calls the server as a browser does, and remembers every secret it sees."""

    def __init__(self, server: LiveServer) -> None:
        self.client = httpx.Client(base_url=server.base_url, timeout=30)
        self.secrets = [PASSWORD, WRONG, NEWER, EMAIL, BOSS]

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.client.post(f"/api/{path}", json=body)
        assert answer.status_code == status, answer.text
        if cookie := self.client.cookies.get("refreshToken"):
            self.secrets.append(cookie)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        told = answer.json() if is_json and answer.content else {}
        if isinstance(told, dict):
            self.secrets += [told[name] for name in ("token", "tempToken") if told.get(name)]
            self.secrets += told.get("backupCodes", [])
        return told

    def bear(self, token: str) -> None:
        self.client.headers["Authorization"] = f"Bearer {token}"


def register_and_verify(flow: Flow, sink: MailSink) -> None:
    form = {"name": "Ada", "email": EMAIL, "password": PASSWORD, "confirm_password": PASSWORD}
    flow.post("auth/register", form)
    flow.post("auth/register", form)
    credentials = {"email": EMAIL, "password": PASSWORD}
    flow.post("auth/login", credentials, 422)
    flow.post("user/verify/resend", {"email": EMAIL})
    token = sink.wait_for(EMAIL, r"verify\?token=(\w+)")[1]
    flow.secrets.append(token)
    flow.post("user/verify", {"email": EMAIL, "token": "f" * 64}, 400)
    flow.post("user/verify", {"email": EMAIL, "token": token})


def sign_in_and_reuse_an_old_cookie(flow: Flow) -> None:
    flow.post("auth/login", {"email": EMAIL, "password": WRONG}, 404)
    flow.post("auth/login", {"email": EMAIL, "password": PASSWORD})
    old = flow.client.cookies["refreshToken"]
    flow.post("auth/refresh")
    session, value, seal = old.split(".")
    forged = f"{session}.{value[::-1]}.{seal}"
    stranger = httpx.Client(base_url=flow.client.base_url, cookies={"refreshToken": forged})
    assert stranger.post("/api/auth/refresh").status_code == 401
    flow.secrets.append(forged)


def set_up_second_factor(flow: Flow) -> None:
    flow.bear(flow.post("auth/login", {"email": EMAIL, "password": PASSWORD})["token"])
    setup = flow.post("auth/2fa/enable")
    secret = setup["otpauthUrl"].split("secret=")[1].split("&")[0]
    code = totp.code_at(secret, int(time.time()) // 30)
    flow.secrets += [secret, setup["otpauthUrl"]]
    flow.post("auth/2fa/verify", {"token": code})
    flow.post("auth/2fa/confirm", {"token": code})
    pending = flow.post("auth/login", {"email": EMAIL, "password": PASSWORD})
    proof = {"tempToken": pending["tempToken"], "backupCode": "00000000"}
    flow.post("auth/2fa/verify-temp", proof, 401)
    flow.post("auth/2fa/verify-temp", proof | {"backupCode": setup["backupCodes"][0]})
    flow.post("auth/2fa/backup/regenerate", {"token": code})
    flow.post("auth/2fa/disable", {"token": code})


def forget_password(flow: Flow, sink: MailSink) -> None:
    flow.post("auth/requestPasswordReset", {"email": EMAIL})
    found = sink.wait_for(EMAIL, r"reset-password\?token=(\w+)&userId=(\w+)")
    flow.secrets.append(found[1])
    form = {"userId": found[2], "token": found[1], "password": NEWER, "confirm_password": NEWER}
    flow.post("auth/resetPassword", form | {"token": "f" * 64}, 400)
    flow.post("auth/resetPassword", form)
    sink.wait_for(EMAIL, "password")
    flow.bear(flow.post("auth/login", {"email": EMAIL, "password": NEWER})["token"])
    flow.post("user/plugins", {"pluginKey": "x", "action": "install", "auth": {"K": NEWER}})
    flow.post("auth/logout")


def test_no_secret_is_in_the_log_of_any_sign_in() -> None:
    with mail_sink() as sink:
        env = {
            "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(sink.port), "EMAIL_ENCRYPTION": "none",
            "EMAIL_FROM": "chat@example.com", "ALLOW_PASSWORD_RESET": "true",
            "LOG_LEVEL": "debug",
        }  # fmt: skip
        with live_server(env=env) as server:
            server.manage("create_user", BOSS, "--password-stdin", stdin=PASSWORD)
            flow = Flow(server)
            register_and_verify(flow, sink)
            sign_in_and_reuse_an_old_cookie(flow)
            set_up_second_factor(flow)
            forget_password(flow, sink)
            log = server.log()
    said = ("registered", "signed_in", "email_verified", "two_factor_enabled", "password_reset")
    assert [event for event in said if event not in log] == []
    assert len(flow.secrets) > 30
    assert [secret for secret in flow.secrets if secret in log] == []
