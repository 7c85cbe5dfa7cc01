"""How long a window is with its silence, and how much may be written of it."""

from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.transcription.short_window import MOST_TOKENS, TAIL_SECONDS, most_tokens, padded_seconds


@given(st.floats(0.1, 30), st.sampled_from([0.5, 2.0, 30.0]))
def test_a_window_has_its_tail_and_no_more_than_a_step_beyond(seconds: float, step: float) -> None:
    padded = padded_seconds(seconds, step=step)
    assert padded == 30 or (padded / step).is_integer()
    assert padded >= min(seconds + TAIL_SECONDS, 30)
    assert padded <= min(seconds + TAIL_SECONDS + step, 30)


@given(st.floats(0, 30), st.floats(0, 30))
def test_a_longer_window_may_have_no_fewer_tokens(one: float, other: float) -> None:
    assert (most_tokens(min(one, other)) <= most_tokens(max(one, other))) is True
    assert 0 < most_tokens(one) <= MOST_TOKENS


def test_a_hurried_speaker_is_not_cut_off() -> None:
    words_a_second, tokens_a_word = 4.5, 1.3
    assert all(most_tokens(seconds) >= seconds * words_a_second * tokens_a_word for seconds in range(1, 31))
