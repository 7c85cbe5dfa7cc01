"""The plots of a bundle's evaluation: reliability, gain and ROC of each dimension on the newest fold."""

from collections.abc import Mapping

from lintel.scoring.evaluation import Forecasts, TestedFold
from lintel.scoring.examples import DataDescription
from lintel.scoring.metrics import auc, lift_curve, roc_curve
from lintel.scoring.plots import lift_plot, reliability_plot, roc_plot
from lintel.scoring.reliability import reliability_curve


def evaluation_plots(data: DataDescription, tested: Mapping[str, TestedFold | str], *, seed: int) -> dict[str, bytes]:
    """File name -> PNG, three for each dimension that was tested."""
    suffix = f"{data.name}{', simulated' if data.simulated else ''}"
    plots: dict[str, bytes] = {}
    for name, found in tested.items():
        if isinstance(found, TestedFold):
            plots |= _plots(name, f"{name} ({suffix})", found.forecasts, seed)
    return plots


def _plots(name: str, title: str, found: Forecasts, seed: int) -> dict[str, bytes]:
    curve = reliability_curve(found.outcome, found.model, found.weight, found.lead, seed=seed)
    roc = {
        title: (*roc_curve(found.outcome, probability, found.weight), auc(found.outcome, probability, found.weight))
        for title, probability in (("model", found.model), ("logistic regression", found.logistic))
    }
    return {
        f"{name}_reliability.png": reliability_plot(
            title, curve.predicted, curve.observed, curve.count, low=curve.low, high=curve.high
        ),
        f"{name}_lift.png": lift_plot(title, *lift_curve(found.outcome, found.model, found.weight)),
        f"{name}_roc.png": roc_plot(title, roc),
    }
