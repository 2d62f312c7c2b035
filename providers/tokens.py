"""Token counts without a vocabulary: an estimate for use before the provider reports. Pure."""

import re

# Han, kana, hangul and full-width forms: about one token each.
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


def estimate_tokens(text: str) -> int:
    """(CJK characters + other UTF-8 bytes ÷ 4) × 1.1, rounded up."""
    if text.isascii():
        return tokens_of_characters(len(text))
    text, cjk = _CJK.subn("", text)
    other_bytes = len(text.encode("utf-8", "surrogatepass"))
    return tokens_of_characters(4 * cjk + other_bytes)


def tokens_of_characters(count: int) -> int:
    """The same where only the number of characters is known."""
    return -(-count * 11 // 40)
