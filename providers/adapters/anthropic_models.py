"""What differs between Anthropic's models (contract 02 §9.1). Pure."""

import re
from dataclasses import dataclass

_NEW_NAME = re.compile(
    r"claude-(opus|sonnet|haiku|fable|mythos)(?:-(\d{1,2})(?:[-.](\d{1,2}))?)?(?!\d)"
)
_OLD_NAME = re.compile(r"claude-(\d)(?:[-.](\d))?-(opus|sonnet|haiku)")
_NEWEST = (99, 0)  # a family whose names carry no number yet
UNKNOWN_OUTPUT_TOKENS = 8_192


@dataclass(frozen=True, slots=True)
class Claude:
    """``version`` is (major, minor)."""

    family: str
    version: tuple[int, int]

    @property
    def output_tokens(self) -> int:
        """The default of ``max_tokens``, which Anthropic requires."""
        if self.version < (3, 5):
            return 4_096
        if self.version < (4, 0):
            return 8_192
        if self.version < (4, 5):
            return 32_000 if self.family == "opus" else 64_000
        return 64_000 if self.version < (4, 6) else 128_000

    @property
    def can_think(self) -> bool:
        return self.version >= (3, 7)

    @property
    def thinks_adaptively(self) -> bool:
        """It chooses its own budget, and takes an effort."""
        return self.version >= (4, 6)

    @property
    def efforts(self) -> tuple[str, ...]:
        """What it takes as an effort, the least first."""
        if not self.thinks_adaptively:
            return ()
        if self.version == (4, 6):
            return ("low", "medium", "high", "max")
        return ("low", "medium", "high", "xhigh", "max")

    @property
    def summarizes_thoughts(self) -> bool:
        """Thoughts are shown only when a summary of them is asked for."""
        least = (5, 0) if self.family == "sonnet" else (4, 7)
        return self.version >= least

    @property
    def thinks_unless_told(self) -> bool:
        return self.version >= (5, 0) and self.family in {"opus", "sonnet"}

    @property
    def can_be_tuned(self) -> bool:
        """Whether temperature, top_p and top_k are accepted."""
        return not self.summarizes_thoughts

    @property
    def takes_one_of_temperature_and_top_p(self) -> bool:
        return self.version >= (4, 1)


def find_claude(model: str) -> Claude | None:
    """None for a name that does not look like one of Anthropic's."""
    if match := _OLD_NAME.search(model):
        major, minor, family = match.groups()
        return Claude(family, (int(major), int(minor or 0)))
    if match := _NEW_NAME.search(model):
        family, major, minor = match.groups()
        version = (int(major), int(minor or 0)) if major else _NEWEST
        return Claude(family, version)
    return None


def default_output_tokens(model: str) -> int:
    claude = find_claude(model)
    return claude.output_tokens if claude else UNKNOWN_OUTPUT_TOKENS
