"""Uploaded files: their rows, and their bytes below a directory as LibreChat has them."""

from urllib.parse import quote

from files import storage
from files.models import File
from files.storage import BytesMissing
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.json import JSONDict
from moving import paths
from moving.leaving.leave import Leave, Leaving, Rows, said
from moving.targets import Id

ORIGIN = "librechat"  # see moving/collections/files.py


def _files(leave: Leave) -> Rows:
    return leave.owned(File.objects.select_related("blob"))


def _file(file: File, leave: Leave) -> JSONDict:
    """What import_librechat noted of a file's origin goes back to where it was, but for the place
    of its bytes: that is a directory now."""
    _copy(file, leave)
    metadata = dict(file.metadata)
    origin = metadata.pop(ORIGIN, {})
    read_by = origin.pop("source", "")
    return {
        "_id": Id(file.pk),
        "user": Id(file.user_id),
        "file_id": file.file_id,
        "object": "file",
        "filename": file.filename,
        "filepath": quote(file.path),
        "source": (read_by or "text") if file.is_text else "local",
        "type": file.media_type,
        "bytes": file.byte_count,
        "context": file.context,
        "usage": file.usage,
        "embedded": file.is_embedded,
        **said(
            temp_file_id=file.temp_file_id,
            conversationId=file.conversation_id,
            messageId=file.message_id,
            text=file.text,
            width=file.width,
            height=file.height,
            metadata=metadata or None,
            expiresAt=file.expires_at,
        ),
        **origin,
        "createdAt": file.created_at,
        "updatedAt": file.updated_at,
        "__v": 0,
    }


def _copy(file: File, leave: Leave) -> None:
    """``images/<person>/<name>`` and ``uploads/<person>/<name>``, the paths the rows name."""
    if leave.files is None:
        leave.tally.note("its bytes stay here: --files copies them")
        return
    target = (leave.files / paths.location(quote(file.path))).resolve()
    if not target.is_relative_to(leave.files.resolve()):
        leave.tally.note("its bytes cannot be copied to its address", file.file_id, is_lost=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        storage.copy_to(file.blob, target)
    except (BytesMissing, AppError):
        target.unlink(missing_ok=True)
        leave.tally.note("its bytes cannot be read", file.file_id, is_lost=True)
    else:
        leave.tally.add("bytes", file.byte_count)


FILES = Leaving("files", _files, _file)
