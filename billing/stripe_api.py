"""The only import site of Stripe's library."""

from functools import cache
from typing import Any

import stripe
from django.conf import settings

from librechat_backend.lib import json
from librechat_backend.lib.errors import AppError, MalformedJSON
from librechat_backend.lib.json import JSONDict

# How old a signed message may be: longer, and it could be one that was recorded.
TOLERANCE_SECONDS = 300
TIMEOUT_SECONDS = 20


class NotSetUp(AppError):
    status = 404

    def __init__(self) -> None:
        super().__init__("Payments are not set up on this server.")


class StripeUnavailable(AppError):
    status = 502

    def __init__(self) -> None:
        super().__init__("The payment service cannot be asked at the moment. Please try again.")


class BadSignature(AppError):
    status = 400

    def __init__(self) -> None:
        super().__init__("The signature is not Stripe's.")


def is_set_up() -> bool:
    return bool(settings.STRIPE_SECRET_KEY)


def client() -> stripe.StripeClient:
    """Raises NotSetUp."""
    if not is_set_up():
        raise NotSetUp
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL)


@cache
def _client(key: str, address: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": address} if address else {},
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        max_network_retries=2,
    )


def create_customer(*, user_id: str, email: str, name: str) -> str:
    """The id at Stripe; the same one when it is asked for twice at once."""
    made = _call(
        client().v1.customers.create,
        {"email": email, "name": name, "metadata": {"user_id": user_id}},
        {"idempotency_key": f"customer:{user_id}:{email}"},
    )
    return str(made.id)


def create_checkout(params: Any) -> str:
    """Where the person pays. Raises StripeUnavailable."""
    return str(_call(client().v1.checkout.sessions.create, params).url)


def create_portal(*, customer_id: str, return_url: str) -> str:
    """Where the person changes cards, sees invoices and cancels."""
    params = {"customer": customer_id, "return_url": return_url}
    return str(_call(client().v1.billing_portal.sessions.create, params).url)


def _call(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except stripe.StripeError as error:
        raise StripeUnavailable from error


def read_event(body: bytes, signature: str) -> JSONDict:
    """A message of Stripe's webhook. Raises BadSignature, MalformedJSON; NotSetUp without a
    secret.

    Several secrets, while one takes the place of another, are separated by commas.
    """
    if not settings.STRIPE_WEBHOOK_SECRET:
        raise NotSetUp
    if not any(_is_signed(body, signature, secret) for secret in settings.STRIPE_WEBHOOK_SECRET):
        raise BadSignature
    try:
        event = json.loads(body)
    except json.DecodeError as error:
        raise MalformedJSON from error
    if not isinstance(event, dict):
        raise BadSignature
    return event


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    if not signature.isascii():  # the library cannot compare it
        return False
    try:
        text = body.decode()
        stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True
