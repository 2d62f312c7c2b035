"""What this server has no feature for yet: kept as it is, until it has one or leaves again."""

from collections.abc import Sequence
from dataclasses import dataclass

from moving.collections.base import Collection
from moving.job import EXPIRED, Job
from moving.keeping import Kept, keep
from moving.sources import Document
from moving.values import document_id, is_past

FOR_LATER = "kept for later: {}"
GOING = "it was about to be deleted"


@dataclass(frozen=True, slots=True)
class Keeping:
    """``owner`` is the member that names whose it is; empty: the whole server's.

    ``because`` says what it is kept for. ``ends``: the member that tells when it is over;
    ``secrets``: members that are encrypted without exception.
    """

    name: str
    owner: str
    because: str
    ends: str = ""
    secrets: tuple[str, ...] = ()

    def write(self, documents: Sequence[Document], job: Job) -> None:
        due = [each for each in documents if not self._is_over(each, job)]
        owned = [(each, owner) for each in due if (owner := self._owner(each, job)) is not None]
        kept = keep(self.name, [(e, o or None) for e, o in owned], job, always=self.secrets)
        count(kept, len(owned), job)
        for document, _ in owned:
            job.tally.note(FOR_LATER.format(self.because), document_id(document.data))

    def _is_over(self, document: Document, job: Job) -> bool:
        if self.ends and is_past(document.data, self.ends, job.now):
            job.tally.skip(EXPIRED, document_id(document.data))
        elif document.data.get("deleting") is True or document.data.get("erased") is True:
            job.tally.skip(GOING, document_id(document.data))
        else:
            return False
        return True

    def _owner(self, document: Document, job: Job) -> str | None:
        """Empty for nobody; None is counted as skipped."""
        return job.owner(document.data, self.owner) if self.owner else ""


def count(kept: Kept, read: int, job: Job) -> None:
    """``read`` documents; of two with one id the later one counts."""
    job.tally.written += len(kept.new)
    job.tally.updated += len(kept.newer)
    job.tally.unchanged += len(kept.known)
    job.tally.merged += read - len(kept.new) - len(kept.newer) - len(kept.known)


_SKILLS = "this server has no skills yet"
KEPT = (
    Keeping("keys", "userId", "channels have the keys here, not people", "expiresAt", ("value",)),
    Keeping("actions", "user", "presets have no actions"),
    Keeping("assistants", "user", "this server has no assistants of OpenAI"),
    Keeping("agentcategories", "", "presets are put in order by folders of the menu"),
    Keeping("mcpservers", "author", "this server speaks to no MCP servers yet"),
    Keeping("skills", "author", _SKILLS),
    Keeping("skillfiles", "author", _SKILLS),
    Keeping("schedules", "user", "this server runs nothing on schedules yet"),
    Keeping("toolcalls", "user", "what code printed is not shown below messages yet", "expiredAt"),
)  # fmt: skip
KEPT_COLLECTIONS = tuple(Collection(each.name, each.write, makes_rows=False) for each in KEPT)
