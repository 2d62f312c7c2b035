"""Identity providers on the loopback interface: an OpenID provider with real keys, and the APIs of
Google, GitHub, Discord, Facebook and Apple as far as a sign-in needs them.

``python -m tests.fake_identity`` prints ``{"port": N}``. ``POST /control`` sets what the next
sign-ins meet (see ``Control``), ``GET /requests`` lists what was received.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

JSON = dict[str, Any]
CLIENT_ID, CLIENT_SECRET = "chat", "a secret of the client"
PERSON: JSON = {
    "sub": "ada-1",
    "email": "ada@example.com",
    "email_verified": True,
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "preferred_username": "ada",
    "picture": "https://pictures.example.com/ada.png",
}
GITHUB: JSON = {
    "user": {"id": 42, "login": "octo", "name": "Octo Cat", "avatar_url": "https://a.example/o"},
    "emails": [
        {"email": "other@example.com", "primary": False, "verified": True},
        {"email": "octo@example.com", "primary": True, "verified": True},
    ],
}


@dataclass
class Control:
    """``person``: the claims. ``*_changes``: over what would be said (None: left out).

    ``signer``: ``good``, ``other`` (a key nobody published), ``none`` or ``HS256``. ``statuses``
    and ``delays``: path → status to answer with, seconds to wait. ``bodies``: path → the very text
    to answer as JSON. ``error``: what the person does instead of signing in. ``asks``: show a page
    with a button.
    """

    person: JSON = field(default_factory=lambda: dict(PERSON))
    id_token_changes: JSON = field(default_factory=dict)
    userinfo_changes: JSON = field(default_factory=dict)
    access_claims: JSON = field(default_factory=dict)
    metadata_changes: JSON = field(default_factory=dict)
    answer_changes: JSON = field(default_factory=dict)
    github: JSON = field(default_factory=lambda: dict(GITHUB))
    discord: JSON = field(default_factory=dict)
    facebook: JSON = field(default_factory=dict)
    signer: str = "good"
    statuses: dict[str, int] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    error: str = ""
    asks: bool = False


class Provider:
    """Everything between requests."""

    def __init__(self) -> None:
        self.keys = {
            name: rsa.generate_private_key(public_exponent=65537, key_size=2048)
            for name in ("good", "other")
        }
        self.control = Control()
        self.codes: dict[str, JSON] = {}
        self.requests: list[JSON] = []
        self.issuer = ""

    def metadata(self) -> JSON:
        return _changed(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/end_session",
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            },
            self.control.metadata_changes,
        )

    def published_keys(self) -> JSON:
        public = self.keys["good"].public_key()
        key: JSON = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
        return {"keys": [key | {"kid": "good", "use": "sig", "alg": "RS256"}]}

    def id_token(self, code: JSON) -> str:
        now = int(time.time())
        said = {
            "iss": code["issuer"],
            "aud": code["client_id"],
            "iat": now,
            "exp": now + 300,
            "nonce": code.get("nonce"),
            **self.control.person,
        }
        return self._signed(_changed(said, self.control.id_token_changes))

    def _signed(self, claims: JSON) -> str:
        signer = self.control.signer
        if signer == "none":
            return jwt.encode(claims, "", algorithm="none")
        if signer == "HS256":
            # Whoever knows the public key could make this.
            public = self.published_keys()["keys"][0]["n"]
            return jwt.encode(claims, public, algorithm="HS256", headers={"kid": "good"})
        return jwt.encode(claims, self.keys[signer], algorithm="RS256", headers={"kid": "good"})

    def access_token(self) -> str:
        claims = {"scope": "openid", **self.control.access_claims}
        return jwt.encode(claims, self.keys["good"], algorithm="RS256")


def _changed(said: JSON, changes: JSON) -> JSON:
    return {name: value for name, value in (said | changes).items() if value is not None}


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        self._handle(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._handle(json.loads(body) if body.startswith("{") else dict(parse_qsl(body)))

    def _handle(self, given: JSON) -> None:
        path, control = urlsplit(self.path).path, self.provider.control
        if path == "/control":
            self.provider.control = Control(**given)
            self.provider.requests.clear()
            return self._json({})
        if path == "/requests":
            return self._json({"requests": self.provider.requests})
        self.provider.requests.append({"path": path, "given": given})
        time.sleep(control.delays.get(path, 0))
        if status := control.statuses.get(path):
            return self._json({"error": "server_error"}, status)
        if body := control.bodies.get(path):
            return self._send(200, body.encode(), "application/json")
        pages: dict[str, Callable[[], None]] = {
            "/.well-known/openid-configuration": lambda: self._json(self.provider.metadata()),
            "/jwks": lambda: self._json(self.provider.published_keys()),
            "/authorize": lambda: self._authorize(given),
            "/token": lambda: self._token(given),
            "/userinfo": self._userinfo,
            "/end_session": lambda: self._redirect(given["post_logout_redirect_uri"]),
            "/github/user": lambda: self._api(control.github["user"]),
            "/github/user/emails": lambda: self._api(control.github["emails"]),
            "/discord/me": lambda: self._api(control.discord),
            "/facebook/me": lambda: self._json(control.facebook),
        }
        page = pages.get(path)
        return page() if page else self._json({"error": "not found"}, 404)

    def _authorize(self, given: JSON) -> None:
        """Signs in whoever comes; a person presses the button first if there is one."""
        if given["client_id"] != CLIENT_ID or given["response_type"].split()[0] != "code":
            return self._json({"error": "invalid_request"}, 400)
        if self.provider.control.asks and "yes" not in given:
            here = f"{self.path}&yes=1".replace("&", "&amp;")
            return self._html(f'<h1>The provider</h1><a href="{here}">Sign in as Ada</a>')
        answer = {"state": given["state"], "iss": self.provider.issuer}
        if self.provider.control.error:
            answer["error"] = self.provider.control.error
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.provider.codes[answer["code"]] = given | {
                "issuer": given.get("issuer", self.provider.issuer)
            }
        answer = _changed(answer, self.provider.control.answer_changes)
        return self._redirect(f"{given['redirect_uri']}?{urlencode(answer)}")

    def _token(self, given: JSON) -> None:
        """Codes are good once, for whom they were made, with the verifier of their challenge."""
        code = self.provider.codes.pop(given.get("code", ""), None)
        if code is None or code["redirect_uri"] != given["redirect_uri"]:
            return self._json({"error": "invalid_grant"}, 400)
        if not self._is_client(given):
            return self._json({"error": "invalid_client"}, 401)
        if challenge := code.get("code_challenge"):
            digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
                return self._json({"error": "invalid_grant"}, 400)
        answer: JSON = {"access_token": self.provider.access_token(), "token_type": "Bearer"}
        if "nonce" in code:
            answer["id_token"] = self.provider.id_token(code)
        return self._json(answer)

    def _is_client(self, given: JSON) -> bool:
        """By its secret, or for Apple by a statement signed with its key."""
        secret = given.get("client_secret", "")
        if secret.count(".") == 2:
            claims = jwt.decode(secret, options={"verify_signature": False})
            return bool(claims["sub"] == CLIENT_ID and claims["iss"] == "TEAM")
        return bool(secret == CLIENT_SECRET and given.get("client_id") == CLIENT_ID)

    def _userinfo(self) -> None:
        said = _changed(self.provider.control.person, self.provider.control.userinfo_changes)
        self._api(said)

    def _api(self, body: Any) -> None:
        if not self.headers.get("Authorization", "").lower().startswith(("bearer ", "token ")):
            return self._json({"error": "unauthorized"}, 401)
        return self._json(body)

    def _json(self, body: Any, status: int = 200) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _html(self, body: str) -> None:
        self._send(200, f"<!doctype html><title>Provider</title>{body}".encode(), "text/html")

    def _redirect(self, url: str) -> None:
        self._send(302, b"", "text/plain", {"Location": url})

    def _send(
        self, status: int, body: bytes, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": media_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def default_control() -> JSON:
    return asdict(Control())


def control_names() -> set[str]:
    return {each.name for each in fields(Control)}


def main() -> None:
    Handler.provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.provider.issuer = f"http://127.0.0.1:{server.server_port}"
    sys.stdout.write(json.dumps({"port": server.server_port}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
