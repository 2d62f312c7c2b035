"""Text that looks like people's: words by Zipf's law, sentences, lengths with a long tail."""

import math
from itertools import accumulate
from random import Random

COMMON = (
    "the of and to a in is you that it he was for on are as with his they I at be this have from "
    "or one had by word but not what all were we when your can said there use an each which she "
    "do how their if will up other about out many then them these so some her would make like him "
    "into time has look two more write go see number no way could people my than first water been "
    "call who oil its now find long down day did get come made may part"
).split()
SYLLABLES = "ka ro mi ten sal ver don pel ti gra nor lem bas ci fo hun jal que wer zy".split()
VOCABULARY = 30_000
SENTENCES = 40_000
QUESTION_WORDS = (25, 0.9)  # median, spread of the logarithm
ANSWER_WORDS = (110, 0.8)
MESSAGE_WORDS_MAX = 4000


class Writer:
    """Reproducible: the same ``seed`` writes the same."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - made up, not secret
        words = vocabulary(self.random)
        weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
        self._sentences = [self._sentence(words, weights) for _ in range(SENTENCES)]
        self._mean_words = sum(s.count(" ") + 1 for s in self._sentences) / SENTENCES

    def question(self) -> str:
        return self._text(*QUESTION_WORDS)

    def answer(self) -> str:
        return self._text(*ANSWER_WORDS)

    def title(self) -> str:
        return " ".join(self.random.choice(self._sentences).split()[:5]).rstrip(".").title()

    def _text(self, median: float, spread: float) -> str:
        words = min(MESSAGE_WORDS_MAX, self.random.lognormvariate(math.log(median), spread))
        count = max(1, round(words / self._mean_words))
        return " ".join(self.random.choices(self._sentences, k=count))

    def _sentence(self, words: list[str], weights: list[float]) -> str:
        count = self.random.randint(4, 18)
        chosen = self.random.choices(words, cum_weights=weights, k=count)
        return " ".join(chosen).capitalize() + "."


def vocabulary(random: Random) -> list[str]:
    """The most common first."""
    made = dict.fromkeys(COMMON)
    while len(made) < VOCABULARY:
        made["".join(random.choices(SYLLABLES, k=random.randint(2, 5)))] = None
    return list(made)
