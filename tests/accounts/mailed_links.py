"""The links in mail, and what the client sends when they are asked for and opened."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.mail import EmailMessage
from django.test import Client

from tests.accounts.requests import post

NEW_PASSWORD = "a new and better one"
LINK_SENT = {
    "message": "If an account with that email exists, a password reset link has been sent to it."
}


def query_of(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def link_in(message: EmailMessage) -> str:
    found = re.search(r"http\S+", str(message.body))
    assert found, message.body
    return found[0]


def ask_for_reset(client: Client, email: object = "alice@example.com") -> Any:
    return post(client, "/api/auth/requestPasswordReset", {"email": email})


def set_password(client: Client, link: str, password: str = NEW_PASSWORD, **changes: Any) -> Any:
    body = query_of(link) | {"password": password, "confirm_password": password}
    return post(client, "/api/auth/resetPassword", body | changes)


def verify(client: Client, email: str, token: str) -> Any:
    return post(client, "/api/user/verify", {"email": email, "token": token})
