"""How large the network is, and how it learns. Without PyTorch, so that those who only name it need not load it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Sizes, and how much is left out at random while learning."""

    width: int = 32  # numbers that tell of an event
    encoding: int = 32  # numbers that tell of a sequence
    layers: int = 3
    pieces: int = 8
    encoding_dropout: float = 0.2
    kind_dropout: float = 0.05  # of events told as of a kind never learnt, so that such are understood


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Hyperparameters, chosen inside the training folds."""

    shape: NetworkShape = field(default_factory=NetworkShape)
    learning_rate: float = 1e-3
    curve_learning_rate: float = 3e-4  # lower, or the features are learnt by heart before the events are read
    weight_decay: float = 0.01
    gradient_norm: float = 1.0  # at most
    batch_rows: int = 512
    rows_per_epoch: int = 40_000  # drawn anew each epoch, if there are more
    max_epochs: int = 16
    patience: int = 2
    memory: float = 0.995  # of the moving average, a step
    least_events: int = 20  # of a kind that gets a vector of its own
