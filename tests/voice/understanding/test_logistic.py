"""Our logistic regression beside scikit-learn's."""

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from lintel.voice.understanding.logistic import fit, softmax


def test_equals_scikit_learn() -> None:
    random = np.random.default_rng(7)
    dense = random.normal(size=(120, 5))
    sparse = csr_matrix((random.random((120, 9)) < 0.3).astype(float))
    classes = (dense[:, 0] + sparse[:, [1]].toarray()[:, 0] > 0.4).astype(int) + (dense[:, 1] > 1)
    weights = random.uniform(0.5, 2.0, 120)
    ours = fit(dense, sparse, classes, penalty=2.0, row_weights=weights, iterations=2_000)
    columns = hstack([csr_matrix(dense), sparse]).toarray()
    theirs = LogisticRegression(C=0.5, max_iter=5_000, tol=1e-8).fit(columns, classes, sample_weight=weights)
    assert np.allclose(ours.probabilities(dense, sparse), theirs.predict_proba(columns), atol=2e-3)


def test_softmax_of_large_logits() -> None:
    assert np.allclose(softmax(np.array([[1e4, 1e4, -1e4]])), [[0.5, 0.5, 0.0]])
