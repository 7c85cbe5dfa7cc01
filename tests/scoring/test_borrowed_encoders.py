"""A bundle whose dimensions read two encoders: that of the tenant's own network, and that of the pool's."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import Dimension
from lintel.scoring.fitting import Fitting
from lintel.scoring.network_fitting import fit_shared_network
from lintel.scoring.network_settings import NetworkSettings, NetworkShape
from tests.scoring.conftest import DAYS, START, Trained
from tests.scoring.small import small_ensemble

TINY = NetworkSettings(shape=NetworkShape(width=8, encoding=8, layers=1, pieces=3), rows_per_epoch=2_000, max_epochs=1)
NAMES = ("intent", "timing")


@pytest.fixture(scope="module")
def mixed(trained: Trained) -> Bundle:
    """Intent from one network, timing from another."""
    dimensions = dict(trained.bundle.scorer.dimensions)
    for seed, name in enumerate(NAMES):
        dimensions[name] = _networked(trained, name, seed)
    return replace(trained.bundle, scorer=replace(trained.bundle.scorer, dimensions=dimensions))


def _networked(trained: Trained, name: str, seed: int) -> Dimension:
    entries, chosen = load_label_set("bpic2012").defined, replace(small_ensemble(5, patience=3), kinds=("network",))
    network = fit_shared_network(trained.examples, {name: entries[name]}, catalogue(), seed=seed, settings=TINY)
    found = Fitting(trained.examples, catalogue(), seed, chosen, network).dimension(entries[name])
    assert isinstance(found, Dimension)
    return found


def test_each_reads_its_own(mixed: Bundle, trained: Trained) -> None:
    first, second = (mixed.scorer.ready[name].ensemble.encoder for name in NAMES)
    assert first is not second
    assert mixed.scorer.encoders == (first, second)
    together = _answers(mixed, trained)
    for name in NAMES:
        only = replace(mixed.scorer, dimensions={**trained.bundle.scorer.dimensions, name: mixed.scorer.ready[name]})
        assert len(only.encoders) == 1
        alone = _answers(replace(mixed, scorer=only), trained)
        assert [one["dimensions"][name] for one in together] == [one["dimensions"][name] for one in alone]


def test_both_are_saved(mixed: Bundle, trained: Trained, tmp_path: Path) -> None:
    mixed.save(tmp_path / "bundle")
    assert len(list((tmp_path / "bundle" / "models").glob("encoder.*.npz"))) == 2
    loaded = Bundle.load(tmp_path / "bundle")
    assert len(loaded.scorer.encoders) == 2
    assert _answers(loaded, trained) == _answers(mixed, trained)


def test_reasons_add_up_with_either(mixed: Bundle, trained: Trained) -> None:
    inputs = trained.examples.inputs(np.arange(40))
    for name in NAMES:
        dimension = mixed.scorer.ready[name]
        np.testing.assert_allclose(dimension.contributions(inputs).sum(axis=1), dimension.log_odds(inputs), atol=1e-5)


def _answers(bundle: Bundle, trained: Trained) -> list[dict]:
    leads = trained.log.lead_ids[-40:]
    cards = bundle.score(trained.events, START + timedelta(days=DAYS - 10), lead_ids=leads, explain=True)
    return [one for one in cards if one.get("status") == "open"]
