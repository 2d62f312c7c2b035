"""A file of chats → the chats in it, one after the other. Pure; the only import site of ijson.

Only as much is in memory as one chat takes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import ijson
from ijson.common import JSONError
from ijson.utils import sendable_list

from librechat_backend.lib.json import JSONDict, JSONValue

CHUNK_BYTES = 64 * 1024
# Of one chat: what is larger is passed over.
CHAT_BYTES_MAX = 64 * 1024 * 1024
CHAT_VALUES_MAX = 4_000_000
LOCATING_STEPS = (1024, 1)
BOM = b"\xef\xbb\xbf"
HISTORY = "history"  # where ChatbotUI keeps its chats


class Broken(Exception):
    """The file is no JSON from some byte on; the message says where, for people."""


@dataclass(frozen=True, slots=True)
class Found:
    """One element of the file. ``is_history``: it stood in a list of this name."""

    value: JSONValue
    is_history: bool = False
    is_too_large: bool = False


def read_elements(
    open_file: Callable[[], IO[bytes]], on_progress: Callable[[int], None]
) -> Iterator[Found]:
    """The elements of the list, or of ``history``, or the single objects the file consists of.

    ``on_progress`` is told how many bytes have been read. Raises Broken, after everything before
    the fault has been yielded, and OSError.
    """
    collector, offset = _Collector(), 0
    events = sendable_list()
    parser = _parser(events)
    with open_file() as file:
        for chunk in _chunks(file):
            is_broken = not _send(parser, chunk)
            collector.take(events, len(chunk))
            events.clear()
            yield from collector.pop()
            if is_broken:
                raise Broken(_locate(open_file, offset))
            offset += len(chunk)
            on_progress(offset)
    if not offset:
        raise Broken("The file is empty.")
    try:
        parser.close()
    except JSONError as error:
        raise Broken(f"The file ends too early, at byte {offset}.") from error


class _Collector:
    """Builds values out of events, without recursion, and gives them out one by one."""

    def __init__(self) -> None:
        self._done: list[Found] = []
        self._stack: list[JSONDict | list[JSONValue]] = []
        # The object ``history`` stands in, while its elements are read.
        self._around: list[JSONDict | list[JSONValue]] = []
        self._in_list = self._in_history = self._had_history = False
        self._key = ""
        self._bytes = self._values = 0
        self._skipped_depth = 0

    def take(self, events: list[tuple[str, JSONValue]], byte_count: int) -> None:
        for event, value in events:
            if self._skipped_depth:
                self._skip(event)
            elif event == "map_key":
                self._key = value
            elif event in ("start_map", "start_array"):
                self._begin({} if event == "start_map" else [])
            elif event in ("end_map", "end_array"):
                self._end()
            else:
                self._add(value)
        self._measure(byte_count, len(events))

    def pop(self) -> list[Found]:
        done, self._done = self._done, []
        return done

    def _begin(self, container: JSONDict | list[JSONValue]) -> None:
        is_list = isinstance(container, list)
        if is_list and not self._stack and not self._in_list:
            self._in_list = True
            return
        if is_list and len(self._stack) == 1 and self._key == HISTORY and not self._in_list:
            self._around, self._stack = self._stack, []
            self._in_list = self._in_history = self._had_history = True
            return
        if self._stack:
            self._attach(container)
        else:
            self._bytes = self._values = 0
        self._stack.append(container)

    def _end(self) -> None:
        if self._stack:
            value = self._stack.pop()
            if not self._stack:
                self._finish(value)
            return
        # The list around the elements ends.
        self._stack, self._around = self._around, []
        self._in_list = self._in_history = False

    def _add(self, value: JSONValue) -> None:
        if self._stack:
            self._attach(value)
        else:
            self._finish(value)

    def _attach(self, value: JSONValue) -> None:
        parent = self._stack[-1]
        if isinstance(parent, dict):
            parent[self._key] = value
        else:
            parent.append(value)

    def _finish(self, value: JSONValue, *, is_too_large: bool = False) -> None:
        is_shell = self._had_history and not self._in_list
        if is_shell:
            self._had_history = False
        else:
            self._done.append(Found(value, self._in_history, is_too_large))

    def _measure(self, byte_count: int, value_count: int) -> None:
        self._bytes += byte_count
        self._values += value_count
        is_too_large = self._bytes > CHAT_BYTES_MAX or self._values > CHAT_VALUES_MAX
        if self._stack and is_too_large:
            self._skipped_depth, self._stack = len(self._stack), []

    def _skip(self, event: str) -> None:
        if event.startswith("start_"):
            self._skipped_depth += 1
        elif event.startswith("end_"):
            self._skipped_depth -= 1
            if not self._skipped_depth:
                self._finish(None, is_too_large=True)


def _parser(events: list[tuple[str, JSONValue]]) -> Any:
    # Without use_float a number of thousands of digits breaks the parser; with it, it is an error.
    return ijson.basic_parse_coro(events, use_float=True, multiple_values=True)


def _send(parser: Any, data: bytes) -> bool:
    """Whether ``data`` went on where JSON had stopped."""
    try:
        parser.send(data)
    except JSONError:
        return False
    return True


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    first = file.read(CHUNK_BYTES)
    # Some programs on Windows put it before everything; it means nothing. Spaces keep the offsets.
    chunk = first.replace(BOM, b"   ", 1) if first.startswith(BOM) else first
    while chunk:
        yield chunk
        chunk = file.read(CHUNK_BYTES)


def _locate(open_file: Callable[[], IO[bytes]], start: int) -> str:
    """Where the fault is: reads again up to ``start``, and from there in ever smaller steps."""
    newlines = 0
    for step in LOCATING_STEPS:
        start, newlines = _fault(open_file, start, step)
    place = f"byte {start + 1} (line {newlines + 1})"
    return f"The file cannot be read from {place} on: it is not valid JSON."


def _fault(open_file: Callable[[], IO[bytes]], start: int, step: int) -> tuple[int, int]:
    """The offset of the step that is at fault, and how many lines end before it."""
    events = sendable_list()
    parser = _parser(events)
    offset = newlines = 0
    with open_file() as file:
        for chunk in _chunks(file):
            for part in _parts(chunk, start - offset, step):
                if not _send(parser, part):
                    return offset, newlines
                offset += len(part)
                newlines += part.count(b"\n")
                events.clear()
    return offset, newlines


def _parts(chunk: bytes, whole: int, step: int) -> Iterator[bytes]:
    """``whole`` bytes at once, the rest in steps."""
    if whole > 0:
        yield chunk[:whole]
    rest = max(0, whole)
    for start in range(rest, len(chunk), step):
        yield chunk[start : start + step]
