"""Forms (multipart/form-data): taken apart, and written again. The only import site of
``multipart``. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

__all__ = [
    "BrokenForm", "FormPart", "MultipartSegment", "PushMultipartParser", "form_parser",
    "read_parts", "written",
]  # fmt: skip

BrokenForm = MultipartError
MAX_PARTS = 40
HEADER_BYTES = 16 * 1024

# What browsers write in place of what would end a name or its line; no header holds other controls.
_CONTROLS = dict.fromkeys([*range(0x20), 0x7F], "")
_ESCAPES = str.maketrans(_CONTROLS | {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"})


@dataclass(frozen=True, slots=True)
class FormPart:
    """A field, or a file where there is a ``filename``."""

    name: str
    filename: str | None
    content_type: str
    data: bytes


def form_parser(content_type: str) -> PushMultipartParser:
    """``content_type`` is the header of the request. Raises BrokenForm."""
    kind, options = parse_options_header(content_type)
    if kind.lower() != "multipart/form-data" or not options.get("boundary"):
        raise BrokenForm("This is no form.")
    return PushMultipartParser(
        options["boundary"], max_segment_count=MAX_PARTS, max_header_size=HEADER_BYTES
    )


def read_parts(body: bytes, content_type: str) -> list[FormPart]:
    """The fields and files of a form that is here as a whole. Raises BrokenForm."""
    parts: list[FormPart] = []
    segment, data = MultipartSegment([]), bytearray()
    with form_parser(content_type) as parser:
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                segment, data = event, bytearray()
            elif event is not None:
                data += event
            else:
                parts.append(_part(segment, bytes(data)))
    return parts


def _part(segment: MultipartSegment, data: bytes) -> FormPart:
    return FormPart(segment.name or "", segment.filename, segment.content_type or "", data)


def written(parts: Sequence[FormPart], boundary: str) -> bytes:
    """``boundary`` must be in none of them."""
    pieces = [piece for part in parts for piece in (*_head(part, boundary), part.data, b"\r\n")]
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def _head(part: FormPart, boundary: str) -> Iterable[bytes]:
    filename = "" if part.filename is None else f'; filename="{_escaped(part.filename)}"'
    yield f"--{boundary}\r\n".encode()
    yield f'Content-Disposition: form-data; name="{_escaped(part.name)}"{filename}\r\n'.encode()
    if part.content_type:
        yield f"Content-Type: {_escaped(part.content_type)}\r\n".encode()
    yield b"\r\n"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
