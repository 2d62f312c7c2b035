"""Files become part of a chat, and leave with it (contract 04 §1.14)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from django.db.models import F

from accounts.models import User
from files.config import EndpointLimits, config_for
from files.exceptions import megabytes
from files.models import File
from files.tasks import remove_waste
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.tasks import enqueue


def use_files(
    *,
    user: User,
    file_ids: Sequence[str],
    endpoint: str,
    endpoint_type: str,
    conversation_id: str,
    message_id: str,
) -> list[File]:
    """Those of ``user``, in the order given; others count as none. Three queries and two for rules.

    A file of a temporary chat is kept for as long as the chat is. Raises InvalidRequest for more
    than a message of this endpoint may have.
    """
    files = File.objects.owned_by(user).with_ids(file_ids)
    found = {file.file_id: file for file in files.select_related("blob").defer("text")}
    if not found:
        return []
    config = config_for(user)
    _require_within(config.limits_for(endpoint, endpoint_type), found.values())
    days = config.retention_days
    files.update(
        usage=F("usage") + 1,
        temp_file_id="",
        expires_at=None if days is None else F("created_at") + timedelta(days=days),
    )
    files.filter(message_id="").update(conversation_id=conversation_id, message_id=message_id)
    return [found[file_id] for file_id in dict.fromkeys(file_ids) if file_id in found]


def _require_within(limits: EndpointLimits, files: Collection[File]) -> None:
    if not limits.is_enabled:
        raise InvalidRequest("Files cannot be attached here.", key="error")
    if len(files) > limits.file_limit:
        message = f"At most {limits.file_limit} files can be attached to a message."
        raise InvalidRequest(message, key="error")
    if sum(file.byte_count for file in files) > limits.total_bytes:
        message = f"The files of a message can have {megabytes(limits.total_bytes)} MB together."
        raise InvalidRequest(message, key="error")


def release_files(*, user_id: str, file_ids: Iterable[str]) -> None:
    """Delete what was attached to chats that are gone; what is for something else stays.

    The bytes follow in the background. Inside a transaction.
    """
    files = File.objects.filter(user=user_id, context=File.Context.MESSAGE).with_ids(file_ids)
    count, _ = files.delete()
    if count:
        enqueue(remove_waste)
