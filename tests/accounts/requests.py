"""Short forms of what the client sends."""

from typing import Any

from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD

# What is typed to register, and the answer.
FORM = {
    "name": "Ada Lovelace",
    "username": "ada",
    "email": "Ada@Example.com",
    "password": "analytical engine",
    "confirm_password": "analytical engine",
}
SUCCESS = {"message": "Please check your email to verify your email address."}


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    """A POST as the client makes it: without a body there is no content type either."""
    if body is None:
        return client.generic("POST", path, headers=headers)
    return client.post(path, body, content_type="application/json", headers=headers)


def login(client: Client, email: object, password: object = PASSWORD, **headers: str) -> Any:
    return post(client, "/api/auth/login", {"email": email, "password": password}, **headers)


def register(client: Client, **changes: Any) -> Any:
    return post(client, "/api/auth/register", FORM | changes)


def signed_in(user: User) -> Client:
    """In the admin, which knows people by a session, not by a token."""
    client = Client()
    client.force_login(user)
    return client
