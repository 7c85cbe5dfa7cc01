"""A seeded simulator of a brokerage whose true probabilities are known exactly."""

from lintel.sources.simulator.presets import preset as preset
from lintel.sources.simulator.source import Simulator as Simulator
from lintel.sources.simulator.truth import truth as truth
