"""What answers instead of a preset or model whose budget is used up (usage/ledger/fallbacks.py)."""

import re

from accounts.models import User
from librechat_backend.lib.aio import in_database
from presets.resolver import DeniedTurn, ResolvedTurn, resolve_turn
from usage.ledger.fallbacks import Fallbacks, words
from usage.ledger.refusals import SpendingRefused

# Names may hold what Markdown would take for its own.
_MARKS, _ESCAPED = re.compile(r"[\\`*_\[\]<>~|$]"), r"\\\g<0>"


class Choice:
    """What one call of ``user`` runs on: ``resolved``, at first what was asked for. ``refused`` is
    the first refusal that made it something else."""

    def __init__(self, user: User, asked: ResolvedTurn) -> None:
        self.asked = self.resolved = asked
        self.refused: SpendingRefused | None = None
        self._user = user
        self._fallbacks = Fallbacks(asked.spec)

    @property
    def has_moved(self) -> bool:
        return self.resolved is not self.asked

    async def move_on(self, refused: SpendingRefused) -> bool:
        """Whether there is a preset to go on with, which is then ``resolved``; else that is again
        what was asked for."""
        slug = self._fallbacks.after(refused)
        found = await in_database(resolve_sibling, self._user, slug) if slug else None
        self.refused = self.refused or refused
        self.resolved = found or self.asked
        return found is not None

    @property
    def notice(self) -> str:
        """For the person, in Markdown."""
        text = f"{self.refused} “{self.resolved.preset_name}” answers instead."
        return f"_{_MARKS.sub(_ESCAPED, text)}_"

    @property
    def routing(self) -> str:
        """For the log of requests; empty where what was asked for answered."""
        if self.refused is None or not self.has_moved:
            return ""
        return words(self.asked.spec or self.asked.model, self.refused)


def resolve_sibling(user: User, slug: str) -> ResolvedTurn | None:
    """None where the rules do not give it to the person."""
    try:
        return resolve_turn(user, endpoint="", model="", spec=slug)
    except DeniedTurn:
        return None
