"""Stripe, as far as it is outside: its interface on loopback, and messages with its signatures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

import stripe
from django.test import Client

from librechat_backend.lib import json

SECRET = "whsec_of_this_test"
ANSWERS: dict[str, dict[str, Any]] = {
    "/v1/customers": {"id": "cus_1", "object": "customer"},
    "/v1/checkout/sessions": {
        "id": "cs_1", "object": "checkout.session", "url": "https://checkout.stripe.test/cs_1",
    },
    "/v1/billing_portal/sessions": {
        "id": "bps_1", "object": "billing_portal.session", "url": "https://billing.stripe.test/1",
    },
}  # fmt: skip


@dataclass
class FakeStripe:
    """``requests``: ``(path, form)`` of each."""

    address: str = ""
    is_down: bool = False
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def asked(self, path: str) -> list[dict[str, str]]:
        return [form for asked, form in self.requests if asked == path]


@contextmanager
def running_stripe() -> Iterator[FakeStripe]:
    fake = FakeStripe()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            fake.requests.append((self.path, dict(parse_qsl(body.decode()))))
            status = 503 if fake.is_down else 200
            answer = json.dumps({"error": {}} if fake.is_down else ANSWERS[self.path])
            self.send_response(status)
            # Its library is told not to try again: tests need not wait for that.
            self.send_header("Stripe-Should-Retry", "false")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    fake.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


def signature_of(body: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    moment = int(time.time() if at is None else at)
    mac = stripe.WebhookSignature._compute_signature(f"{moment}.{body.decode()}", secret)
    return f"t={moment},v1={mac}"


def event(kind: str, subject: dict[str, Any], *, event_id: str = "", created: int = 0) -> Any:
    return {
        "id": event_id or f"evt_{kind}_{subject.get('id', '')}_{created}",
        "object": "event",
        "type": kind,
        "created": created or int(time.time()),
        "data": {"object": subject},
    }


def send(message: Any, **signing: Any) -> Any:
    body = json.dumps(message)
    return Client().post(
        "/api/billing/webhook",
        body,
        content_type="application/json",
        headers={"stripe-signature": signature_of(body, **signing)},
    )
