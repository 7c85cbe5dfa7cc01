"""Voices into groups, one a speaker, and a sequence of voices into turns. Pure: arrays in, arrays out."""

import numpy as np
from numpy.typing import NDArray

SIMILAR = 0.6
"""Mean cosine of two groups of windows above which they are one voice (`python -m benchmarks.diarization`)."""
MOST_COMPARED = 1_500
"""Vectors that are compared each with each; of more, so many are taken at even distances."""
_SMALLEST_SHARE = 0.06
"""A group with fewer of the vectors is a cough or two voices at once, and no speaker."""
_ROUNDS = 5
_SWITCH_COST = 0.3
"""By how much another voice must be more similar, in cosines summed over a turn, for a change of speaker."""


def speakers_among(vectors: NDArray[np.float32]) -> int:
    """How many voices there are among unit vectors, shape (vectors, dimensions); at least 1.

    Agglomerative clustering by mean cosine until no two groups are as similar as SIMILAR; groups of some size count.
    """
    if len(vectors) <= 1:
        return 1
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - half a second
    from scipy.spatial.distance import pdist  # noqa: PLC0415

    chosen = vectors[_spread(len(vectors))]
    tree = linkage(pdist(chosen.astype(float), "cosine").clip(0), "average")
    sizes = np.bincount(fcluster(tree, 1 - SIMILAR, "distance"))
    return max(1, int((sizes >= _SMALLEST_SHARE * len(chosen)).sum()))


def turns(vectors: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The speaker of each unit vector, in order of time, numbered from 0 by who spoke first; at most `count` speakers.

    Ward's clustering gives the first centres: on telephone lines, where all voices are similar, mean cosine would part
    a few odd windows from all the rest. Then centres and speakers are found in turns, as in k-means, and at last with a
    cost of changing the speaker.
    """
    centres = _first_centres(vectors[_spread(len(vectors))], min(count, len(vectors)))
    for cost in (*[0.0] * _ROUNDS, _SWITCH_COST, _SWITCH_COST):
        labels = most_similar_path(vectors @ centres.T, cost)
        centres = _centres(vectors, labels)
    return _by_appearance(labels)


def most_similar_path(similarities: NDArray[np.floating], switch_cost: float) -> NDArray[np.int64]:
    """The speaker of each moment, shape (moments,), whose summed similarity less the cost of each change is largest.

    `similarities` has shape (moments, speakers). Viterbi's algorithm; of equals the lower number.
    """
    score = similarities[0].astype(float)
    origins = np.zeros(similarities.shape, np.int64)
    stay = np.arange(similarities.shape[1])
    for moment in range(1, len(similarities)):
        best = int(score.argmax())
        switched = score[best] - switch_cost > score
        origins[moment] = np.where(switched, best, stay)
        score = np.where(switched, score[best] - switch_cost, score) + similarities[moment]
    path = np.empty(len(similarities), np.int64)
    path[-1] = score.argmax()
    for moment in range(len(similarities) - 1, 0, -1):
        path[moment - 1] = origins[moment, path[moment]]
    return path


def _first_centres(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - half a second

    if count == 1:
        return _centres(vectors, np.zeros(len(vectors), np.int64))
    return _centres(vectors, fcluster(linkage(vectors.astype(float), "ward"), count, "maxclust"))


def _centres(vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Of the labels that occur, ascending, at length 1."""
    means = np.stack([vectors[labels == label].mean(axis=0) for label in np.unique(labels)])
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)


def _spread(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, MOST_COMPARED)).round().astype(np.int64))


def _by_appearance(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    _, firsts, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[inverse]
