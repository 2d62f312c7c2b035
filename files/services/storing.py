"""Files come into being, and go (contract 04 §1.4, §1.9).

The row of the bytes is written before them and outlives them, see :class:`files.models.Blob`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from files.config import FileConfig
from files.exceptions import QuotaExceeded
from files.forms import UploadForm
from files.models import Blob, File
from files.names import stored_name
from files.storage import KEY_PREFIX, new_files_go_to
from librechat_backend.lib.errors import Forbidden
from librechat_backend.lib.ids import new_uuid


@dataclass(frozen=True, slots=True)
class Content:
    """What is kept of an upload. ``text`` None: nobody has looked."""

    filename: str
    media_type: str
    byte_count: int
    checksum: str
    extension: str = ""
    text: str | None = None
    width: int | None = None
    height: int | None = None
    page_count: int | None = None
    metadata: dict[str, object] = field(default_factory=dict)


def begin_blob() -> Blob:
    """The row of bytes that are going to be written, under a key that tells nothing."""
    token = new_uuid()
    return Blob.objects.create(key=f"{KEY_PREFIX}{token[:2]}/{token}", storage=new_files_go_to())


@transaction.atomic
def create_attachment(
    *, user: User, blob: Blob, content: Content, form: UploadForm, config: FileConfig
) -> File:
    """The file of a form, whose bytes are written. Raises QuotaExceeded."""
    require_space(user=user, config=config, byte_count=content.byte_count)
    is_text = content.text is not None
    return _create(
        user,
        blob,
        content,
        temp_file_id=form.temp_file_id,
        context=File.Context.MESSAGE,
        conversation_id=form.conversation_id,
        is_text=is_text,
        text=content.text or "",
        text_state=File.TextState.READ if is_text else File.TextState.UNREAD,
        expires_at=_expiry(form, config),
    )


@transaction.atomic
def create_avatar(*, user: User, blob: Blob, content: Content, is_chosen: bool) -> str:
    """The public address of a new avatar; ``is_chosen`` makes it the person's.

    Older ones that are nobody's picture any more go.
    """
    file = _create(user, blob, content, context=File.Context.AVATAR)
    address = f"{file.path}?manual={str(is_chosen).lower()}"
    if is_chosen:
        user.avatar = address
        user.save(update_fields=["avatar", "updated_at"])
    older = File.objects.owned_by(user).filter(context=File.Context.AVATAR).exclude(pk=file.pk)
    older.exclude(name=_name_in(user.avatar)).delete()
    return address


def _name_in(address: str) -> str:
    return address.partition("?")[0].rpartition("/")[2]


def _create(user: User, blob: Blob, content: Content, **fields: object) -> File:
    Blob.objects.filter(pk=blob.pk).update(byte_count=content.byte_count, checksum=content.checksum)
    file_id = new_uuid()
    is_avatar = fields["context"] == File.Context.AVATAR
    name = f"avatar-{file_id}" if is_avatar else file_id
    text_bytes = len((content.text or "").encode())
    return File.objects.create(
        file_id=file_id,
        user=user,
        blob=blob,
        name=f"{name}.{content.extension}"
        if is_avatar
        else stored_name(file_id, content.filename, content.extension),
        filename=content.filename,
        media_type=content.media_type,
        byte_count=content.byte_count if content.text is None else text_bytes,
        width=content.width,
        height=content.height,
        page_count=content.page_count,
        metadata=content.metadata,
        **fields,
    )


def _expiry(form: UploadForm, config: FileConfig) -> datetime | None:
    """The earlier of the two; a chat that uses a file of a temporary chat lifts that one."""
    now, ends = timezone.now(), []
    if config.retention_days is not None:
        ends.append(now + timedelta(days=config.retention_days))
    if form.is_temporary:
        ends.append(now + timedelta(hours=settings.TEMPORARY_CHAT_RETENTION_HOURS))
    return min(ends) if ends else None


def require_space(*, user: User, config: FileConfig, byte_count: int) -> None:
    """Raises QuotaExceeded.

    In a transaction, two uploads at once cannot both take the last place.
    """
    if config.quota_bytes is None:
        return
    if transaction.get_connection().in_atomic_block:
        User.objects.select_for_update().get(pk=user.pk)
    if File.objects.owned_by(user).stored_bytes() + byte_count > config.quota_bytes:
        raise QuotaExceeded(config.quota_bytes)


@transaction.atomic
def delete_files(*, user: User, file_ids: Sequence[str]) -> list[str]:
    """All of them or, when one is somebody else's, none; the ids of the bytes left behind.

    A file that is gone already is no obstacle. Raises Forbidden naming the foreign ones.
    """
    found = File.objects.with_ids(file_ids)
    foreign = list(found.exclude(user=user).values_list("file_id", flat=True))
    if foreign:
        raise Forbidden("You can only delete files you have access to", unauthorizedFiles=foreign)
    blob_ids = list(found.values_list("blob_id", flat=True))
    found.delete()
    return blob_ids


def hold_files(*, user: User, file_ids: Sequence[str]) -> int:
    """How many of them are there for a message that waits in the client (contract 04 §1.10)."""
    return File.objects.owned_by(user).with_ids(file_ids).count()
