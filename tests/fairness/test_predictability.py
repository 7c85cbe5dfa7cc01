"""Folds by lead, permutations within them, and out-of-fold predictions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lintel.fairness.predictability import AuditSettings, GroupPredictor, lead_folds, lead_weight, permuted
from lintel.scoring.metrics import auc

QUICK = AuditSettings(trees=10, threads=1)


@st.composite
def grouped_leads(draw):
    """(n,) leads and groups; a lead's rows have one group."""
    leads = draw(st.integers(1, 40))
    group = np.array(draw(st.lists(st.integers(0, 2), min_size=leads, max_size=leads)))
    lead = np.array(draw(st.lists(st.integers(0, leads - 1), min_size=1, max_size=120)), np.int32)
    return lead, group[lead].astype(np.int64)


@given(grouped_leads(), st.integers(0, 5))
def test_folds_hold_whole_leads_and_each_group_evenly(rows, seed: int) -> None:
    lead, group = rows
    fold = lead_folds(lead, group, 4, seed=seed)
    for one in np.unique(lead):
        assert len(set(fold[lead == one].tolist())) == 1
    for code in np.unique(group):
        counts = [len(np.unique(lead[(group == code) & (fold == place)])) for place in range(4)]
        assert max(counts) - min(counts) <= 1


@given(grouped_leads(), st.integers(0, 5))
def test_permutations_stay_within_folds_and_keep_leads_whole(rows, seed: int) -> None:
    lead, group = rows
    fold = lead_folds(lead, group, 4, seed=1)
    shuffled = permuted(group, lead, fold, np.random.default_rng(seed))
    for one in np.unique(lead):
        assert len(set(shuffled[lead == one].tolist())) == 1
    _, first = np.unique(lead, return_index=True)
    for place in np.unique(fold):
        there = first[fold[first] == place]
        assert sorted(shuffled[there].tolist()) == sorted(group[there].tolist())


@given(grouped_leads())
def test_every_lead_weighs_the_same(rows) -> None:
    lead, _ = rows
    weight = lead_weight(lead)
    sums = np.array([weight[lead == one].sum() for one in np.unique(lead)])
    np.testing.assert_allclose(sums, sums[0])
    np.testing.assert_allclose(weight.mean(), 1.0)


def test_a_leads_own_rows_never_tell_its_group() -> None:
    """Each lead has a number of its own, by which trees could know it again if its rows were in other folds."""
    random = np.random.default_rng(1)
    lead = np.repeat(np.arange(60, dtype=np.int32), 20)
    group = (random.random(60) < 0.5).astype(np.int64)[lead]
    features = random.normal(size=60)[lead][:, None].astype(np.float32)
    deep = AuditSettings(trees=60, max_depth=8, min_child_weight=0.1, colsample_bytree=1.0, max_bin=256, threads=1)
    weight = lead_weight(lead)
    by_lead = GroupPredictor(features, lead_folds(lead, group, 5, seed=1), weight, seed=1, settings=deep)
    by_row = GroupPredictor(features, np.arange(len(lead)) % 5, weight, seed=1, settings=deep)
    member = group == 1
    assert auc(member, by_row.predict(member).margin, weight) > 0.95
    assert auc(member, by_lead.predict(member).margin, weight) < 0.65


def test_the_gain_lies_where_the_group_is() -> None:
    random = np.random.default_rng(2)
    lead = np.arange(400, dtype=np.int32)
    features = random.normal(size=(400, 3)).astype(np.float32)
    member = features[:, 1] > 0.3
    features[::7, 1] = np.nan
    predictor = GroupPredictor(
        features, lead_folds(lead, member.astype(np.int64), 5, seed=1), lead_weight(lead), seed=1, settings=QUICK
    )
    first, again = predictor.predict(member), predictor.predict(member)
    assert np.argmax(first.gain) == 1
    assert first.gain.sum() == 1
    assert np.array_equal(first.margin, again.margin)
    assert auc(member, first.margin, np.ones(400)) > 0.9
