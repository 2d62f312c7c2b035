"""From a received form to a stored file. Async; each step in the threads or process it needs."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from accounts.models import User
from files import names, sandbox, scanning, storage
from files.config import EndpointLimits, FileConfig, config_for
from files.exceptions import (
    Unreadable,
    UnsupportedType,
    UploadRefused,
    UploadsDisabled,
    UploadTooLarge,
)
from files.forms import UploadForm, parse_upload
from files.media_types import (
    PDF,
    PICTURE_EXTENSIONS,
    PICTURE_TYPES,
    contradicts,
    normalized,
)
from files.models import Blob, File
from files.receiving import FORM_BYTES, Received, announced_bytes, received, spooled
from files.services import cleaning, storing
from files.services.storing import Content
from files.threads import in_file_thread
from librechat_backend.lib.aio import in_database, uninterrupted
from librechat_backend.lib.bodies import StreamedRequest

# Contract 04 §1.7; Anthropic shrinks what is larger itself, and takes longer for it.
SHORT_SIDE_PIXELS = 768
LONG_SIDE_PIXELS = 2000
ANTHROPIC_LONG_SIDE_PIXELS = 1568
_USABLE = "that models can see. JPEG, PNG, GIF and WebP are; try to upload it as text."

T = TypeVar("T")


async def receive_attachment(user: User, request: StreamedRequest, *, needs_size: bool) -> File:
    """Store the file of a chat. Raises AppError with a message for the person."""
    config = await in_database(config_for, user)
    await _refuse_hopeless(user, config, announced_bytes(request))
    async with received(request, limit=_limit(config)) as form:
        fields = parse_upload(form.fields, needs_size=needs_size)
        return await store_attachment(user, form, fields, needs_picture=needs_size)


async def store_attachment(
    user: User, form: Received, fields: UploadForm, *, needs_picture: bool = False
) -> File:
    """The file of a form that is here. As receive_attachment."""
    config = await in_database(config_for, user)
    limits = config.limits_for(fields.endpoint, fields.endpoint_type)
    content = _described(form, limits)
    if needs_picture and not fields.is_text and content.media_type not in PICTURE_TYPES:
        raise UnsupportedType(f"{names.in_sentence(content.filename)} is no picture {_USABLE}")
    await scanning.require_clean(form.path)
    async with _prepared(form.path, content, fields, config) as (path, content):
        return await _keep(
            path,
            lambda blob: storing.create_attachment(
                user=user, blob=blob, content=content, form=fields, config=config
            ),
        )


async def receive_avatar(user: User, request: StreamedRequest) -> str:
    """Make the uploaded picture an avatar; its public address."""
    config = await in_database(config_for, user)
    async with received(request, limit=lambda fields: config.avatar_bytes) as form:
        content = _described(form, replace(config.default, is_enabled=True))
        await scanning.require_clean(form.path)
        with spooled() as target:
            picture = await _convert("avatar", form.path, target, content)
            return await _keep(
                target,
                lambda blob: storing.create_avatar(
                    user=user,
                    blob=blob,
                    content=picture,
                    is_chosen=form.fields.get("manual") == "true",
                ),
            )


async def _refuse_hopeless(user: User, config: FileConfig, announced: int) -> None:
    """Before anything is read: the sender says that it will be too much."""
    largest = config.largest_file_bytes
    if announced > largest + FORM_BYTES:
        raise UploadTooLarge(largest)
    least = max(0, announced - FORM_BYTES)
    await in_database(storing.require_space, user=user, config=config, byte_count=least)


def _limit(config: FileConfig) -> Callable[[Mapping[str, str]], int]:
    def limit(fields: Mapping[str, str]) -> int:
        """The client sends the endpoint first; without one the largest limit holds."""
        if "endpoint" not in fields:
            return config.largest_file_bytes
        limits = config.limits_for(fields["endpoint"], fields.get("endpointType", ""))
        if not limits.is_enabled:
            raise UploadsDisabled
        return limits.file_bytes

    return limit


def _described(form: Received, limits: EndpointLimits) -> Content:
    """What the file is said to be, checked against the rules and its first bytes."""
    if not limits.is_enabled:
        raise UploadsDisabled
    if not form.has_file or not form.byte_count:
        raise UploadRefused("The file is missing or empty.")
    if form.byte_count > limits.file_bytes:
        raise UploadTooLarge(limits.file_bytes)
    filename = names.display_name(form.filename)
    media_type = normalized(form.declared_type, filename)
    if not limits.takes(media_type):
        raise UnsupportedType(f"Unsupported file type ({names.in_sentence(media_type)}).")
    if contradicts(media_type, form.head):
        shown = names.in_sentence(filename)
        raise UnsupportedType(f"{shown} is not what its name or type says ({media_type}).")
    return Content(filename, media_type, form.byte_count, form.checksum)


@asynccontextmanager
async def _prepared(
    path: Path, content: Content, form: UploadForm, config: FileConfig
) -> AsyncIterator[tuple[Path, Content]]:
    """The file as it is kept, and its description. Raises UploadRefused."""
    with spooled() as target:
        if form.is_text:
            yield path, await _with_text(path, target, content)
        elif content.media_type in PICTURE_TYPES:
            yield target, await _picture(path, target, content, form, config)
        elif content.media_type == PDF:
            facts = await _asked("inspect", path, target, content)
            yield path, replace(content, page_count=facts["pages"])
        else:
            yield path, content


async def _picture(
    path: Path, target: Path, content: Content, form: UploadForm, config: FileConfig
) -> Content:
    is_anthropic = "anthropic" in (form.endpoint.lower(), form.endpoint_type.lower())
    return await _convert(
        "picture",
        path,
        target,
        content,
        short_side=SHORT_SIDE_PIXELS,
        long_side=ANTHROPIC_LONG_SIDE_PIXELS if is_anthropic else LONG_SIDE_PIXELS,
        format=config.image_format,
    )


async def _with_text(path: Path, target: Path, content: Content) -> Content:
    try:
        text = await extracted_text(path, target, content.media_type)
    except Unreadable as problem:
        # The client shows a message that begins like this as it is (contract 04 §1.8).
        shown = names.in_sentence(content.filename)
        message = f"Unable to extract text from “{shown}”. {problem}"
        raise UploadRefused(message) from problem
    # The bytes are still the document's: the client shows, and we read again, what the type says.
    return replace(content, text=text)


async def extracted_text(path: Path, target: Path, media_type: str) -> str:
    """The text of the file ``path``. Raises Unreadable."""
    await sandbox.run("text", path, target, media_type=media_type)
    return await in_file_thread(target.read_text, encoding="utf-8")


async def _convert(job: str, path: Path, target: Path, content: Content, **options: Any) -> Content:
    facts = await _asked(job, path, target, content, **options)
    return replace(
        content,
        media_type=facts["media_type"],
        extension=PICTURE_EXTENSIONS[facts["media_type"]],
        width=facts["width"],
        height=facts["height"],
        byte_count=os.stat(target).st_size,
        checksum=await in_file_thread(storage.checksum, target),
    )


async def _asked(
    job: str, path: Path, target: Path, content: Content, **options: Any
) -> dict[str, Any]:
    try:
        return await sandbox.run(job, path, target, **options)
    except Unreadable as problem:
        shown = names.in_sentence(content.filename)
        raise UploadRefused(f"“{shown}” cannot be used. {problem}") from problem


async def _keep(path: Path, create: Callable[[Blob], T]) -> T:
    """Store the bytes and then the row; all of it, or nothing is left."""
    blob = await in_database(storing.begin_blob)
    try:
        await uninterrupted(in_file_thread(storage.store(blob.storage).write, blob.key, path))
        return await uninterrupted(in_database(create, blob))
    except BaseException:
        await uninterrupted(in_database(cleaning.discard_blob, blob=blob))
        raise
