"""Text → words, for searching in any language. Pure.

Case, accents and compatibility forms do not count. Scripts that put no spaces between words are
taken letter by letter, so that a part of a sentence is found, too.
"""

import re
import unicodedata
from collections.abc import Iterator

WORD_MAX_LENGTH = 64
QUERY_MAX_TERMS = 32

# Thai to Myanmar, Khmer, kana, Chinese characters.
_LETTER = "[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_WORD = re.compile(rf"{_LETTER}|(?:(?!{_LETTER})[^\W_])+")
_ASCII_WORD = re.compile("[a-z0-9]+")


def words(text: str) -> Iterator[str]:
    """In their order; each at most WORD_MAX_LENGTH letters and digits, nothing else."""
    if text.isascii():  # the same in a fraction of the time
        found = _ASCII_WORD.findall(text.lower())
    else:
        found = _WORD.findall(_folded(text))
    return (word[:WORD_MAX_LENGTH] for word in found)


def terms(query: str) -> list[list[str]]:
    """What a person looks for: the words of each term follow each other in the text.

    A term is what stands between two spaces; there is no other syntax.
    """
    found = (list(words(term)) for term in query.split())
    return [term for term in found if term][:QUERY_MAX_TERMS]


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(mark for mark in decomposed if not unicodedata.category(mark) == "Mn")
    return unicodedata.normalize("NFC", bare.casefold())
