"""Word error rate: substitutions, insertions and deletions by the reference's words, with its doubt by speaker."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rate:
    """`rate` in 0..1 (above where more is heard than was said); the interval is a bootstrap's over speakers."""

    rate: float
    low: float
    high: float
    errors: int
    words: int


def normalised(text: str) -> list[str]:
    """Words as Whisper's English normaliser writes them: numbers, contractions, spellings in one form (Radford et al.
    2022, appendix C). Needs openai-whisper."""
    return str(_normaliser()(text)).split()


@cache
def _normaliser() -> Any:
    from whisper.normalizers import EnglishTextNormalizer  # noqa: PLC0415 imports PyTorch

    return EnglishTextNormalizer()


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein distance in words."""
    distance = np.arange(len(heard) + 1)
    steps = np.arange(len(heard) + 1)
    for said in reference:
        wrong = np.array([said != word for word in heard], dtype=np.int64)
        changed = np.minimum(distance[1:] + 1, distance[:-1] + wrong)
        best = np.concatenate(([distance[0] + 1], changed))
        distance = np.minimum.accumulate(best - steps) + steps  # an insertion costs 1 a word from the best before
    return int(distance[-1])


def word_error_rate(
    errors: Sequence[int],
    words: Sequence[int],
    speakers: Sequence[str],
    rng: np.random.Generator,
    *,
    draws: int = 2_000,
    level: float = 0.95,
) -> Rate:
    """Errors of all utterances by words of all utterances.

    Parameters
    ----------
    errors, words, speakers: one an utterance. Utterances of one speaker err together, so that speakers are drawn.
    """
    wrong, said = _by_speaker(errors, speakers), _by_speaker(words, speakers)
    drawn = rng.integers(0, len(said), (draws, len(said)))
    rates = wrong[drawn].sum(axis=1) / said[drawn].sum(axis=1)
    low, high = np.quantile(rates, ((1 - level) / 2, (1 + level) / 2))
    total, length = int(wrong.sum()), int(said.sum())
    return Rate(total / length, float(low), float(high), total, length)


def _by_speaker(counts: Sequence[int], speakers: Sequence[str]) -> NDArray[np.int64]:
    """Sums, speakers in order of their names."""
    names, groups = np.unique(np.array(speakers), return_inverse=True)
    return np.bincount(groups, np.asarray(counts), len(names)).astype(np.int64)
