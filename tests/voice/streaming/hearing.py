"""Words and hypotheses for whatever settles them."""

from collections.abc import Sequence

from hypothesis import strategies as st

from lintel.voice.transcript import Word

TEXTS = st.sampled_from(["a", "b", "c", "A,", "b."])


def spaced(texts: Sequence[str], start: float = 0.0, length: float = 0.25) -> list[Word]:
    """Words one after the other without pauses."""
    return [Word(text, start + place * length, start + (place + 1) * length, 0.9) for place, text in enumerate(texts)]


@st.composite
def hypotheses(draw: st.DrawFn) -> list[Word]:
    """What an engine may say: words in order, times that need not be."""
    texts = draw(st.lists(TEXTS, max_size=8))
    starts = draw(st.lists(st.integers(0, 40), min_size=len(texts), max_size=len(texts)))
    lengths = draw(st.lists(st.integers(0, 6), min_size=len(texts), max_size=len(texts)))
    return [
        Word(text, start / 8, (start + length) / 8, (start % 4) / 4)
        for text, start, length in zip(texts, sorted(starts), lengths, strict=True)
    ]
