"""The encoder against its definition: one sequence, one event at a time, in double precision."""

import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintel.events.kinds import Actor, kind_codes
from lintel.scoring.inputs import Sequences
from lintel.scoring.network_encoder import ATTENTION_LIMIT, KERNEL, NUMBERS, Encoder

NAMES = list(kind_codes())
ACTORS = [actor.value for actor in Actor]
WIDTH, ENCODING, LAYERS = 8, 5, 3
quick = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

events = st.tuples(
    st.sampled_from((0, 1, 2, len(NAMES) - 1)),
    st.integers(0, len(ACTORS) - 1),
    st.one_of(st.just(0.0), st.floats(0, 1e4, width=32)),
    st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, width=32)),
)
lists_of_events = st.lists(st.lists(events, max_size=20), min_size=1, max_size=5)


def random_encoder(seed: int = 0) -> Encoder:
    """Knows two kinds out of order and all actors."""
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return random.normal(size=shape, scale=0.4).astype(np.float32)

    return Encoder(
        kinds=np.array([NAMES[2], NAMES[0]]),
        kind_vectors=draw(3, WIDTH),
        actors=np.array(ACTORS),
        actor_vectors=draw(len(ACTORS) + 1, WIDTH),
        number_weights=draw(len(NUMBERS), WIDTH),
        number_bias=draw(WIDTH),
        convolutions=draw(LAYERS, KERNEL * WIDTH, WIDTH),
        convolution_biases=draw(LAYERS, WIDTH),
        attention=draw(WIDTH),
        output=draw(3 * WIDTH, ENCODING),
        output_bias=draw(ENCODING),
        empty=draw(ENCODING),
    )


ENCODER = random_encoder()


def sequences_of(lists: list[list[tuple[int, int, float, float]]]) -> Sequences:
    """Sequences whose hours fall from event to event."""
    ordered = [[event for _, event in sorted(enumerate(one), key=lambda pair: -pair[1][2])] for one in lists]
    flat = [event for one in ordered for event in one]
    columns = list(zip(*flat, strict=True)) if flat else [[]] * 4
    types = (np.int16, np.int8, np.float32, np.float32)
    offset = np.cumsum([0, *(len(one) for one in lists)])
    return Sequences(offset, *(np.array(column, kind) for column, kind in zip(columns, types, strict=True)))


def naive(encoder: Encoder, sequences: Sequences, position: int) -> np.ndarray:
    own = range(sequences.offset[position], sequences.offset[position + 1])
    if not own:
        return encoder.empty
    hidden = [event_vector(encoder, sequences, event, event == own.start) for event in own]
    for layer in range(len(encoder.convolutions)):
        hidden = [convolved(encoder, hidden, place, layer) for place in range(len(hidden))]
    scores = [min(max(float(one @ encoder.attention), -ATTENTION_LIMIT), ATTENTION_LIMIT) for one in hidden]
    weights = [math.exp(score) for score in scores]
    attended = sum(weight * one for weight, one in zip(weights, hidden, strict=True)) / sum(weights)
    told = np.concatenate((attended, hidden[-1], sum(hidden) / len(hidden)))
    return np.maximum(told @ encoder.output + encoder.output_bias, 0.0)


def event_vector(encoder: Encoder, sequences: Sequences, event: int, first: bool) -> np.ndarray:
    hours, value = float(sequences.hours_before[event]), float(sequences.value[event])
    gap = 0.0 if first else float(sequences.hours_before[event - 1]) - hours
    known = not math.isnan(value)
    told = [
        math.log1p(gap),
        math.log1p(hours),
        math.copysign(math.log1p(abs(value)), value) if known else 0.0,
        float(known),
    ]
    learnt = encoder.kinds.tolist()
    name = NAMES[sequences.kind[event]]
    kind = encoder.kind_vectors[learnt.index(name) + 1 if name in learnt else 0].astype(np.float64)
    actor = encoder.actor_vectors[sequences.actor[event] + 1]
    return np.maximum(kind + actor + np.array(told) @ encoder.number_weights + encoder.number_bias, 0.0)


def convolved(encoder: Encoder, hidden: list[np.ndarray], place: int, layer: int) -> np.ndarray:
    taps = [place - back * 2**layer for back in range(KERNEL - 1, -1, -1)]
    seen = np.concatenate([hidden[tap] if tap >= 0 else np.zeros(WIDTH) for tap in taps])
    return hidden[place] + np.maximum(seen @ encoder.convolutions[layer] + encoder.convolution_biases[layer], 0.0)


@quick
@given(lists=lists_of_events)
def test_encodings_equal_the_naive_oracle(lists: list[list[tuple[int, int, float, float]]]) -> None:
    sequences = sequences_of(lists)
    found = ENCODER.encode(sequences)
    assert found.dtype == np.float32
    for position in range(len(sequences)):
        np.testing.assert_allclose(found[position], naive(ENCODER, sequences, position), rtol=1e-3, atol=1e-3)


@quick
@given(lists=lists_of_events)
def test_a_sequence_has_the_same_bytes_alone(lists: list[list[tuple[int, int, float, float]]]) -> None:
    sequences = sequences_of(lists)
    together = ENCODER.encode(sequences)
    for position in range(len(sequences)):
        alone = ENCODER.encode(sequences.take(np.array([position])))
        assert alone.tobytes() == together[[position]].tobytes()
