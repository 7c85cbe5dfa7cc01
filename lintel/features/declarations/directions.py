"""Directions that hold for leads in general: whoever answers and acts is keener than the same lead that keeps silent.

They are declared where they are known from what the number means, not where some data show them: a model may not go
against them, however few leads it has learnt from.
"""

from collections.abc import Mapping

ANSWERING: Mapping[str, int] = {"intent": 1, "engagement": 1}
"""Of what the lead sends or says to us."""
SILENT: Mapping[str, int] = {"intent": -1, "engagement": -1, "churn": 1}
"""Of how long or how often the lead has left us without a sign."""
SLOW: Mapping[str, int] = {"intent": -1, "engagement": -1}
"""Of how long the lead takes to answer."""
MEETING: Mapping[str, int] = {"intent": 1, "conversion": 1}
"""Of appointments agreed and kept."""
OPTING_OUT: Mapping[str, int] = {"intent": -1, "engagement": -1, "churn": 1}
"""Of the wish to hear no more."""
