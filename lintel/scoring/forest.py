"""Small trees of a booster, all asked at once: to the bit what the booster's own library answers.

Every node of every tree is asked without branches: where it sends a row to the right it crosses out the leaves on its
left, and the first leaf that is left is the row's (Lucchese et al. 2015, "QuickScorer: a fast algorithm to rank
documents with additive ensembles of regression trees", SIGIR). What the nodes on a lead's features cross out is the
same in every bin of a hazard: they are asked once a lead, not once a bin. Leaves are added up in the order of the trees
and in the precision of the library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Masks = NDArray[np.uint8]
Index = NDArray[np.intp]
Sums = NDArray[np.float32] | NDArray[np.float64]

MOST_LEAVES = 8
_ALL = 2**MOST_LEAVES - 1
_LEAVES_AT_A_TIME = 2**18
"""So that what is gathered fits into a processor's cache."""


class Split(NamedTuple):
    """A row goes right if its feature is at least the threshold; a missing one counts as `missing`."""

    feature: int
    threshold: float  # a float32
    missing: float
    left: "Tree"
    right: "Tree"


Tree: TypeAlias = Split | float
"""A node, or the value of a leaf."""


class _Test(NamedTuple):
    """A node without its place in the tree: one bit for each leaf that a row keeps if it goes right."""

    feature: int
    threshold: float
    missing: float
    kept: int


@dataclass(frozen=True, eq=False)
class _Tests:
    """At most MOST_LEAVES - 1 nodes of each of T trees, (nodes, T); where a tree has fewer, one that keeps all."""

    feature: Index  # (U,) the features that are read
    missing: Float32  # (U, 1) and what they count as where they are missing
    place: Index  # (nodes T,) of each node's among them
    threshold: Float32  # (nodes T, 1)
    kept: Masks  # (nodes T, 1)
    trees: int

    def left(self, features: Float32) -> Masks:
        """(T, n) the leaves that rows of features (n, F) are left with."""
        read = features.T.take(self.feature, axis=0)
        read = np.where(np.isnan(read), self.missing, read)
        right = read.take(self.place, axis=0) >= self.threshold
        left = self.kept | (right.view(np.uint8) - np.uint8(1))  # all of them, where it does not go right
        return np.bitwise_and.reduce(left.reshape(-1, self.trees, len(features)), axis=0)

    @classmethod
    def of(cls, trees: Sequence[Sequence[_Test]]) -> "_Tests":
        none = _Test(0, np.inf, 0.0, _ALL)
        most = max(1, *map(len, trees))
        tests = [tree[node] if node < len(tree) else none for node in range(most) for tree in trees]
        reads = sorted({(one.feature, one.missing) for one in tests})
        place = {read: position for position, read in enumerate(reads)}
        return cls(
            feature=np.array([feature for feature, _ in reads], np.intp),
            missing=np.array([[missing] for _, missing in reads], np.float32),
            place=np.array([place[one.feature, one.missing] for one in tests], np.intp),
            threshold=np.array([[one.threshold] for one in tests], np.float32),
            kept=np.array([[one.kept] for one in tests], np.uint8),
            trees=len(trees),
        )


@dataclass(frozen=True, eq=False)
class Forest:
    """T trees that read the features of a lead and one of b bins; tree t adds to output t % k of k."""

    of_lead: _Tests
    binned: Index  # (t,) the trees that read the bin
    in_bin: Masks  # (t, b, 1) the leaves that their nodes on the bin leave
    leaves: Sums  # (T MOST_LEAVES,)
    start: Sums  # (k,) what the leaves are added to

    def margins(self, features: Float32) -> Sums:
        """(k, b, n) of features (n, F)."""
        found = np.empty((len(self.start), self.in_bin.shape[1], len(features)), self.leaves.dtype)
        size = max(1, _LEAVES_AT_A_TIME // (self.of_lead.trees * found.shape[1]))
        for first in range(0, len(features), size):
            rows = slice(first, first + size)
            found[:, :, rows] = self._summed(self._found(features[rows]))
        return found

    def _found(self, features: Float32) -> Sums:
        """(T, b, n) the value of every tree's leaf."""
        left = self.of_lead.left(features)
        values = np.empty((len(left), self.in_bin.shape[1], len(features)), self.leaves.dtype)
        values[:] = self._values(left, np.arange(len(left))[:, None])[:, None]
        if len(self.binned):
            values[self.binned] = self._values(left[self.binned][:, None] & self.in_bin, self.binned[:, None, None])
        return values

    def _values(self, left: Masks, trees: Index) -> Sums:
        """The value of the first leaf that is left, of the masks' shape."""
        first = np.bitwise_count(~left & (left - np.uint8(1)))
        return self.leaves.take(first + MOST_LEAVES * trees)

    def _summed(self, values: Sums) -> Sums:
        """(k, b, n) of (T, b, n), one tree after the other: rounding falls as in the library."""
        rounds = values.reshape(-1, len(self.start), *values.shape[1:])
        rounds[0] += self.start[:, None, None]
        # several columns are added row to row, but a single one in pairs
        return rounds.sum(axis=0) if rounds[0].size > 1 else rounds.cumsum(axis=0)[-1]


def forest(trees: Sequence[Tree], start: Sums, *, bins: int = 1, bin_feature: int | None = None) -> Forest | None:
    """The trees, of which `bin_feature` is the index of a bin, 0 up to `bins`; leaves have the precision of `start`.

    None if a tree has more than MOST_LEAVES leaves.
    """
    leaves = np.zeros((len(trees), MOST_LEAVES), start.dtype)
    tests: list[list[_Test]] = []
    for tree, own in zip(trees, leaves, strict=True):
        values: list[float] = []
        tests.append(_tests(tree, values))
        if len(values) > MOST_LEAVES:
            return None
        own[: len(values)] = values
    of_lead = [[one for one in own if one.feature != bin_feature] for own in tests]
    of_bin = [[one._replace(feature=0) for one in own if one.feature == bin_feature] for own in tests]
    in_bin = _Tests.of(of_bin).left(np.arange(bins, dtype=np.float32)[:, None])
    binned = np.flatnonzero([bool(own) for own in of_bin])
    return Forest(_Tests.of(of_lead), binned, in_bin[binned][:, :, None], leaves.ravel(), start)


def _tests(tree: Tree, leaves: list[float]) -> list[_Test]:
    """The tree's nodes, from left to right; its leaves are appended in that order, and number the bits."""
    if not isinstance(tree, Split):
        leaves.append(tree)
        return []
    first = len(leaves)
    left = _tests(tree.left, leaves)
    crossed_out = (1 << len(leaves)) - (1 << first)
    own = _Test(tree.feature, tree.threshold, tree.missing, _ALL & ~crossed_out)
    return [*left, own, *_tests(tree.right, leaves)]
