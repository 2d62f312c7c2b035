"""Files of a branch, read for the model of a turn (contract 02 §9.4).

Pictures and the PDFs a provider takes travel as they are; of all else the text does, which is
extracted when it is first needed. A file that cannot be shown is named, so that the model can say
so.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from accounts.models import User
from conversations.chat.attached import Attached, cut_to_tokens
from files import reading
from files.config import config_for
from files.exceptions import Unreadable
from files.media_types import PDF
from files.models import File
from files.storage import BytesMissing, StorageUnavailable
from librechat_backend.lib.aio import in_database
from presets.resolver import ResolvedTurn
from providers.registry import SERVICES
from providers.types import DocumentPart, ImagePart
from providers.vision import image_tokens, sees_images

Row = Mapping[str, Any]

# Of all pictures and documents of one request; providers refuse larger ones.
MEDIA_BYTES = 24 * 1024 * 1024
DOCUMENT_PAGES = 100
# What providers count for a page, its picture and its text together.
PAGE_TOKENS = 2_000
_DETAILS = ("low", "high", "auto")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Reader:
    """``room`` is what of MEDIA_BYTES is left."""

    resolved: ResolvedTurn
    token_limit: int
    room: int = MEDIA_BYTES

    async def read(self, files: Sequence[File]) -> Attached:
        texts: list[tuple[str, str]] = []
        media: list[ImagePart | DocumentPart] = []
        notes: list[str] = []
        for file in files:
            try:
                if part := await self._media(file):
                    media.append(part)
                else:
                    texts.append((file.filename, await self._text(file)))
            except (Unreadable, BytesMissing, StorageUnavailable) as problem:
                log.info("attachment_not_shown", file=file.file_id, reason=type(problem).__name__)
                notes.append(_note(file, problem))
        return Attached(tuple(texts), tuple(media), tuple(notes))

    async def _media(self, file: File) -> ImagePart | DocumentPart | None:
        """None for what is sent as text. Raises Unreadable."""
        if file.is_text:
            return None
        if file.is_image:
            return await self._image(file)
        return await self._document(file) if self._takes(file) else None

    async def _image(self, file: File) -> ImagePart:
        if not sees_images(self.resolved.model):
            raise Unreadable("This model cannot see pictures.")
        if file.blob.byte_count > self.room:
            raise Unreadable("There are too many or too large files in this chat.")
        detail = self.resolved.settings.get("imageDetail")
        return ImagePart(
            media_type=file.media_type,
            base64=await self._base64(file),
            detail=detail if detail in _DETAILS else "auto",
            tokens=image_tokens(file.width or 0, file.height or 0),
        )

    def _takes(self, file: File) -> bool:
        """Whether the provider reads this document by itself; if not, its text is sent."""
        service = SERVICES.get(self.resolved.kind)
        is_short = file.page_count is not None and file.page_count <= DOCUMENT_PAGES
        fits = file.blob.byte_count <= self.room
        return bool(service and service.takes_pdf and file.media_type == PDF and is_short and fits)

    async def _document(self, file: File) -> DocumentPart:
        return DocumentPart(
            media_type=file.media_type,
            filename=file.filename,
            base64=await self._base64(file),
            tokens=(file.page_count or 1) * PAGE_TOKENS,
        )

    async def _base64(self, file: File) -> str:
        self.room -= file.blob.byte_count
        return base64.b64encode(await reading.content_of(file)).decode()

    async def _text(self, file: File) -> str:
        return cut_to_tokens(await reading.text_of(file), self.token_limit)


def _note(file: File, problem: Exception) -> str:
    reason = str(problem) if isinstance(problem, Unreadable) else "It cannot be read right now."
    return f'[The attached file "{file.filename}" is not shown here. {reason}]'


async def load(user: User, resolved: ResolvedTurn, branch: Sequence[Row]) -> dict[str, Attached]:
    """Message id → what its files become. The newest messages come first where room is short."""
    wanted = _wanted(resolved, branch)
    file_ids = {file_id for ids in wanted.values() for file_id in ids}
    if not file_ids:
        return {}
    files, token_limit = await in_database(_find, user, resolved, file_ids)
    reader = _Reader(resolved, token_limit)
    return {
        message_id: await reader.read([files[i] for i in ids if i in files])
        for message_id, ids in wanted.items()
    }


def _wanted(resolved: ResolvedTurn, branch: Sequence[Row]) -> dict[str, list[str]]:
    """Message id → ids of its files, newest message first; only that one without resending."""
    questions = [row for row in reversed(branch) if row["is_created_by_user"]]
    if resolved.settings.get("resendFiles") is False:
        questions = questions[:1]
    return {
        row["message_id"]: [str(f.get("file_id")) for f in row["files"] if isinstance(f, dict)]
        for row in questions
    }


def _find(user: User, resolved: ResolvedTurn, file_ids: set[str]) -> tuple[dict[str, File], int]:
    """Those that are the person's, and how many tokens of text each may have."""
    found = File.objects.owned_by(user).with_ids(file_ids).select_related("blob")
    wanted = resolved.settings.get("fileTokenLimit")
    allowed = config_for(user).text_token_limit
    limit = min(wanted, allowed) if wanted and wanted > 0 else allowed
    return {file.file_id: file for file in found}, limit
