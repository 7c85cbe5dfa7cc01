"""Whether matured outcomes say that a candidate is worse: one sequential test a dimension, with one error for all."""

from collections.abc import Mapping

from lintel.rollouts.decision import Finding, Standing
from lintel.rollouts.e_process import mean_bounds, peak_not_worse, peak_worse, squared_differences
from lintel.rollouts.evidence import Float64, Matured

MARGIN = 0.01
"""Of squared error: a candidate that is shown to lose less than this is said to be no worse."""


def quality(
    matured: Mapping[str, Matured], dimensions: int, *, false_alarm: float, margin: float = MARGIN
) -> tuple[Finding, ...]:
    """One finding a dimension; an equal candidate is BAD in any, at any time ever, with chance `false_alarm` at most.

    Bonferroni over `dimensions`, how many are scored, on the greatest capital of each. The mean of the capitals would
    reach its bound no later; but it is a fair game only if what one dimension tells of a lead says nothing of its loss
    in another, and a visit that matures after weeks foretells the sale that matures after months.
    """
    if not any(len(one.outcome) for one in matured.values()):
        return (Finding("quality", Standing.OPEN, None, None, "No outcome of a lead that it answered is known yet."),)
    bound = max(dimensions, len(matured)) / false_alarm
    return tuple(
        _of_dimension(name, _differences(one), bound, false_alarm, margin)
        for name, one in sorted(matured.items())
        if len(one.outcome)
    )


def _differences(matured: Matured) -> Float64:
    return squared_differences(matured.candidate, matured.champion, matured.outcome)


def _of_dimension(name: str, differences: Float64, bound: float, false_alarm: float, margin: float) -> Finding:
    figure = peak_worse(differences)
    low, high = mean_bounds(differences, false_alarm)
    plain = (
        f"Over {len(differences)} matured outcomes of {name} the candidate's squared error differs from the champion's "
        f"by {differences.mean():+.4f} ({low:+.4f} to {high:+.4f})"
    )
    if figure >= bound:
        standing, verdict = Standing.BAD, f"that is worse, with a chance of {false_alarm:g} at most to say so falsely"
    elif peak_not_worse(differences, margin) >= 1.0 / false_alarm:
        standing, verdict = Standing.GOOD, f"it is not worse by {margin:g}"
    else:
        standing, verdict = Standing.OPEN, "neither worse nor its equal beyond doubt"
    return Finding(f"quality:{name}", standing, figure, bound, f"{plain}: {verdict}.")
