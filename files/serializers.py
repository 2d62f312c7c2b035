"""Files as the client reads them (contract 04 §1.1). Pure but for the rows."""

from urllib.parse import quote

from django.conf import settings

from files.config import BUILT_IN_KEYS, MEGABYTE, EndpointLimits, FileConfig, Shrinking
from files.direct import Ticket
from files.media_types import FAMILIES, patterns_of
from files.models import Blob, File
from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso


def file_wire(file: File) -> JSONDict:
    return {
        "_id": file.pk,
        "user": file.user_id,
        "object": "file",
        "embedded": file.is_embedded,
        "usage": file.usage,
        **attached_wire(file),
        "context": file.context,
        "createdAt": to_iso(file.created_at),
        "updatedAt": to_iso(file.updated_at),
        **_given(
            {
                "temp_file_id": file.temp_file_id,
                "conversationId": file.conversation_id,
                "messageId": file.message_id,
                "metadata": file.metadata,
                "expiredAt": to_iso(file.expires_at),
            }
        ),
    }


def attached_wire(file: File) -> JSONDict:
    """What a message keeps of its files (contract 04 §1.14)."""
    return {
        "file_id": file.file_id,
        "filename": file.filename,
        "filepath": file.path,
        "type": file.media_type,
        "bytes": file.byte_count,
        "source": _source(file),
        **({"width": file.width, "height": file.height} if file.is_image else {}),
    }


def _source(file: File) -> str:
    """``s3`` makes the client ask for a signed address, which only works where it can reach it."""
    if file.is_text:
        return "text"
    is_direct = settings.S3_DIRECT_DOWNLOADS and file.blob.storage == Blob.Storage.S3
    return "s3" if is_direct else "local"


def _given(values: JSONDict) -> JSONDict:
    return {name: value for name, value in values.items() if value not in ("", None, {})}


def uploaded_wire(file: File) -> JSONDict:
    return {"message": "File uploaded and processed successfully", **file_wire(file)}


def metadata_header(file: File) -> str:
    """``X-File-Metadata`` of a download: what the client shows, without what is the server's."""
    hidden = {"_id", "user", "tenantId", "text"}
    shown = {name: value for name, value in file_wire(file).items() if name not in hidden}
    return quote(json.dumps(shown), safe="")


def ticket_wire(ticket: Ticket) -> JSONDict:
    return {
        "uploadId": ticket.id,
        "method": "PUT",
        "url": ticket.url,
        "headers": ticket.headers,
        "expiresAt": to_iso(ticket.expires_at),
    }


def preview_wire(file: File) -> JSONDict:
    """Contract 04 §1.10: nothing here is ever pending."""
    text = {"text": file.text, "textFormat": "text"} if file.text else {}
    return {"file_id": file.file_id, "status": "ready", **text}


def config_wire(config: FileConfig) -> JSONDict:
    """Every key the client has limits of its own for, or it would use those (04 §1.3)."""
    endpoints = {name: _limits_wire(config.limits_for(name)) for name in BUILT_IN_KEYS}
    own = {name: _limits_wire(limits) for name, limits in config.endpoints.items()}
    return {
        "endpoints": {"default": _limits_wire(config.default), **endpoints, **own},
        "serverFileSizeLimit": in_megabytes(config.largest_file_bytes),
        "avatarSizeLimit": in_megabytes(config.avatar_bytes),
        "fileTokenLimit": config.text_token_limit,
        **_shrinking_wire(config.shrinking),
    }


def _shrinking_wire(shrinking: Shrinking) -> JSONDict:
    values = {
        "enabled": shrinking.is_on,
        "maxWidth": shrinking.width,
        "maxHeight": shrinking.height,
        "quality": shrinking.quality,
    }
    said = {name: value for name, value in values.items() if value is not None}
    return {"clientImageResize": said} if said else {}


def _limits_wire(limits: EndpointLimits) -> JSONDict:
    if not limits.is_enabled:
        return {"disabled": True}
    types = _types_wire(limits)
    return {
        "disabled": False,
        "fileLimit": limits.file_limit,
        "fileSizeLimit": in_megabytes(limits.file_bytes),
        "totalSizeLimit": in_megabytes(limits.total_bytes),
        # Left out, the client's own list holds, which is the same as all of ours.
        **({} if types is None else {"supportedMimeTypes": types}),
    }


def _types_wire(limits: EndpointLimits) -> list[str] | None:
    if limits.patterns is not None:
        return list(limits.patterns)
    return patterns_of(limits.families) if set(limits.families) != set(FAMILIES) else None


def in_megabytes(count: int) -> int:
    return count // MEGABYTE
