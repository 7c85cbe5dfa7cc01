"""The model card of a bundle, in Markdown (Mitchell et al. 2019, "Model cards for model reporting", FAT*)."""

from collections.abc import Mapping
from typing import Any

from lintel.scoring.bundle_manifest import Manifest
from lintel.scoring.dimension import Dimension, MissingDimension
from lintel.scoring.evidence import JUDGED_ON_POOL

_COLUMNS = (
    ("auc", "AUC"),
    ("average_precision", "average precision"),
    ("log_loss", "log loss"),
    ("brier", "Brier"),
    ("ece", "ECE"),
    ("lift_top_decile", "lift, top 10 %"),
)


def model_card(
    manifest: Manifest,
    dimensions: Mapping[str, Dimension | MissingDimension],
    metrics: Mapping[str, Any],
    *,
    fairness: str,
) -> str:
    """The card; `metrics` as `evaluation` gives them, `fairness` the section on protected groups."""
    sections = [
        _head(manifest),
        _labels(manifest, dimensions),
        _folds(),
        *(_dimension(name, values) for name, values in metrics["dimensions"].items()),
        fairness,
        _limits(metrics),
    ]
    return "\n\n".join(sections) + "\n"


def _head(manifest: Manifest) -> str:
    simulated = "\n\n**Simulated data: no figure here says anything about real leads.**" if manifest.simulated else ""
    return f"""# {manifest.name}

Trained on {manifest.data} as known by {manifest.known_until} (tenants: {", ".join(manifest.tenants)}).{simulated}

| what | version |
|---|---|
| data | `{manifest.data_digest}` |
| features | `{manifest.feature_digest}` |
| labels | {manifest.label_version}, `{manifest.label_digest}` |
| signals | {manifest.signal_version} |
| seed | {manifest.seed} |
| settings of the members | `{manifest.settings_digest}` |
| libraries | {", ".join(f"{name} {version}" for name, version in manifest.libraries.items())} |

Intended use: to order the leads that a team calls, and to show how sure that order is. Not intended: decisions about
credit, housing or price. Features name no protected attribute; "Fair housing" below says what is known of proxies."""


def _labels(manifest: Manifest, dimensions: Mapping[str, Dimension | MissingDimension]) -> str:
    rows = [
        f"| {name} | {one.definition if isinstance(one, Dimension) else f'{one.gap.value}: {one.explanation}'} |"
        for name, one in dimensions.items()
    ]
    head = f"## What is predicted\n\nLabel set {manifest.label_version}.\n\n| dimension | question at the as-of time |"
    return "\n".join([head, "|---|---|", *rows])


def _folds() -> str:
    return (
        "## Folds\n\nSplit by time, for each dimension on its own. A training row's label was known before the "
        "border of the calibration fold, a calibration row's before that of the test fold; what was not known by then "
        "is left out. The model that serves is the one that was tested: it is not fitted again on later rows. Timing "
        "also learns from rows that were asked before its border and not decided by then: that they were not is known."
    )


def _dimension(name: str, values: Mapping[str, Any]) -> str:
    if "auc" not in values:
        return f"## {name}\n\n{values['status']}: {values.get('needs') or values.get('reason')}"
    rows = [
        _row("**model**", values),
        *_light(values.get("light_model")),
        _row("logistic regression", values["baselines"]["logistic_regression"]),
        _row("base rate", values["baselines"]["base_rate"]),
        *(_row(f"model, {origin}", one) for origin, one in values["by_origin"].items()),
        _row("model, leads unseen in training", values["unseen"]),
    ]
    low, high = values["intervals"]["auc"]
    folds = values["folds"]
    lines = [
        f"## {name}",
        "",
        f"{_judge(values)}{values['definition']}. Test fold: {values['n']:,} rows of {values['leads']:,} leads, base "
        f"rate {values['base_rate']:.1%}. AUC {values['auc']:.3f}, 95 % interval {low:.3f} to {high:.3f} by resampling "
        f"leads. A calibrated forecaster would have an ECE up to {values['ece_band'][1]:.3f} on these rows; this one "
        f"has {values['ece']:.3f}.",
        "",
        f"Trained on {folds['train']:,} rows; calibrated on {folds['calibration']:,}, asked from "
        f"{folds['calibration_from']} on; tested on {folds['test']:,}, asked from {folds['test_from']} on.",
        "",
        f"| | rows | {' | '.join(title for _, title in _COLUMNS)} |",
        f"|---|---|{'---|' * len(_COLUMNS)}",
        *rows,
        "",
        *_members(values),
        *_coverage(values),
        *_importance(values),
        f"![reliability](plots/{name}_reliability.png) ![gain](plots/{name}_lift.png) ![ROC](plots/{name}_roc.png)",
    ]
    return "\n".join(lines)


