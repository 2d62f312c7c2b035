"""Where the documents come from. The only place that imports pymongo and its bson."""

from pathlib import Path

from moving.sources.archive import ArchiveSource, is_archive
from moving.sources.base import Damage, Document, Source, SourceUnreadable
from moving.sources.dump import DumpSource
from moving.sources.export import ExportSource, exported
from moving.sources.mongodb import MongoSource, is_mongodb

__all__ = ["Damage", "Document", "Source", "SourceUnreadable", "open_source"]


def open_source(location: str, *, spool: Path, database: str = "") -> Source:
    """``location``: an address, a directory, or an archive, which is taken apart below ``spool``.

    Raises SourceUnreadable.
    """
    if is_mongodb(location):
        return MongoSource(location, database)
    path = Path(location)
    try:
        if path.is_file() and is_archive(path):
            return ArchiveSource(path, spool, database)
        if path.is_dir():
            is_export = not database and any(exported(path)) and not any(path.glob("*.bson*"))
            return ExportSource(path) if is_export else DumpSource(path, database)
    except OSError as error:
        raise SourceUnreadable(f"{location} cannot be read: {error.strerror}.") from error
    raise SourceUnreadable(f"{location} is neither a directory nor an archive of mongodump.")
