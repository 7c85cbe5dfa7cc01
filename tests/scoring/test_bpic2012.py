"""The published funnel, from its file to models that beat the base rate."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from lintel.events.columns import columns_from_table
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.scoring.dimension import Dimension
from lintel.scoring.evaluation import fold_rows, forecasts
from lintel.scoring.examples import build_examples
from lintel.scoring.fitting import Fitting
from lintel.scoring.metrics import auc, log_loss
from lintel.sources.bpic2012 import bpic2012, bpic2012_tenant
from lintel.store.log import TenantLog
from tests.scoring.small import small_ensemble

ROOT = Path(__file__).parents[2]
LOG = Path(os.environ.get("LINTEL_DATA_MIRROR", ROOT.parent / "shared" / "data")) / "bpic2012" / "financial_log.xes.gz"
EVERY = 4  # cases: quick, and still thousands


@pytest.mark.skipif(not LOG.is_file(), reason="the published log is not at hand (LINTEL_DATA_MIRROR)")
def test_models_of_the_real_funnel_beat_the_base_rate() -> None:
    tenant = bpic2012_tenant()
    parts = []
    for batch in bpic2012(LOG).batches():
        chosen = [int(lead) // 3 % EVERY == 0 for lead in batch.events.column("lead_id").to_pylist()]
        parts.append(check(batch.events.filter(chosen), tenant=tenant.id, now=datetime.now(UTC)).events)
    events = pa.concat_tables(parts)
    leads = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns = columns_from_table(events, pa.array(leads))
    log = TenantLog(tenant, leads, columns, max(events.column("known_at").to_pylist()))
    examples = build_examples(log, seed=1, per_origin=2)
    fitting = Fitting(examples, catalogue(), 1, small_ensemble(60))
    for name, least in {"intent": 0.8, "conversion": 0.68}.items():
        dimension = fitting.dimension(load_label_set(tenant.labels).defined[name])
        assert isinstance(dimension, Dimension)
        found = forecasts(dimension, examples, fold_rows(examples, name))
        assert auc(found.outcome, found.model, found.weight) > least
        constant = log_loss(found.outcome, found.base_rate, found.weight)
        assert log_loss(found.outcome, found.model, found.weight) < constant - 0.03
