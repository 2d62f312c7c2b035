"""/api/share, as those who share and those who read ask for it."""

from typing import Any

from django.test import Client

from accounts.access_roles import AccessBits, Principal, ResourceType
from accounts.services.access import grant
from conversations.models import Message, SharedLink
from conversations.search import remove_messages

PRIVATE = "PRIVATE-"


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    """One request; ``path`` is what comes behind /api/share."""
    return getattr(client, method)(
        f"/api/share{path}", {} if body is None else body, content_type="application/json"
    )


def refusal(answer: Any) -> tuple[int, Any]:
    """Status and body."""
    return answer.status_code, answer.json()


def listed(client: Client, query: str = "") -> list[str]:
    """Titles of the links, in the order of the list."""
    answer = client.get(f"/api/share?{query}")
    assert answer.status_code == 200, answer.content
    return [link["title"] for link in answer.json()["links"]]


def allow(link: SharedLink, principal: Principal) -> None:
    """Who may open the link besides its owner."""
    grant(
        resource_type=ResourceType.SHARED_LINK,
        resource_id=link.pk,
        principal=principal,
        bits=AccessBits.VIEW,
        granted_by=None,
    )


def opened(client: Client, link: SharedLink, rest: str = "") -> tuple[int, Any]:
    """Status and body of what a reader sees; ``rest`` is what comes behind the link's address."""
    answer = client.get(f"/api/share/{link.share_id}{rest}")
    return answer.status_code, answer.json()


def go_on(client: Client, link: SharedLink, body: Any = None) -> Any:
    """Make what is shown a chat of one's own."""
    return client.post(
        f"/api/share/{link.share_id}/fork", body or {}, content_type="application/json"
    )


def delete_messages(*messages: Message) -> None:
    """As they go from a chat, and from its search."""
    ids = [message.pk for message in messages]
    remove_messages(ids)
    Message.objects.filter(pk__in=ids).delete()
