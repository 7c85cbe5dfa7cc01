"""Learning from a log when and how its leads answer: the rates, the prior strengths, and what each signal counts."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, gammaln, logit

from lintel.events.columns import EventColumns, Queries
from lintel.events.timezones import UtcOffsets
from lintel.labels.definition import Question
from lintel.scoring.contact import ContactProfile, Strengths, smoothed
from lintel.scoring.contact_history import CHANNELS, HOURS, OwnHistory, Touches, find_touches, own_history

Float64 = NDArray[np.float64]

LEAST_TOUCHES = 100
"""Touches with, and without, an answer that rates can be learnt from."""
LEAST_OF_A_CHANNEL = 30
"""Touches by a channel before it is suggested."""
MOST_TOUCHES = 30_000
"""Touches that the weights of the signals are learnt from; more tell nothing new."""
STRENGTHS = np.geomspace(1.0, 10_000.0, 41)
"""Prior strengths tried. The last is as good as no difference between leads."""
_RIDGE = 10.0


def fit_contact(columns: EventColumns, question: Question, *, log_end: int, zone: UtcOffsets) -> ContactProfile | None:
    """The profile of a tenant's log as it was known at `log_end` (UTC µs).

    Parameters
    ----------
    question: the dimension engagement of the tenant's labels, which says what answers a touch, and in what time.
    zone: of the leads.

    None if the log has too few touches with and without an answer (`WHY_UNDEFINED`).
    """
    touches = find_touches(columns, question.any_of, question.horizon, zone)
    known = (touches.settled_at <= log_end) & (touches.known_at <= log_end)
    settled = touches.take(np.flatnonzero(known & np.isin(touches.channel, _used(touches.channel[known]))))
    answered = settled.answer_known_at <= log_end
    if min(int(answered.sum()), int((~answered).sum())) < LEAST_TOUCHES:
        return None
    whole = own_history(columns, settled, _every_lead(columns, log_end), zone)
    rate, share = _rates(settled, answered)
    plain = ContactProfile(
        horizon=question.horizon,
        replies=question.any_of,
        rate=rate,
        share=share,
        rhythm=_mean_share(smoothed(whole.active)),
        preference=_mean_share(whole.preferred),
        strengths=Strengths(1.0, 1.0, 1.0, 1.0),
        weights=(0.0, 0.0, 0.0, 0.0, 0.0),
    )
    learnt = _with_strengths(plain, whole)
    return _with_weights(learnt, columns, settled, answered, zone)


def strength(counts: Float64, mean: Float64) -> float:
    """The strength of a Dirichlet prior with means `mean`, (k,) or (n, k), that makes `counts`, (n, k), most likely.

    Minka 2000, "Estimating a Dirichlet distribution"; searched on a grid.
    """
    total = counts.sum(axis=1)
    counts, mean, total = counts[total > 1], np.broadcast_to(mean, counts.shape)[total > 1], total[total > 1]

    def likelihood(one: float) -> float:
        prior = np.maximum(one * mean, 1e-9)
        return float((gammaln(one) - gammaln(one + total)).sum() + (gammaln(prior + counts) - gammaln(prior)).sum())

    return float(STRENGTHS[int(np.argmax([likelihood(float(one)) for one in STRENGTHS]))])


def _used(channel: NDArray[np.int8]) -> NDArray[np.intp]:
    return np.flatnonzero(np.bincount(channel, minlength=len(CHANNELS)) >= LEAST_OF_A_CHANNEL)


def _every_lead(columns: EventColumns, log_end: int) -> Queries:
    leads = np.unique(columns.lead)
    return Queries(leads, np.full(len(leads), log_end))


def _rates(touches: Touches, answered: NDArray[np.bool_]) -> tuple[Float64, Float64]:
    """P(answer) by channel and hour, and each one's share of the touches, (channels, 24) both.

    A cell is shrunk to what its channel and a smooth curve over the clock say, and these to the rate of all touches.
    """
    cell = touches.channel.astype(np.intp) * HOURS + touches.hour
    count = np.bincount(cell, minlength=len(CHANNELS) * HOURS).astype(np.float64)
    yes = np.bincount(cell, answered, len(count)).astype(np.float64)
    overall = logit(yes.sum() / count.sum())
    design = _channel_and_clock()
    effects = _regression(design, np.full(len(count), overall), yes, count)
    rate = _shrunk(yes, count, expit(overall + design @ effects))
    shape = len(CHANNELS), HOURS
    return rate.reshape(shape), (count / count.sum()).reshape(shape)


def _channel_and_clock() -> Float64:
    """Of each cell (channel, hour): which channel it is, and two waves over the clock."""
    angle = 2.0 * np.pi * np.tile(np.arange(HOURS), len(CHANNELS)) / HOURS
    waves = [np.sin(angle), np.cos(angle), np.sin(2.0 * angle), np.cos(2.0 * angle)]
    return np.column_stack((np.repeat(np.eye(len(CHANNELS)), HOURS, axis=0), *waves))


def _shrunk(yes: Float64, count: Float64, mean: Float64) -> Float64:
    mean = np.broadcast_to(mean, count.shape)
    prior = strength(np.stack((yes, count - yes), axis=1), np.stack((mean, 1.0 - mean), axis=1))
    return (yes + prior * mean) / (count + prior)


def _mean_share(counts: Float64) -> Float64:
    """Share of each column in all counts; one more event in each keeps it above nothing."""
    total = counts.sum(axis=0) + 1.0
    return total / total.sum()


def _with_strengths(profile: ContactProfile, whole: OwnHistory) -> ContactProfile:
    touches, expected = whole.touched.sum(axis=2), (whole.touched * profile.rate).sum(axis=2)
    strengths = Strengths(
        response=_rate_strength(whole.answered.sum(axis=1), touches.sum(axis=1), expected.sum(axis=1)),
        channel=_rate_strength(whole.answered.ravel(), touches.ravel(), expected.ravel()),
        rhythm=strength(whole.active, profile.rhythm),
        preference=strength(whole.preferred, profile.preference),
    )
    return replace(profile, strengths=strengths)


def _rate_strength(yes: Float64, count: Float64, expected: Float64) -> float:
    mean = expected / np.maximum(count, 1.0)
    return strength(np.stack((yes, count - yes), axis=1), np.stack((mean, 1.0 - mean), axis=1))


def _with_weights(
    profile: ContactProfile, columns: EventColumns, touches: Touches, answered: NDArray[np.bool_], zone: UtcOffsets
) -> ContactProfile:
    """Ridge logistic regression on touches; no signal may count against what it says."""
    rows = np.unique(np.linspace(0, len(touches) - 1, min(len(touches), MOST_TOUCHES)).astype(np.intp))
    chosen = touches.take(rows)
    signals = profile.signals(own_history(columns, touches, chosen.queries, zone))
    every, channel, hour = np.arange(len(chosen)), chosen.channel, chosen.hour
    design = np.stack(
        (
            np.ones(len(chosen)),
            signals.response,
            signals.channel[every, channel],
            signals.rhythm[every, hour],
            signals.preference[every, channel],
        ),
        axis=1,
    )
    offset = logit(profile.rate[channel, hour])
    weights = _regression(design, offset, answered[rows].astype(np.float64), np.ones(len(rows)), signals=True)
    return replace(profile, weights=tuple(weights.tolist()))


def _regression(design: Float64, offset: Float64, yes: Float64, count: Float64, *, signals: bool = False) -> Float64:
    """Weights (k,) of the columns of `design`, (n, k), in the log-odds of `yes` out of `count`, beside the offset.

    With `signals` all but the first must not be negative.
    """

    def loss(weights: Float64) -> tuple[float, Float64]:
        log_odds = offset + design @ weights
        value = count @ np.logaddexp(0.0, log_odds) - yes @ log_odds + _RIDGE / 2.0 * weights @ weights
        return float(value), design.T @ (count * expit(log_odds) - yes) + _RIDGE * weights

    bounds = [(None, None), *[(0.0 if signals else None, None)] * (design.shape[1] - 1)]
    found: Float64 = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return found
