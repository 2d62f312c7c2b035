"""Where what leaves is written to: the shapes of MongoDB's own tools."""

from moving.targets.archive import ArchiveTarget
from moving.targets.base import Id, Target, Unwritable
from moving.targets.bson_documents import typed
from moving.targets.directory import DirectoryTarget

__all__ = ["ArchiveTarget", "DirectoryTarget", "Id", "Target", "Unwritable", "typed"]
