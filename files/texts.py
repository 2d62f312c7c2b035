"""Texts out of documents. Runs in the worker. The only import site of pypdf and kreuzberg."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from files.media_types import OFFICE_TYPES, PDF, is_textual
from files.problems import Options, Problem

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_PAGES = 2_000
MAX_TEXT_BYTES = 15 * 1024 * 1024  # contract 04 §1.8
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_ARCHIVE_ENTRIES = 20_000
# An address that is wrong makes the reader look through the whole file.
_END_OF_PDF = b"\nstartxref\n0\n%%EOF\n"
_PROTECTED = "It is protected by a password."
_DAMAGED = "It is damaged, or not what its name says."


def inspect(source: Path, target: Path, options: Options) -> Options:
    """``{"pages": n}`` of a PDF that can be opened."""
    reader = _pdf(source)
    try:
        return {"pages": min(len(reader.pages), 2**31 - 1)}
    except Exception as error:
        raise Problem(_DAMAGED) from error


def extract(source: Path, target: Path, options: Options) -> Options:
    """Write the text, as UTF-8, to ``target``; ``{"pages": n}`` for a PDF."""
    media_type = options["media_type"]
    if media_type == PDF:
        return _write(_pdf_texts(_pdf(source)), target)
    if media_type in OFFICE_TYPES:
        return _write(iter([_office_text(source, media_type)]), target)
    if is_textual(media_type):
        return _write(iter([_plain_text(source)]), target)
    raise Problem("There is no text in files of this kind.")


def _write(texts: Iterator[str], target: Path) -> Options:
    size, has_text = 0, False
    with target.open("wb") as file:
        for text in texts:
            data = text.replace("\x00", "").encode("utf-8", "replace")
            size += len(data)
            if size > MAX_TEXT_BYTES:
                raise Problem(f"Its text is longer than {MAX_TEXT_BYTES // 1024**2} MB.")
            has_text = has_text or bool(data.strip())
            file.write(data)
    if not has_text:
        raise Problem("There is no text in it; a scan, perhaps.")
    return {}


def _plain_text(source: Path) -> str:
    with source.open("rb") as file:
        data = file.read(2 * MAX_TEXT_BYTES + 1)  # UTF-16 shrinks to half of it
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _guessed(data)


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:200_000]).best()
    return data.decode(best.encoding if best else "cp1252", "replace")


def _pdf(source: Path) -> "PdfReader":
    from pypdf import PasswordType

    try:
        reader = _reader(source)
        is_open = not reader.is_encrypted or reader.decrypt("") != PasswordType.NOT_DECRYPTED
    except Exception as error:
        raise Problem(_DAMAGED) from error
    if not is_open:
        raise Problem(_PROTECTED)
    return reader


def _reader(source: Path) -> "PdfReader":
    """Of a file that lacks its end, too: what its objects are is found by looking for them."""
    from pypdf import PdfReader
    from pypdf.errors import PdfReadError

    try:
        return PdfReader(source)
    except PdfReadError:
        return PdfReader(BytesIO(source.read_bytes() + _END_OF_PDF))


def _pdf_texts(reader: "PdfReader") -> Iterator[str]:
    """Page by page; what the limit cuts off is said at the end."""
    try:
        for number, page in enumerate(reader.pages):
            if number == MAX_PAGES:
                yield f"\n\n[Only the first {MAX_PAGES} pages were read.]"
                return
            if text := page.extract_text().strip():
                yield f"\n\n{text}" if number else text
    except Exception as error:
        raise Problem(_DAMAGED) from error


def _office_text(source: Path, media_type: str) -> str:
    from kreuzberg import ExtractionConfig, KreuzbergError, extract_file_sync

    if media_type != "application/vnd.ms-excel":
        _refuse_bombs(source)
    try:
        config = ExtractionConfig(use_cache=False)
        return extract_file_sync(source, mime_type=media_type, config=config).content
    except (KreuzbergError, OSError, ValueError, RuntimeError) as error:
        raise Problem(_DAMAGED) from error


def _refuse_bombs(source: Path) -> None:
    """An archive may say anything about its sizes; the limits of the process hold all the same."""
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Problem(_DAMAGED) from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise Problem(_PROTECTED)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES or len(entries) > MAX_ARCHIVE_ENTRIES:
        raise Problem("It unpacks to far more than it should.")
