"""What an audit finds where a proxy was planted, and that it finds none where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.fairness.groups import UNKNOWN, Groups
from lintel.fairness.predictability import AuditSettings
from lintel.fairness.proxy_audit import own_auc, proxy_audit
from lintel.fairness.proxy_finding import ProxyAudit, Verdict

QUICK = AuditSettings(trees=15, permutations=19, draws=60, threads=1, colsample_bytree=1.0)
NAMES = ("channel", "calls", "amount", "hour")
FAMILIES = ("origin", "activity", "money", "activity")


def made(leads: int = 500, groups: int = 2, seed: int = 1):
    """(n, 4) noise, the group of each row and its lead; two rows a lead, and a group is one of the lead."""
    random = np.random.default_rng(seed)
    lead = np.repeat(np.arange(leads, dtype=np.int32), 2)
    code = random.integers(0, groups, leads).astype(np.int64)[lead]
    features = random.normal(size=(leads, 4))[lead] + random.normal(size=(2 * leads, 4))
    return features.astype(np.float32), Groups(code, ("a", "b", "c", "d")[:groups]), lead


def audited(features, groups, lead, *, tolerance: float = 0.6, seed: int = 1) -> ProxyAudit:
    return proxy_audit(features, NAMES, FAMILIES, groups, lead, tolerance=tolerance, seed=seed, settings=QUICK)


def test_a_planted_proxy_is_found_and_named() -> None:
    features, groups, lead = made()
    features[:, 0] += 1.5 * groups.code
    found = audited(features, groups, lead)
    assert found.verdict is Verdict.FOUND
    assert found.worst.predicted.low > found.limit
    assert found.p_value == 1 / 20
    assert [one.name for one in found.families if one.carries] == ["origin"]
    assert found.families[0].name == "origin"
    assert found.carriers[0].feature == "channel"
    assert found.carriers[0].own_auc > 0.65
    assert [one.family for one in found.removals] == ["origin"]
    left = found.removals[-1].left
    assert left is not None
    assert left.low <= found.limit


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_a_proxy(seed: int) -> None:
    found = audited(*made(seed=seed), seed=seed)
    assert found.verdict is Verdict.NOT_FOUND
    assert (found.families, found.carriers, found.removals) == ((), (), ())
    assert 0.4 < found.worst.predicted.auc < 0.6
    assert found.chance > 0.5


def test_a_weak_proxy_stays_under_the_tolerance_and_above_chance() -> None:
    features, groups, lead = made(3000)
    features[:, 0] += 0.3 * groups.code
    found = audited(features, groups, lead)
    assert found.verdict is Verdict.NOT_FOUND
    assert found.chance < found.worst.predicted.low < found.tolerance
    assert audited(features, groups, lead, tolerance=0.5).verdict is Verdict.FOUND


def test_a_proxy_that_several_families_carry_takes_several_removals() -> None:
    features, groups, lead = made()
    features[:, 0] += 2.0 * groups.code
    features[:, 2] -= 1.5 * groups.code
    found = audited(features, groups, lead)
    assert {one.name for one in found.families if one.carries} == {"origin", "money"}
    assert [one.family for one in found.removals] == ["origin", "money"]


def test_a_group_in_the_middle_is_told_though_no_rank_tells_it() -> None:
    features, groups, lead = made()
    features[:, 3] = np.where(groups.code == 1, 0.3, 2.0) * features[:, 3]
    found = audited(features, groups, lead)
    assert found.verdict is Verdict.FOUND
    assert found.carriers[0].feature == "hour"
    assert found.carriers[0].own_auc < 0.56


def test_each_of_several_groups_is_told_from_the_rest() -> None:
    features, groups, lead = made(900, groups=3)
    features[:, 0] += 3.0 * (groups.code == 2)
    found = audited(features, groups, lead)
    assert [one.group for one in found.groups] == ["a", "b", "c"]
    assert found.worst.group == "c"
    assert found.groups[2].predicted.auc > found.groups[0].predicted.auc
    assert sum(one.leads for one in found.groups) == found.leads == 900


def test_when_every_feature_carries_it_nothing_is_left() -> None:
    features, groups, lead = made(300)
    features += 3.0 * groups.code[:, None]
    found = audited(features, groups, lead)
    assert found.removals[-1].left is None
    assert {one.family for one in found.removals} == set(FAMILIES)


def test_small_groups_are_not_judged_and_unknown_rows_are_left_out() -> None:
    features, groups, lead = made(300)
    code = np.where(lead < 40, 1, 0)
    few = audited(features, Groups(code.astype(np.int64), groups.names), lead)
    assert few.verdict is Verdict.TOO_FEW
    assert few.too_few == ("a", "b")
    unknown = np.where(lead >= 250, UNKNOWN, groups.code)
    found = audited(features, Groups(unknown, groups.names), lead)
    assert (found.leads, found.rows) == (250, 500)
    nobody = audited(features, Groups(np.full(len(lead), UNKNOWN), ()), lead)
    assert nobody.verdict is Verdict.TOO_FEW
    assert nobody.leads == 0


def test_other_shapes_and_infinities_are_refused() -> None:
    features, groups, lead = made(60)
    with pytest.raises(InputError, match=r"shape \(120, 3\)"):
        audited(features[:, :3], groups, lead)
    features[4, 2] = np.inf
    with pytest.raises(InputError, match="'amount' is infinite"):
        audited(features, groups, lead)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 3)), min_size=2, max_size=30))
def test_own_auc_is_the_share_of_pairs_in_order(rows) -> None:
    values = np.array([np.nan if one == 4 else one for one, _, _ in rows], np.float32)
    member, weight = np.array([one for _, one, _ in rows]), np.array([one for _, _, one in rows], np.float64)
    if member.all() or not member.any():
        assert np.isnan(own_auc(values, member, weight))
        return
    ranked = [-1 if np.isnan(one) else one for one in values]
    won = total = 0.0
    for i in np.flatnonzero(member):
        for j in np.flatnonzero(~member):
            total += weight[i] * weight[j]
            won += weight[i] * weight[j] * ((ranked[i] > ranked[j]) + (ranked[i] == ranked[j]) / 2)
    assert own_auc(values, member, weight) == pytest.approx(max(won / total, 1 - won / total))
