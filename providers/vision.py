"""What models see, and what it costs. Pure."""

import re

# Models that take text alone, as far as their names tell; whoever is not named here may see.
_BLIND = re.compile(
    r"gpt-3\.5|gpt-oss|(?:^|/)o[13]-mini|o1-preview|deepseek-(?:chat|reasoner|coder|r1|v3)"
    r"|llama-?3\.[13](?!.*vision)|mixtral|codestral|command-r|qwen2\.5-coder|kimi-k2(?!\.)"
)
# Providers count about a token for so many pixels, and something for any picture.
_PIXELS_PER_TOKEN = 750
_LEAST_TOKENS = 85
# The most tokens a picture of any size is, where its maker says so; the first that fits counts.
_MOST_TOKENS = (
    (re.compile(r"gpt-4o-mini"), 48_169),  # 2,833, and 5,667 for each of eight tiles
    (re.compile(r"gpt-5\.[4-9]"), 12_000),  # 10,000 patches in their original size, times 1.2
    (re.compile(r"gpt-|chatgpt|(?:^|/)o[134]"), 3_779),  # 1,536 patches, times 2.46
    (re.compile(r"claude"), 4_784),  # 2,576 pixels on the long edge
    (re.compile(r"gemini"), 4_128),  # sixteen tiles of 258
)
_MOST_OF_OTHERS = 6_404  # four tiles of 1,601


def sees_images(model: str) -> bool:
    return _BLIND.search(model.lower()) is None


def image_tokens(width: int, height: int) -> int:
    return max(_LEAST_TOKENS, width * height // _PIXELS_PER_TOKEN)


def most_image_tokens(model: str) -> int:
    """Of one picture, however large: it is made smaller before it is read."""
    name = model.lower()
    return next((most for known, most in _MOST_TOKENS if known.search(name)), _MOST_OF_OTHERS)