def _light(values: Mapping[str, Any] | None) -> list[str]:
    """The light model, which answers when the model cannot."""
    return [] if values is None or "auc" not in values else [_row("light model", values)]


def _members(values: Mapping[str, Any]) -> list[str]:
    """What each kind of member brings to the stack, on later leads of the train fold."""
    lines = ["| member | log loss alone | weight | gain over the stack without it | |", "|---|---|---|---|---|"]
    for one in values.get("members", ()):
        gain = f"{one['gain']:+.4f} ({one['gain_low']:+.4f} to {one['gain_high']:+.4f})"
        kept = "kept" if one["kept"] else "dropped"
        lines.append(f"| {one['name']} | {one['log_loss_alone']:.4f} | {one['weight']:.2f} | {gain} | {kept} |")
    return [*lines, ""] if values.get("members") else []


def _coverage(values: Mapping[str, Any]) -> list[str]:
    """How far the interval and the bands could be trusted on the newest fold."""
    coverage = values.get("coverage", {})
    lines = []
    found = coverage.get("interval")
    if found:
        low, high = found["variance_band"]
        lines.append(
            f"The {found['level']:.0%} interval, judged in {len(found['cells'])} cells of at least 200 leads: observed "
            f"rates lie in it, chance allowed for, in {found['coverage']:.0%}; their standardised residuals have "
            f"variance {found['residual_variance']:.2f} (chance alone: {low:.2f} to {high:.2f}); mean width "
            f"{found['mean_width']:.3f}; Winkler score {found['winkler']:.3f}, the base rate's interval "
            f"{found['base_rate_winkler']:.3f}."
        )
    for name in ("days", "amount"):
        if name in coverage:
            band = coverage[name]
            lines.append(
                f"The {band['level']:.0%} band of the {name} held {band['share']:.1%} of {band['leads']:,} leads "
                f"(binomial band {band['low']:.1%} to {band['high']:.1%})."
            )
    return [" ".join(lines), ""] if lines else []


def _importance(values: Mapping[str, Any]) -> list[str]:
    """What moves the scores most, over all leads."""
    features = values.get("importance", ())
    told = "; ".join(f"{one['label']} {one['log_odds']:.2f}" for one in features)
    return [f"Mean size of the share in the log-odds: {told}.", ""] if features else []


def _judge(values: Mapping[str, Any]) -> str:
    """On whose newest fold the figures are, unless on the tenant's own."""
    if values.get("judged_on") != JUDGED_ON_POOL:
        return ""
    return "Borrowed from a pool of tenants, whose newest fold these figures are of: the tenant's own is too small. "


def _row(title: str, values: Mapping[str, Any]) -> str:
    shown = [f"{values[key]:.3f}" if values.get(key) is not None else "" for key, _ in _COLUMNS]
    return f"| {title} | {values['n']:,} | {' | '.join(shown)} |"


def _limits(metrics: Mapping[str, Any]) -> str:
    lines = [
        "## Limits",
        "",
        "- Probabilities are of the past: when the market, the agents or the rules change, so does what they mean.",
        "- A score says what usually happens to leads like this one, not what a call would change.",
        "- The interval is that of the calibrated rate of leads scored like this one, not of the single lead, and it "
        "knows nothing of a market that has changed since the calibration fold.",
    ]
    rate = metrics["dimensions"].get("conversion", {}).get("base_rate")
    if rate is not None:
        lines.append(
            f"- Accuracy is not shown, because it misleads: with {rate:.0%} positives, calling every lead lost is "
            f"{1 - rate:.0%} accurate and helps nobody."
        )
    return "\n".join(lines)
