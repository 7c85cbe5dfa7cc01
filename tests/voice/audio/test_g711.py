import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.voice.audio.g711 import decode_a_law, decode_mu_law, encode_a_law, encode_mu_law

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


def mu_law_intervals() -> list[tuple[int, int, int]]:
    """(lowest magnitude, output, code of a positive sample) on 14 bits, ascending: G.711's table 2a written out."""
    rows, lowest = [], 0
    for segment in range(8):
        for interval in range(16):
            step = 2 << segment
            width = 1 if segment == interval == 0 else step
            output = 0 if segment == interval == 0 else lowest + step // 2
            rows.append((lowest, output, 0xFF - (16 * segment + interval)))
            lowest += width
    return rows


def a_law_intervals() -> list[tuple[int, int, int]]:
    """The same of table 1a, on 13 bits (12 of magnitude and one half)."""
    rows, lowest = [], 0
    for segment in range(8):
        for interval in range(16):
            step = 1 << max(segment - 1, 0)
            rows.append((lowest, 2 * lowest + step, (0x80 + 16 * segment + interval) ^ 0x55))
            lowest += step
    return rows


def magnitude(sample: int) -> int:
    return -sample - 1 if sample < 0 else sample


def code_of(size: int, rows: list[tuple[int, int, int]]) -> int:
    return [code for lowest, _, code in rows if lowest <= size][-1]


def test_mu_law_decodes_as_the_table_says() -> None:
    decoded = decode_mu_law(EVERY_CODE)
    for _, output, code in mu_law_intervals():
        assert (decoded[code], decoded[code ^ 0x80]) == (output * 4, -output * 4)


def test_a_law_decodes_as_the_table_says() -> None:
    decoded = decode_a_law(EVERY_CODE)
    for _, twice_output, code in a_law_intervals():
        assert (decoded[code], decoded[code ^ 0x80]) == (twice_output * 8, -twice_output * 8)


def test_mu_law_codes_as_the_table_says() -> None:
    rows, codes = mu_law_intervals(), encode_mu_law(EVERY_SAMPLE)
    for sample in range(-32768, 32768, 7):
        positive = code_of(min(magnitude(sample) >> 2, 8158), rows)
        assert codes[sample + 32768] == (positive ^ 0x80 if sample < 0 else positive)


def test_a_law_codes_as_the_table_says() -> None:
    rows, codes = a_law_intervals(), encode_a_law(EVERY_SAMPLE)
    for sample in range(-32768, 32768, 7):
        positive = code_of(magnitude(sample) >> 4, rows)
        assert codes[sample + 32768] == (positive ^ 0x80 if sample < 0 else positive)


@pytest.mark.parametrize(("decode", "encode"), [(decode_mu_law, encode_mu_law), (decode_a_law, encode_a_law)])
def test_what_was_decoded_codes_to_the_same_sound(decode, encode) -> None:
    assert np.array_equal(decode(encode(decode(EVERY_CODE))), decode(EVERY_CODE))


@pytest.mark.parametrize(("decode", "encode"), [(decode_mu_law, encode_mu_law), (decode_a_law, encode_a_law)])
def test_the_error_is_a_small_part_of_a_loud_sample(decode, encode) -> None:
    loud: NDArray[np.int64] = EVERY_SAMPLE[np.abs(EVERY_SAMPLE.astype(int)) > 1_000].astype(int)
    back = decode(encode(loud.astype(np.int16))).astype(int)
    within = np.abs(loud) < 32_000
    assert np.abs(back - loud)[within].max() <= 0.035 * 32_000
    assert (np.abs(back - loud) / np.abs(loud))[within].max() < 0.035


def test_nothing_codes_to_nothing() -> None:
    assert encode_mu_law(np.zeros(0, np.int16)) == b""
    assert decode_a_law(b"").shape == (0,)
