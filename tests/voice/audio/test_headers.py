import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.audio.headers import mp3_says_its_length, wav_lacks_s

RATE = 8_000


def wav(samples: int, *, announced: int | None = None, before: bytes = b"") -> io.BytesIO:
    """16-bit mono by hand; `announced` bytes instead of the true ones, with a chunk of metadata before the data."""
    layout = np.array([1 | 1 << 16, RATE, 2 * RATE, 2 | 16 << 16], "<u4").tobytes()
    length = 2 * samples if announced is None else announced
    extra = b"LIST" + len(before).to_bytes(4, "little") + before + b"\0" * (len(before) % 2) if before else b""
    body = b"WAVEfmt " + (16).to_bytes(4, "little") + layout + extra + b"data" + length.to_bytes(4, "little")
    return io.BytesIO(b"RIFF" + (len(body) + 2 * samples).to_bytes(4, "little") + body + bytes(2 * samples))


@given(present=st.integers(0, 4_000), announced=st.integers(0, 4_000), before=st.binary(max_size=9))
def test_seconds_that_are_announced_and_absent(present: int, announced: int, before: bytes) -> None:
    file = wav(present, announced=2 * announced, before=before)
    assert wav_lacks_s(file) == pytest.approx(max(0, announced - present) / RATE)
    assert file.tell() == 0


@pytest.mark.parametrize("announced", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_recorder_that_did_not_know_announces_nothing(announced: int) -> None:
    assert wav_lacks_s(wav(100, announced=announced)) == 0


@given(head=st.binary(max_size=80))
def test_anything_else_lacks_nothing(head: bytes) -> None:
    assert wav_lacks_s(io.BytesIO(head)) == 0
    assert wav_lacks_s(io.BytesIO(b"RIFF\0\0\0\0WAVE" + head)) >= 0


def test_a_file_of_empty_chunks_is_soon_done() -> None:
    assert wav_lacks_s(io.BytesIO(b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 2_000 + b"data\x90\0\0\0")) == 0


@pytest.mark.parametrize("tag", [b"Xing", b"Info"])
@pytest.mark.parametrize("id3", [b"", b"ID3\4\0\0\0\0\2\1" + bytes(257)], ids=["bare", "tagged"])
def test_finds_the_count_of_frames_behind_other_tags(tag: bytes, id3: bytes) -> None:
    frame = b"\xff\xfb\x90\xc4" + bytes(17)
    assert mp3_says_its_length(io.BytesIO(id3 + frame + tag + bytes(50)))
    assert not mp3_says_its_length(io.BytesIO(id3 + frame + bytes(50)))
