"""/api/prompts, as the client asks for it."""

from typing import Any

from django.test import Client

from accounts.access_roles import PUBLIC, AccessBits, Principal, PrincipalType, ResourceType
from accounts.models import User
from accounts.services.access import grant
from conversations.models import Prompt, PromptGroup

NOT_FOUND = {"error": "Not Found", "message": "promptGroup not found"}

NEW = {"prompt": {"prompt": "Say hello", "type": "text"}, "group": {"name": "Hello"}}


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    """One request; ``path`` is what comes behind /api/prompts."""
    if method == "get":
        return client.get(f"/api/prompts{path}")
    return getattr(client, method)(
        f"/api/prompts{path}", {} if body is None else body, content_type="application/json"
    )


def refusal(answer: Any) -> tuple[int, Any]:
    """Status and body."""
    return answer.status_code, answer.json()


def allow(group: PromptGroup, who: User | None, bits: AccessBits = AccessBits.VIEW) -> None:
    """None: everybody."""
    grant(
        resource_type=ResourceType.PROMPT_GROUP,
        resource_id=group.pk,
        principal=Principal(PrincipalType.USER, who.pk) if who else PUBLIC,
        bits=bits,
        granted_by=group.user,
    )


def names(client: Client, query: str = "") -> list[str]:
    """Of the groups, in the order of the list."""
    answer = client.get(f"/api/prompts/groups?{query}")
    assert answer.status_code == 200, answer.content
    return [group["name"] for group in answer.json()["promptGroups"]]


def everything() -> Any:
    """Every row of every version and group."""
    return [list(model.objects.order_by("pk").values()) for model in (Prompt, PromptGroup)]
