"""Uploads straight into the bucket, for programs with large files.

The program is given an address that is signed for one PUT of so many bytes; then it says that it is
done, and the bytes are fetched, checked and stored anew like those of any other upload. Anew,
because the address works for a while: nobody can put something else where it was checked. What was
put there goes, at the latest with the waste.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core import signing
from django.utils import timezone

from accounts.models import User
from files import names, storage, uploading
from files.config import config_for
from files.exceptions import UploadRefused, UploadTooLarge
from files.forms import UploadForm, parse_upload
from files.models import Blob, File
from files.receiving import HEAD_BYTES, Received, spooled
from files.services import storing
from files.storage import BytesMissing
from files.threads import in_file_thread
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import AppError, NotFound
from librechat_backend.lib.json import JSONDict

LIFETIME = timedelta(hours=1)
_SALT = "files.direct"


@dataclass(frozen=True, slots=True)
class Ticket:
    """``id`` is what the program says when it is done."""

    id: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


async def begin(user: User, body: JSONDict) -> Ticket:
    """Raises AppError 501 where the storage takes nothing from outside, and as any upload."""
    if storage.new_files_go_to() != Blob.Storage.S3:
        raise AppError("This storage takes no direct uploads.", status=501)
    fields = {name: value for name, value in body.items() if isinstance(value, str)}
    form = parse_upload({"message_file": "true", **fields}, needs_size=False)
    size = body.get("bytes")
    if type(size) is not int or size < 1:
        raise UploadRefused("bytes: expected the size of the file")
    config = await in_database(config_for, user)
    limit = config.limits_for(form.endpoint, form.endpoint_type).file_bytes
    if size > limit:
        raise UploadTooLarge(limit)
    await in_database(storing.require_space, user=user, config=config, byte_count=size)
    blob = await in_database(storing.begin_blob)
    url = await in_file_thread(_address, blob, size)
    claims = {"user": user.pk, "blob": blob.pk, "size": size, "fields": _kept(fields)}
    expires_at = timezone.now().astimezone(UTC) + LIFETIME
    return Ticket(signing.dumps(claims, salt=_SALT), url, {"Content-Length": str(size)}, expires_at)


def _kept(fields: dict[str, str]) -> dict[str, str]:
    wanted = (
        "filename", "type", "endpoint", "endpointType", "file_id", "tool_resource",
        "isTemporary", "conversationId",
    )  # fmt: skip
    return {name: fields[name][:1000] for name in wanted if name in fields}


def _address(blob: Blob, size: int) -> str:
    return storage.store(blob.storage).signed_upload(
        blob.key, size=size, seconds=int(LIFETIME.total_seconds())
    )


async def finish(user: User, ticket_id: str) -> File:
    """The file of what was put there. Raises NotFound, and as any upload."""
    claims = _claims(user, ticket_id)
    blob = await in_database(Blob.objects.filter(pk=claims["blob"], checksum="").first)
    if blob is None:
        raise NotFound("Upload not found")
    fields: dict[str, str] = claims["fields"]
    form: UploadForm = parse_upload({"message_file": "true", **fields}, needs_size=False)
    with spooled() as path:
        try:
            checksum = await in_file_thread(storage.copy_to, blob, path)
        except BytesMissing as error:
            raise NotFound("Upload not found") from error
        await in_file_thread(storage.store(blob.storage).delete, blob.key)
        received = await in_file_thread(_received, path, fields, checksum)
        return await uploading.store_attachment(user, received, form)


def _received(path: Path, fields: dict[str, str], checksum: str) -> Received:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return Received(
        path,
        fields,
        filename=names.quoted(fields.get("filename", "")),
        declared_type=fields.get("type", ""),
        byte_count=path.stat().st_size,
        checksum=checksum,
        head=head,
        has_file=True,
    )


def _claims(user: User, ticket_id: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = signing.loads(ticket_id, salt=_SALT, max_age=LIFETIME)
    except signing.BadSignature as error:
        raise NotFound("Upload not found") from error
    if claims["user"] != user.pk:
        raise NotFound("Upload not found")
    return claims
