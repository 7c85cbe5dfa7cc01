"""Learning works: where a static model is near chance, one that is trained again every month is not."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.continuous_learning import LEAST, Learner, Model, contenders, figures, halves, run
from lintel.learning.blockwise import gain, judged_blocks
from lintel.scoring.metrics import auc
from lintel.sources.bank_marketing import FILE, BankCalls, bank_calls

ROOT = Path(__file__).parents[2]
TABLE = Path(os.environ.get("LINTEL_DATA_MIRROR", ROOT.parent / "shared" / "data")) / FILE


@pytest.mark.skipif(not TABLE.is_file(), reason="the published table is not at hand (LINTEL_DATA_MIRROR)")
def test_learning_every_month_beats_the_frozen_model_beyond_noise() -> None:
    calls = bank_calls(TABLE, macro=False)
    stream = halves(calls, delay=1)
    frozen, monthly = (run(calls, "xgboost", name, delay=1) for name in ("frozen", "monthly, last 6 months"))
    later = slice(stream.begin, None)
    pooled = auc(calls.positive[later], frozen.probability[later], np.ones(len(calls) - stream.begin))
    assert 0.45 < pooled < 0.55  # chance
    blocks = judged_blocks(calls.positive, [stream.rows(one) for one in stream.blocks()], least=LEAST)
    assert len(blocks) == 22
    found = gain(calls.positive, monthly.probability, frozen.probability, blocks, seed=1)
    assert found.low > 0.03
    assert found.won >= 15
    assert len(monthly.learnt) == 21


SIZE = 400


@pytest.fixture
def calls() -> BankCalls:
    """Six months of calls, in which what tells success turns round in the fourth."""
    random = np.random.default_rng(1)
    month = np.repeat(np.arange(6, dtype=np.int32), SIZE)
    features = random.normal(size=(len(month), 2)).astype(np.float32)
    sign = np.where(month < 3, 1.0, -1.0)
    positive = random.random(len(month)) < 1 / (1 + np.exp(-1.5 * sign * features[:, 0]))
    nobody = np.zeros(len(month), int)
    return BankCalls(features, ("told", "noise"), positive, month, tuple("abcdef"), nobody, nobody.astype(str))


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_every_contender_forecasts_every_call_of_the_second_half(calls: BankCalls, kind: str) -> None:
    frozen = run(calls, kind, "frozen", delay=0)
    for name in contenders(calls, kind):
        course = run(calls, kind, name, delay=0)
        assert np.isfinite(course.probability[3 * SIZE :]).all(), name
        found = figures(halves(calls, delay=0), course, frozen)
        assert found["months"] == 3
        least, most = (0, 0) if name == "frozen" else (1, 2) if "drift" in name else (2, 2)
        assert least <= found["retrainings"] <= most, name


def test_a_window_and_warm_trees_follow_a_turn(calls: BankCalls) -> None:
    known, newest = np.arange(5 * SIZE), np.arange(5 * SIZE, 6 * SIZE)
    learner = Learner(calls, "xgboost", months=2)
    before = learner.cold(known[: 3 * SIZE], None)

    def area(model: Model) -> float:
        return auc(calls.positive[newest], learner.forecast(model, newest), np.ones(SIZE))

    assert area(before) < 0.4
    assert area(learner.cold(known, before)) > 0.7
    assert area(learner.warm(known, before)) > area(before) + 0.03
    assert learner.rate(known, None) == calls.positive[3 * SIZE : 5 * SIZE].mean()
