"""F1, precision and recall of labels."""

from collections.abc import Iterable, Sequence

Pair = tuple[str, str]


def f1(truth: Sequence[str], said: Sequence[str], *, weighted: bool) -> float:
    """The mean over the labels of the truth, each alike or by its frequency."""
    labels = sorted(set(truth))
    scores = [_f1(label, truth, said) for label in labels]
    shares = [truth.count(label) / len(truth) if weighted else 1 / len(labels) for label in labels]
    return sum(score * share for score, share in zip(scores, shares, strict=True))


def accuracy(truth: Sequence[str], said: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(truth, said, strict=True)) / len(truth)


def _f1(label: str, truth: Sequence[str], said: Sequence[str]) -> float:
    both = sum(a == b == label for a, b in zip(truth, said, strict=True))
    all_of_it = truth.count(label) + sum(one == label for one in said)
    return 2 * both / all_of_it if all_of_it else 0.0


def found(truth: Iterable[set[str]], said: Iterable[set[str]]) -> dict[str, float]:
    """Precision, recall and F1 over sets, one a turn, all items alike."""
    right = wanted = got = 0
    for gold, mine in zip(truth, said, strict=True):
        right, wanted, got = right + len(gold & mine), wanted + len(gold), got + len(mine)
    precision, recall = right / got if got else 0.0, right / wanted if wanted else 0.0
    return {
        "marked": wanted,
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / (precision + recall), 3) if right else 0.0,
    }
