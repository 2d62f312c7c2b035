"""One file a running generation, so that kill -9 loses nothing a reader has seen.

Lines are handed to the operating system before readers are woken; they are not forced to disk,
because what they guard against is the death of the process, not of the machine.
"""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import structlog

from conversations.chat.events import TurnEvent, from_record, to_record

log = structlog.get_logger(__name__)


class Journal:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[str, int] = {}

    def write(self, generation_id: str, events: Sequence[TurnEvent]) -> None:
        """A full disk costs the journal, not the conversation: it is logged."""
        lines = b"".join(to_record(event) + b"\n" for event in events)
        try:
            os.write(self._descriptor(generation_id), lines)
        except OSError as error:
            log.warning("journal_write_failed", generation_id=generation_id, reason=str(error))

    def _descriptor(self, generation_id: str) -> int:
        descriptor = self._open.get(generation_id)
        if descriptor is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            descriptor = os.open(self._path(generation_id), flags, 0o600)
            self._open[generation_id] = descriptor
        return descriptor

    def read(self, generation_id: str) -> list[TurnEvent]:
        """The events up to the first line that is not whole."""
        events: list[TurnEvent] = []
        try:
            lines = self._path(generation_id).read_bytes().splitlines()
        except FileNotFoundError:
            return events
        for line in lines:
            try:
                events.append(from_record(line))
            except ValueError:
                break
        return events

    def remove(self, generation_id: str) -> None:
        descriptor = self._open.pop(generation_id, None)
        if descriptor is not None:
            os.close(descriptor)
        self._path(generation_id).unlink(missing_ok=True)

    def clear(self, *, keep: Collection[str]) -> None:
        """Remove every journal but those of the generations in ``keep``."""
        for path in self._directory.glob("*.jsonl"):
            if path.stem not in keep:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _path(self, generation_id: str) -> Path:
        return self._directory / f"{generation_id}.jsonl"
