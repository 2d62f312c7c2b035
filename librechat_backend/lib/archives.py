"""Archives written as they are sent: never on the disk, and never whole in memory. Pure."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

CHUNK_BYTES = 64 * 1024


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        self._data += view
        return view.nbytes

    def __len__(self) -> int:
        return len(self._data)

    def take(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data


def zip_chunks(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """The bytes of an archive of ``files``: the name of each, and its contents in pieces."""
    sink = _Sink()
    now = datetime.now(UTC).timetuple()[:6]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in files:
            entry = zipfile.ZipInfo(name, now)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Its size is not known yet; it may be more than 4 GB.
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in pieces:
                    file.write(piece)
                    if len(sink) >= CHUNK_BYTES:
                        yield sink.take()
    yield sink.take()
