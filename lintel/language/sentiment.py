"""How a message sounds: a small lexicon with negation and emphasis, every weight in sight.

A sum of word weights, squashed to -1..1. Made for short messages about homes; on spoken dialogue in general such
lexica are weak.
"""

from collections.abc import Sequence

from lintel.language.vocabulary import words

_WEIGHTS = {
    word: weight
    for weight, vocabulary in (
        (
            2.0,
            """love loved loves perfect amazing excellent fantastic wonderful awesome thrilled excited gorgeous stunning
            beautiful dream delighted ecstatic incredible""",
        ),
        (
            1.0,
            """good great nice thanks thank happy glad liked likes enjoy enjoyed helpful appreciate appreciated
            interested interesting excellent pleased lovely cute spacious cozy friendly easy clean fair yes sure
            absolutely definitely super cool best better wow yay congrats congratulations responsive professional
            comfortable impressed fine welcome hope hopefully ideal quick ready""",
        ),
        (
            -1.0,
            """bad sad unhappy disappointed disappointing slow noisy dirty small old problem problems issue issues worry
            worried concern concerned unfortunately sorry expensive pricey confused confusing difficult hard late stuck
            wrong cramped ugly dated leak leaking mold moldy busy tired unsure hesitant afraid dislike disliked regret
            overpriced pushy frustrated frustrating annoyed annoying wasted waste dark smelly broken poor""",
        ),
        (
            -2.0,
            """terrible awful horrible hate hated hates angry furious scam rude unacceptable worst disgusting ridiculous
            spam harassment harassing useless liar lied pathetic nightmare disaster fraud""",
        ),
    )
    for word in vocabulary.split()
}
_STRONGER = words("very really so too extremely absolutely totally incredibly super such quite truly")
NEGATIONS = words(
    """not no never none nobody nothing neither nor without don't doesn't didn't isn't aren't wasn't weren't won't
    wouldn't can't cannot couldn't shouldn't haven't hasn't hadn't ain't dont doesnt didnt isnt arent wasnt wont wouldnt
    cant couldnt"""
)
_CONTRAST = words("but however although though except")
_REACH = 3


def sentiment(tokens: Sequence[str]) -> float:
    """Tone of a message in -1..1 from its words in lower case; a negation turns the next three words around."""
    score, denied, emphasis = 0.0, 0, 1.0
    for token in tokens:
        if token in NEGATIONS:
            denied = _REACH
            continue
        weight = _WEIGHTS.get(token)
        if weight is not None:
            score += weight * emphasis * (-0.6 if denied else 1.0)
        denied = 0 if token in _CONTRAST else max(0, denied - 1)
        emphasis = 1.5 if token in _STRONGER else 1.0
    return score / (abs(score) + 2.0)
