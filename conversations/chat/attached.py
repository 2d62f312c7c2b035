"""What a message's files become in the request of a model (contract 02 §9.3–9.4). Pure."""

import re
from dataclasses import dataclass

from providers.tokens import estimate_tokens
from providers.types import DocumentPart, ImagePart

HEADING = "Attached document(s):"
_FENCE = re.compile("`{3,}")
# No text has fewer bytes to a token than the estimate assumes.
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Attached:
    """``texts`` are (filename, text); ``notes`` tell the model of files it cannot be shown."""

    texts: tuple[tuple[str, str], ...] = ()
    media: tuple[ImagePart | DocumentPart, ...] = ()
    notes: tuple[str, ...] = ()

    def above(self, text: str) -> str:
        """The message's ``text`` under what there is to read."""
        blocks = [block for block in (text_block(self.texts), *self.notes, text) if block]
        return "\n\n".join(blocks)


def text_block(texts: tuple[tuple[str, str], ...]) -> str:
    """All texts in one fence, which none of them can end."""
    if not texts:
        return ""
    documents = "\n\n---\n\n".join(f'# "{name}"\n{text}' for name, text in texts)
    longest = max((len(match[0]) for match in _FENCE.finditer(documents)), default=2)
    fence = "`" * (longest + 1)
    return f"{HEADING}\n{fence}md\n{documents}\n{fence}"


def cut_to_tokens(text: str, limit: int) -> str:
    """The longest beginning of ``text`` that is estimated at ``limit`` tokens or fewer."""
    text, is_cut = text[: limit * _CHARACTERS_PER_TOKEN], len(text) > limit * _CHARACTERS_PER_TOKEN
    if not is_cut and estimate_tokens(text) <= limit:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low]
