"""From events to scores: features, every dimension, and the order of calling. Arrays in, arrays out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lintel.events.columns import EventColumns, Queries
from lintel.events.timezones import UtcOffsets
from lintel.features.catalogue import Catalogue
from lintel.features.kernel import compute
from lintel.market.context import NO_CONTEXT, ContextColumns
from lintel.scoring import opt_out
from lintel.scoring.contact import ContactProfile
from lintel.scoring.dimension import Dimension, DimensionScores, MissingDimension
from lintel.scoring.evidence import Rung
from lintel.scoring.explanation import Reason, reasons
from lintel.scoring.feature_profile import FeatureProfile
from lintel.scoring.history import latest_amount
from lintel.scoring.inputs import Inputs
from lintel.scoring.member import SEQUENCE
from lintel.scoring.network import encoded
from lintel.scoring.network_encoder import Encoder
from lintel.scoring.opt_out import opted_out, ruled_scores, ruled_shares
from lintel.scoring.priority import URGENT_DAYS, Priority, priority
from lintel.scoring.sequences import sequences


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of q queries."""

    inputs: Inputs
    dimensions: Mapping[str, DimensionScores]
    priority: Priority


@dataclass(frozen=True)
class Scorer:
    """Everything that turns the events of a lead into its scores."""

    catalogue: Catalogue
    dimensions: Mapping[str, Dimension | MissingDimension]
    profile: FeatureProfile
    typical_amount: float | None
    contact: ContactProfile | None = None

    @cached_property
    def encoders(self) -> tuple[Encoder, ...]:
        """What encodes the events for the network's heads, each once: one, unless some dimensions are borrowed."""
        used = [one.ensemble.encoder for one in self.ready.values() if "network" in one.ensemble.kinds]
        return tuple({id(one): one for one in used if one is not None}.values())

    @cached_property
    def ready(self) -> Mapping[str, Dimension]:
        """The dimensions that have a model."""
        return {name: one for name, one in self.dimensions.items() if isinstance(one, Dimension)}

    @cached_property
    def borrowed(self) -> tuple[str, ...]:
        """The dimensions whose models were learnt from a pool of tenants."""
        return tuple(name for name, one in self.ready.items() if one.evidence_rung is not Rung.TENANT)

    def score(
        self, columns: EventColumns, queries: Queries, zone: UtcOffsets, context: ContextColumns = NO_CONTEXT
    ) -> Scores:
        """Scores as of each query; a query's row does not depend on the others."""
        features = compute(columns, queries, zone=zone, catalogue=self.catalogue, context=context)
        inputs = self._encoded(Inputs(features, self.catalogue.names), columns, queries)
        scored = {name: one.scores(inputs) for name, one in self.ready.items()}
        if opt_out.DIMENSION in scored:
            scored[opt_out.DIMENSION] = ruled_scores(scored[opt_out.DIMENSION], opted_out(inputs))
        won, timing = scored.get("conversion"), scored.get("timing")
        soon = timing.curve.within(URGENT_DAYS) if timing and timing.curve else None
        amount = latest_amount(columns, queries)
        order = priority(won.probability if won else None, amount, self.typical_amount, soon)
        return Scores(inputs, scored, order)

    def _encoded(self, inputs: Inputs, columns: EventColumns, queries: Queries) -> Inputs:
        """The inputs with their events, and with the encoding of these if all dimensions read the same one; else each
        ensemble makes its own."""
        if not self.encoders:
            return inputs
        inputs = replace(inputs, sequences=sequences(columns, queries))
        return encoded(self.encoders[0], inputs) if len(self.encoders) == 1 else inputs

    def explain(self, inputs: Inputs) -> list[list[Reason]]:
        """Reasons of all dimensions for each query."""
        found: list[list[Reason]] = [[] for _ in range(len(inputs))]
        for name, dimension in self.ready.items():
            shares = dimension.contributions(inputs)
            if name == opt_out.DIMENSION:
                shares = ruled_shares(shares, inputs, opted_out(inputs))
            for row, own in enumerate(found):
                told = shares[row, :SEQUENCE], inputs.features[row], self.profile.median, self.catalogue.features
                own.extend(reasons(name, *told, sequence=float(shares[row, SEQUENCE])))
        return found
