"""The best hour and channel to reach a lead: its own rhythm, shrunk to that of its tenant's leads.

The chance of an answer to a touch by a channel at an hour of the local day is, in log-odds, the tenant's own rate for
that channel and hour plus what the lead's history says: how it answered earlier touches, which hours it writes and
calls at, and by which channel. Each of these is a posterior mean, so that a lead without history gets its tenant's
rate; the prior strengths are those that make the training histories most likely (empirical Bayes; Efron 2010,
"Large-Scale Inference", chapter 1), and a logistic regression on touches, with what was known before each, says how
much every one of them counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from lintel.events.columns import EventColumns, Queries
from lintel.events.timezones import UtcOffsets
from lintel.scoring.contact_history import CHANNELS, HOURS, OwnHistory, find_touches, own_history

Float64 = NDArray[np.float64]

WHY_UNDEFINED = "its events hold too few touches (calls, e-mails, text messages) with and without an answer"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local hours in which nobody is to be contacted, from `from_hour` up to `to_hour`; none if they are equal."""

    from_hour: int
    to_hour: int

    @property
    def open(self) -> NDArray[np.bool_]:
        """(24,) the hours that are not quiet."""
        hour = np.arange(HOURS)
        if self.from_hour <= self.to_hour:
            return (hour < self.from_hour) | (hour >= self.to_hour)
        return (hour >= self.to_hour) & (hour < self.from_hour)


NIGHT = QuietHours(21, 8)
"""Where no tenant says otherwise."""


@dataclass(frozen=True, slots=True)
class Strengths:
    """How many events of its own make a lead's rate count as much as the tenant's."""

    response: float
    channel: float
    rhythm: float
    preference: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What the history of q leads says, as log-odds away from what is expected of anybody."""

    response: Float64  # (q,) answers to touches
    channel: Float64  # (q, channels) answers to touches by the channel, beyond `response`
    rhythm: Float64  # (q, 24) messages and calls at the hour
    preference: Float64  # (q, channels) messages and calls by the channel


@dataclass(frozen=True, slots=True)
class ContactProfile:
    """When and how a tenant's leads answer. `rate` is P(answer within the horizon | touch)."""

    horizon: int  # µs
    replies: tuple[str, ...]
    rate: Float64  # (channels, 24)
    share: Float64  # (channels, 24) of all touches, which sum to 1
    rhythm: Float64  # (24,) share of messages and calls from leads
    preference: Float64  # (channels,)
    strengths: Strengths
    weights: tuple[float, ...]  # of 1, response, channel, rhythm, preference

    def signals(self, own: OwnHistory) -> Signals:
        """Posterior means in log-odds, less what the tenant's leads have in common."""
        touches = own.touched.sum(axis=2)
        expected = (own.touched * self.rate).sum(axis=2)
        usual = _ratio(expected.sum(axis=1), touches.sum(axis=1), float((self.rate * self.share).sum()))
        response = _pulled(own.answered.sum(axis=1), touches.sum(axis=1), usual, self.strengths.response) - logit(usual)
        mean_rate = (self.rate * self.share).sum(axis=1) / np.maximum(self.share.sum(axis=1), 1e-12)
        by_channel = _ratio(expected, touches, np.clip(mean_rate, 1e-6, None))
        own_rate = expit(logit(by_channel) + response[:, None])
        channel = _pulled(own.answered, touches, own_rate, self.strengths.channel) - logit(own_rate)
        return Signals(
            response,
            channel,
            _lift(smoothed(own.active), self.rhythm, self.strengths.rhythm),
            _lift(own.preferred, self.preference, self.strengths.preference),
        )

    def log_odds(self, own: OwnHistory) -> Float64:
        """Of an answer to a touch by each channel at each hour, (q, channels, 24)."""
        found, (constant, *weights) = self.signals(own), self.weights
        response, channel, rhythm, preference = weights
        lead = constant + response * found.response
        by_channel = lead[:, None] + channel * found.channel + preference * found.preference
        return logit(self.rate) + by_channel[:, :, None] + rhythm * found.rhythm[:, None, :]

    def to_json(self) -> dict[str, Any]:
        strengths = {name: getattr(self.strengths, name) for name in Strengths.__slots__}
        arrays = {name: getattr(self, name).tolist() for name in ("rate", "share", "rhythm", "preference")}
        plain = {"horizon": self.horizon, "replies": list(self.replies), "weights": list(self.weights)}
        return {**plain, **arrays, "strengths": strengths}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ContactProfile":
        """Read what `to_json` wrote; every float comes back exactly."""
        return cls(
            horizon=int(content["horizon"]),
            replies=tuple(content["replies"]),
            rate=np.array(content["rate"], np.float64),
            share=np.array(content["share"], np.float64),
            rhythm=np.array(content["rhythm"], np.float64),
            preference=np.array(content["preference"], np.float64),
            strengths=Strengths(**content["strengths"]),
            weights=tuple(content["weights"]),
        )


