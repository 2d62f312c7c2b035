"""/api/convos, as the client asks for it."""

from typing import Any

from django.test import Client

from conversations.models import Conversation

NOT_FOUND = {"error": "Conversation not found"}


def listed(client: Client, query: str = "") -> list[str]:
    """Titles in the order of the list."""
    answer = client.get(f"/api/convos?{query}")
    assert answer.status_code == 200
    return [row["title"] for row in answer.json()["conversations"]]


def post(client: Client, name: str, argument: Any) -> Any:
    """Send one of the changes: update, archive, pin."""
    return client.post(f"/api/convos/{name}", {"arg": argument}, content_type="application/json")


def snapshot() -> list[Any]:
    """Every row of every conversation."""
    return list(Conversation.objects.order_by("pk").values())
