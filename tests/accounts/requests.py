"""Short forms of what the client sends."""

from typing import Any

from django.test import Client

from tests.factories import PASSWORD


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    """A POST as the client makes it: without a body there is no content type either."""
    if body is None:
        return client.generic("POST", path, headers=headers)
    return client.post(path, body, content_type="application/json", headers=headers)


def login(client: Client, email: object, password: object = PASSWORD, **headers: str) -> Any:
    return post(client, "/api/auth/login", {"email": email, "password": password}, **headers)
