"""A simulated world with a planted proxy: found, with the family that carries it; and the same world without."""

from datetime import UTC, datetime
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from lintel.events.columns import Queries, columns_from_table
from lintel.events.timezones import MICROSECONDS_PER_DAY, utc_offsets
from lintel.events.validation import check
from lintel.fairness.families import OTHER, feature_families
from lintel.fairness.groups import Groups
from lintel.fairness.predictability import AuditSettings
from lintel.fairness.proxy_audit import FEATURE_TOLERANCE, SCORE_TOLERANCE, proxy_audit
from lintel.fairness.proxy_finding import ProxyAudit, Verdict
from lintel.features.catalogue import catalogue
from lintel.features.kernel import compute
from lintel.sources.simulator import Simulator, preset, truth
from lintel.sources.simulator.protected import members, plant

TENANT, LEADS, WORLD = "sim-denver", 450, preset("demo")
QUICK = AuditSettings(trees=25, permutations=19, draws=60, threads=1)


@cache
def world() -> tuple[pa.Table, tuple[str, ...], NDArray[np.float32], NDArray[np.float32]]:
    """Events, leads, their features five days after the first event, and the true intent then: a perfect score."""
    source = Simulator(WORLD, TENANT, seed=5, leads=LEADS, days=120)
    now = datetime(2030, 1, 1, tzinfo=UTC)
    events = pa.concat_tables([check(one.events, tenant=TENANT, now=now).events for one in source.batches()])
    leads = tuple(sorted(set(events.column("lead_id").to_pylist())))
    columns = columns_from_table(events, pa.array(leads))
    first = columns.occurred_at[np.searchsorted(columns.lead, np.arange(len(leads)))]
    queries = Queries(np.arange(len(leads), dtype=np.int32), first + 5 * MICROSECONDS_PER_DAY)
    zone = utc_offsets(source.tenant.time_zone)
    score = truth(WORLD, TENANT, events, leads, queries.as_of)["intent"]
    return events, leads, compute(columns, queries, zone=zone, catalogue=catalogue()), score.astype(np.float32)


def audited(planted: str, *, score: bool, seed: int = 1) -> ProxyAudit:
    events, leads, features, intent = world()
    group = Groups(members(WORLD, TENANT, events, leads, plant(planted), seed=seed).astype(np.int64), ("rest", "group"))
    rows = np.flatnonzero(~np.isnan(intent))
    names = ("intent",) if score else catalogue().names
    return proxy_audit(
        intent[rows, None] if score else features[rows],
        names,
        names if score else feature_families(names),
        group.take(rows),
        rows.astype(np.int32),
        tolerance=SCORE_TOLERANCE if score else FEATURE_TOLERANCE,
        seed=seed,
        settings=QUICK,
    )


def test_every_feature_of_the_catalogue_has_a_family() -> None:
    families = feature_families(catalogue().names)
    assert OTHER not in families
    assert {"activity", "money", "profile", "response"} <= set(families)


@pytest.mark.parametrize("planted", ["channel", "price"])
def test_a_planted_proxy_is_found_in_the_features_and_its_family_is_named(planted: str) -> None:
    found = audited(planted, score=False)
    assert found.verdict is Verdict.FOUND
    carried = plant(planted).family
    assert found.families[0].name == carried
    assert found.families[0].carries
    assert found.carriers[0].family == carried
    assert found.removals[0].family == carried


def test_it_is_found_in_the_score_where_the_score_hangs_on_it() -> None:
    """A lead's grade, on which its future hangs, depends on where it came from and hardly on its price band."""
    assert audited("channel", score=True).verdict is Verdict.FOUND
    assert audited("price", score=True).verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize("seed", range(4))
def test_the_same_world_without_a_plant_is_not_flagged(seed: int) -> None:
    for score in (False, True):
        assert audited("none", score=score, seed=seed).verdict is Verdict.NOT_FOUND
