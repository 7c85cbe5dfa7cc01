"""Real calls with the client's age and marital status held out of the features."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lintel.fairness.groups import UNKNOWN, Groups
from lintel.fairness.predictability import AuditSettings
from lintel.fairness.proxy_audit import FEATURE_TOLERANCE, proxy_audit
from lintel.fairness.proxy_finding import ProxyAudit, Verdict
from lintel.sources.bank_marketing import FILE, BankCalls, bank_calls

MIRROR = Path(os.environ.get("LINTEL_DATA_MIRROR", Path(__file__).parents[3] / "shared" / "data"))
QUICK = AuditSettings(trees=20, permutations=19, draws=60)
pytestmark = pytest.mark.skipif(not (MIRROR / FILE).is_file(), reason=f"no {FILE} in the data mirror")


@cache
def calls() -> BankCalls:
    return bank_calls(MIRROR / FILE, macro=False)


def audited(code: np.ndarray, names: tuple[str, ...]) -> ProxyAudit:
    rows = np.sort(np.random.default_rng(1).choice(len(calls()), 1500, replace=False))
    families = [name.split("=")[0] for name in calls().names]
    groups, lead = Groups(code.astype(np.int64), names).take(rows), np.arange(len(rows), dtype=np.int32)
    features = calls().features[rows]
    return proxy_audit(
        features, calls().names, families, groups, lead, tolerance=FEATURE_TOLERANCE, seed=1, settings=QUICK
    )


def test_the_job_gives_the_age_away() -> None:
    found = audited(calls().age >= 60, ("under 60", "60 and over"))
    assert found.verdict is Verdict.FOUND
    assert found.families[0].name == "job"
    assert found.carriers[0].feature == "job=retired"


def test_the_job_gives_the_marital_status_away() -> None:
    status = calls().marital
    code = np.select([status == "single", status == "unknown"], [1, UNKNOWN], 0)
    found = audited(code, ("not single", "single"))
    assert found.verdict is Verdict.FOUND
    assert [one.name for one in found.families if one.carries] == ["job"]
    assert found.removals[0].family == "job"


def test_a_group_of_coin_tosses_is_not_told() -> None:
    assert audited(np.random.default_rng(2).random(len(calls())) < 0.5, ("heads", "tails")).verdict is Verdict.NOT_FOUND
