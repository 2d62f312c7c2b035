"""Contents of files for the chat: whole pictures and documents, and texts. Async."""

from files import storage
from files.exceptions import Unreadable
from files.models import File
from files.receiving import spooled
from files.services.texts import keep_problem, keep_text
from files.threads import in_file_thread
from files.uploading import extracted_text
from librechat_backend.lib.aio import in_database


async def content_of(file: File) -> bytes:
    """All of it (``blob`` loaded). Raises BytesMissing, StorageUnavailable."""
    return await in_file_thread(storage.read_bytes, file.blob)


async def text_of(file: File) -> str:
    """Extracted now, unless it was before; then what was found, or why not, is kept.

    Raises Unreadable, BytesMissing, StorageUnavailable.
    """
    if file.text_state == File.TextState.READ:
        return file.text
    if file.text_state == File.TextState.FAILED:
        raise Unreadable(file.text_problem)
    return await read_again(file)


async def read_again(file: File) -> str:
    """Extract the text anew, whatever came of it before. As text_of."""
    with spooled() as source, spooled() as target:
        await in_file_thread(storage.copy_to, file.blob, source)
        try:
            text = await extracted_text(source, target, file.media_type)
        except Unreadable as problem:
            await in_database(keep_problem, file=file, problem=str(problem))
            raise
    await in_database(keep_text, file=file, text=text)
    return text
