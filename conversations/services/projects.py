"""Changes to projects and to what is in them (contract 03 §6)."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Project
from conversations.services.conversations import conversation_not_found
from librechat_backend.lib.errors import NotFound


def create_project(*, user: User, name: str, description: str) -> str:
    """The id of a new, empty project."""
    now = timezone.now()
    project = Project.objects.create(
        user=user, name=name, description=description, created_at=now, updated_at=now
    )
    return str(project.pk)


def update_project(
    *, user: User, project_id: str, name: str | None = None, description: str | None = None
) -> None:
    """Change what is not None. Raises NotFound."""
    changes = {"name": name, "description": description, "updated_at": timezone.now()}
    given = {field: value for field, value in changes.items() if value is not None}
    if not Project.objects.owned_by(user).filter(pk=project_id).update(**given):
        raise project_not_found()


@transaction.atomic
def delete_project(*, user: User, project_id: str) -> int:
    """Delete it and keep what is in it; how many conversations that were. Raises NotFound."""
    detached = Conversation.objects.owned_by(user).in_project(project_id).update(project=None)
    deleted, _ = Project.objects.owned_by(user).filter(pk=project_id).delete()
    if not deleted:
        raise project_not_found()
    return detached


@transaction.atomic
def assign_project(*, user: User, conversation_id: str, project_id: str | None) -> str | None:
    """Move a conversation into a project, or out of any; the project it was in. Raises NotFound."""
    conversations = Conversation.objects.owned_by(user).with_id(conversation_id).lock_rows()
    conversation = conversations.first()
    if conversation is None:
        raise conversation_not_found()
    if project_id is not None:
        require_project(user=user, project_id=project_id)
    previous: str | None = conversation.project_id
    conversation.project_id = project_id
    conversation.updated_at = timezone.now()
    conversation.save(update_fields=["project", "updated_at"])
    return previous


def require_project(*, user: User, project_id: str) -> None:
    """Raises NotFound for what is not there or not the user's."""
    if not Project.objects.owned_by(user).filter(pk=project_id).exists():
        raise project_not_found()


def project_not_found() -> NotFound:
    return NotFound("Project not found", key="error")
