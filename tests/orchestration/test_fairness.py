"""The nightly fairness check: passes without groups, warns where something is found, never stops the night."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import dagster as dg
import pytest

import assets.fairness
from assets.fairness import score_bundle_gives_no_group_away
from lintel.fairness.audit import bundle_fairness
from lintel.fairness.groups import FILE
from lintel.fairness.predictability import AuditSettings
from lintel.home import Home
from lintel.sources.simulator import preset
from lintel.sources.simulator.protected import members, plant
from tests.orchestration.nightly_home import TENANT, NightlyHome

QUICK = AuditSettings(trees=15, permutations=19, draws=40, threads=1)


@pytest.fixture
def home(own_nightly_home: NightlyHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(assets.fairness, "bundle_fairness", partial(bundle_fairness, settings=QUICK))
    with Home(own_nightly_home.settings) as home:
        yield home


def check(home: Home) -> dg.AssetCheckResult:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_op_context(partition_key=TENANT, instance=instance)
        return score_bundle_gives_no_group_away.op.compute_fn.decorated_fn(context, home)


def supply(home: Home, planted: str) -> None:
    log = home.log(TENANT, now=datetime.now(UTC))
    group = members(preset("demo"), TENANT, home.lake.read(TENANT), log.lead_ids, plant(planted), seed=1)
    lines = [f"{lead},{'north' if one else 'south'}" for lead, one in zip(log.lead_ids, group.tolist(), strict=True)]
    home.work(TENANT, FILE).write_text("\n".join(["lead_id,group", *lines]))


def test_without_groups_it_passes_and_says_that_nothing_was_measured(home: Home) -> None:
    found = check(home)
    assert found.passed
    assert "no groups supplied" in str(found.metadata["groups"])


def test_a_planted_proxy_is_a_warning_with_the_report(home: Home) -> None:
    supply(home, "channel")
    found = check(home)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.metadata["groups"].value == 2
    assert any("the features tell group" in one and "profile" in one for one in found.metadata["findings"].value)
    assert "## Fair housing" in found.metadata["report"].value


def test_a_broken_file_is_a_warning_and_no_failure(home: Home) -> None:
    home.work(TENANT, FILE).write_text("lead_id,zip\na,1\n")
    found = check(home)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "no column 'group'" in str(found.metadata["groups"])