@dataclass(frozen=True, slots=True)
class BestContact:
    """The best channel and hour for each of q leads; where none is allowed, -1, -1 and NaN."""

    channel: NDArray[np.int8]  # (q,) position in CHANNELS
    hour: NDArray[np.int8]  # (q,) local, 0..23
    probability: Float64  # (q,) of an answer within the horizon to a touch there and then

    def to_json(self, row: int) -> dict[str, Any] | None:
        """As the answer shows it; None where no channel is allowed."""
        if self.channel[row] < 0:
            return None
        return {
            "channel": CHANNELS[self.channel[row]],
            "hour_local": int(self.hour[row]),
            "probability": round(float(self.probability[row]), 4),
        }


def best_contact(
    profile: ContactProfile,
    columns: EventColumns,
    queries: Queries,
    zone: UtcOffsets,
    quiet: QuietHours,
    *,
    engagement: Float64 | None = None,
) -> BestContact:
    """The channel and hour with the best chance of an answer, outside quiet hours and by no channel opted out of.

    Parameters
    ----------
    zone: of the leads; hours are those of its clock.
    engagement: (q,) P(answer to a touch now) of a model that knows more of the lead. It is taken as the mean over the
        tenant's mix of touches, from which channel and hour then lead away. NaN where there is none.

    A query's row does not depend on the others. Only channels that the tenant uses are suggested, and hours next to
    those that it has tried: of the others nothing is known.
    """
    touches = find_touches(columns, profile.replies, profile.horizon, zone)
    own = own_history(columns, touches, queries, zone)
    log_odds = profile.log_odds(own)
    if engagement is not None:
        log_odds += _towards(engagement, log_odds, profile.share)
    allowed = (~own.refused & (profile.share.sum(axis=1) > 0))[:, :, None]
    tried = quiet.open & (smoothed(profile.share.sum(axis=0)) > 0)
    chance = np.where(allowed & tried, log_odds, -np.inf).reshape(len(queries), -1)
    best = chance.argmax(axis=1) if len(queries) else np.zeros(0, np.intp)
    found = chance[np.arange(len(best)), best]
    none = np.isneginf(found)
    channel, hour = np.divmod(np.where(none, -HOURS - 1, best), HOURS)
    return BestContact(
        np.where(none, -1, channel).astype(np.int8),
        np.where(none, -1, hour).astype(np.int8),
        np.where(none, np.nan, expit(found)),
    )


def smoothed(hours: Float64) -> Float64:
    """Counts by hour, (..., 24), of which each gives a quarter to either neighbour on the clock."""
    return hours / 2.0 + (np.roll(hours, 1, axis=-1) + np.roll(hours, -1, axis=-1)) / 4.0


def _towards(engagement: Float64, log_odds: Float64, share: Float64) -> Float64:
    """(q, 1, 1) what moves each lead's log-odds so that their mean over the mix of touches is that of `engagement`."""
    known = ~np.isnan(engagement)
    wanted = logit(np.clip(np.where(known, engagement, 0.5), 1e-6, 1.0 - 1e-6))
    shift = np.where(known, wanted - (log_odds * share).sum(axis=(1, 2)), 0.0)
    return shift[:, None, None]


def _ratio(part: Float64, whole: Float64, otherwise: Float64 | float) -> Float64:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), otherwise)


def _pulled(yes: Float64, count: Float64, mean: Float64, strength: float) -> Float64:
    """Log-odds of the posterior mean of a rate."""
    return logit((yes + strength * mean) / (count + strength))


def _lift(counts: Float64, mean: Float64, strength: float) -> Float64:
    """Logarithm of the posterior mean of the shares of `counts`, (q, k), over the `mean`, (k,)."""
    total = counts.sum(axis=1, keepdims=True)
    return np.log((counts + strength * mean) / (total + strength) / mean)
