"""What of a message may be seen by those who open a shared link (contract 03 §9.7). Pure.

Content is shown as it is but for ids and names that tell of the owner, the model or the storage.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from librechat_backend.lib.json import JSONDict, JSONValue

Row = Mapping[str, Any]

MEMORY = "memory"
STEER = "steer"  # what a person said while the answer was being written; may carry files
_ID_DIGITS = 24
# Of files and attachments; everything else is needed to show them.
_PRIVATE_FILE_MEMBERS = frozenset({
    "_id", "__v", "user", "tenantId", "storageRegion", "storageKey", "temp_file_id", "message",
    "source", "filterSource", "context", "embedded", "usage", "metadata",
})  # fmt: skip
_FILE_ADDRESSES = ("filepath", "preview")


def named_files(rows: Iterable[Row]) -> set[str]:
    """The ids of the files that messages name, wherever in them; rows as ``rows()`` yields them."""
    lists = [files for row in rows for files in _file_lists(row)]
    files = [file for each in lists if isinstance(each, list) for file in each]
    ids = (file.get("file_id") for file in files if isinstance(file, dict))
    return {file_id for file_id in ids if isinstance(file_id, str) and file_id}


def _file_lists(row: Row) -> list[JSONValue]:
    parts = [part for part in row["content"] or () if isinstance(part, dict)]
    steered = [part.get("files") for part in parts if part.get("type") == STEER]
    return [row["files"], row["attachments"], *steered]


@dataclass(frozen=True, slots=True)
class SharedContent:
    """Shows the messages of one link, ``share_id``.

    ``secret``: with it nobody can find the original of an id. ``shows_files`` False leaves out even
    their names; ``file_ids`` are those that can be opened through the link.
    """

    share_id: str
    secret: str = field(repr=False)
    shows_files: bool = True
    file_ids: Collection[str] = ()

    def conversation_id(self, original: str) -> str:
        return self._anonymous("convo", original)

    def message_id(self, original: str) -> str:
        """The same each time the link is opened, another in each link."""
        return self._anonymous("msg", original)

    def parts(self, content: Sequence[JSONValue] | None) -> list[JSONValue]:
        return [self._part(part) for part in content or ()]

    def files(self, files: JSONValue) -> list[JSONDict]:
        """Of a message's ``files`` or ``attachments``, which may be results of tools, too.

        What is remembered about the owner is theirs alone.
        """
        if not self.shows_files or not isinstance(files, list):
            return []
        shown = (file for file in files if isinstance(file, dict) and MEMORY not in file)
        return [self._file(file) for file in shown]

    def _anonymous(self, prefix: str, original: str) -> str:
        key = f"share:{self.secret}:{self.share_id}".encode()
        digest = hmac.digest(key, f"{prefix}:{original}".encode(), hashlib.sha256)
        return f"{prefix}_{digest.hex()[:_ID_DIGITS]}"

    def _part(self, part: JSONValue) -> JSONValue:
        if not isinstance(part, dict):
            return part
        shown = dict(part)
        if isinstance(agent_id := part.get("agentId"), str):
            # "<endpoint>__<model>___<label>" (contract 02 §10.6): the label is shown anyway.
            model, separator, label = agent_id.partition("___")
            shown["agentId"] = self._anonymous("a", model) + separator + label
        if part.get("type") == STEER and "files" in part:
            shown["files"] = self.files(part["files"])
        return shown

    def _file(self, file: JSONDict) -> JSONDict:
        shown = {name: value for name, value in file.items() if name not in _PRIVATE_FILE_MEMBERS}
        addressed = [name for name in _FILE_ADDRESSES if shown.pop(name, None) is not None]
        if shown.get("file_id") in self.file_ids:
            address = f"/api/share/{self.share_id}/files/{shown['file_id']}"
            shown |= dict.fromkeys(addressed, address)
        for name, rename in (
            ("conversationId", self.conversation_id),
            ("messageId", self.message_id),
        ):
            if isinstance(original := shown.get(name), str):
                shown[name] = rename(original)
        return shown
