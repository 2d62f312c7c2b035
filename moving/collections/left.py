"""Collections of which nothing is taken, and why nobody misses them."""

from collections.abc import Sequence

from moving.collections.base import Collection
from moving.job import Job
from moving.sources import Document
from moving.values import document_id

_RUNNING = "it only served the running server"
_PARTS = "this server has no {}"

UNNEEDED = {
    "sessions": "people sign in again",
    "tokens": "links sent by e-mail and sign-ins at tools are asked for again",
    "accessroles": "the same sets of rights exist here",
    "systemgrants": "who may open the admin is said there, or by --staff",
    "categories": "prompts name theirs",
    "projects": "it was read to see what everybody may use",
    "librechatCredentialMetadata": "it was read to check the key",
    "auditlogs": "a log that is signed as a whole stays where it is: archive the dump",
    "logs": "bans and violations begin anew",
    "scheduleruns": _PARTS.format("scheduled runs"),
    "codeenvironments": _PARTS.format("workers for code"),
    **dict.fromkeys(
        (
            "keyv", "agent_checkpoints", "agent_checkpoint_writes", "skillsynccredentials",
            "skillsyncstatuses", "agentqueuedturns", "agentqueuedturnsequences",
            "agenttriggerdeliveries", "agenttriggerlanesequences", "agenttriggeruserpurges",
            "openidrefreshflights", "refreshtokenbridges",
        ),
        _RUNNING,
    ),
}  # fmt: skip


def _left(name: str, reason: str) -> Collection:
    def count(documents: Sequence[Document], job: Job) -> None:
        for document in documents:
            job.tally.skip(reason, document_id(document.data))

    return Collection(name, count, makes_rows=False)


LEFT: tuple[Collection, ...] = tuple(_left(name, reason) for name, reason in UNNEEDED.items())
