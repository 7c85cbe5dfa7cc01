import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintel.errors import InputError, NotFoundError

pytest.importorskip("av", reason="the voice extra is not installed")
pytest.importorskip("soxr", reason="the voice extra is not installed")

from lintel.voice.audio.files import Recording, read
from lintel.voice.audio.samples import SAMPLE_RATE
from tests.voice.audio.encoding import encoded, float_wav, tone, wav
from tests.voice.published import published

FORMATS = [
    ("libmp3lame", "mp3"),
    ("aac", "ipod"),
    ("aac", "adts"),
    ("libopus", "ogg"),
    ("libopus", "webm"),
    ("flac", "flac"),
    ("alac", "mp4"),
    ("pcm_s24le", "wav"),
    ("pcm_mulaw", "wav"),
    ("pcm_s16be", "aiff"),
]


def recording(data: bytes, longest_seconds: float = 60.0) -> Recording:
    return read(io.BytesIO(data), longest_seconds=longest_seconds)


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        recording(data)
    assert caught.value.mend
    return caught.value.message


@pytest.mark.parametrize(("codec", "container"), FORMATS)
def test_reads_what_recorders_write(codec: str, container: str) -> None:
    got = recording(encoded(tone(2.0, 48_000), 48_000, codec=codec, container=container))
    (channel,) = got.channels
    assert (got.rate, got.warnings) == (48_000, ())
    assert channel.dtype == np.float32
    assert len(channel) == pytest.approx(2 * SAMPLE_RATE, abs=0.05 * SAMPLE_RATE)
    inner = channel[4_000:28_000]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
    assert np.argmax(spectrum) * SAMPLE_RATE / len(inner) == pytest.approx(300, abs=1)
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.1)  # LAME turns down by a twentieth


def test_the_name_says_nothing_and_the_content_all(tmp_path: Path) -> None:
    path = tmp_path / "call.mp3"
    path.write_bytes(wav([tone(1.0, 16_000)], 16_000))
    assert read(path, longest_seconds=5).codec == "pcm_s16le"


def test_24_bits_are_finer_than_16() -> None:
    quiet = tone(1.0, 16_000, peak=0.3)
    file = encoded(quiet, 16_000, codec="pcm_s24le", container="wav")
    assert np.abs(recording(file).channels[0] - quiet).max() < 1 / 30_000


def test_channels_stay_apart_and_in_order() -> None:
    left, right = tone(1.0, 16_000, hertz=200), tone(1.0, 16_000, hertz=700)
    got = recording(wav([left, right], 16_000))
    assert len(got.channels) == 2
    assert np.abs(got.channels[0] - left).max() < 1e-4
    assert np.abs(got.channels[1] - right).max() < 1e-4


def test_mono_saved_as_stereo_is_one_channel() -> None:
    got = recording(wav([tone(1.0, 16_000)] * 2, 16_000))
    assert len(got.channels) == 1
    assert got.warnings == ("Both channels hold the same; it is taken as one channel.",)


def test_a_leg_that_leaks_into_the_other_stays_a_channel() -> None:
    one, other = tone(1.0, 16_000, hertz=200), tone(1.0, 16_000, hertz=700, peak=0.05)
    assert len(recording(wav([one, one * 0.5 + other], 16_000)).channels) == 2


def test_says_of_a_silent_leg_that_it_is_silent() -> None:
    got = recording(wav([tone(1.0, 8_000), np.zeros(8_000, np.float32)], 8_000))
    assert got.warnings == ("Channel 2 is silent.",)


def test_keeps_six_channels_and_says_so() -> None:
    got = recording(wav([tone(0.5, 16_000, hertz=100.0 * (number + 1)) for number in range(6)], 16_000))
    assert len(got.channels) == 6
    assert "6 channels" in got.warnings[0]


def test_refuses_a_rack_of_channels() -> None:
    assert "20 channels" in refused(wav([tone(0.2, 16_000)] * 20, 16_000))


def test_refuses_no_channels() -> None:
    file = bytearray(wav([tone(0.2, 16_000)], 16_000))
    file[22:24] = bytes(2)
    assert "0 channels" in refused(bytes(file))


def test_warns_of_4_khz() -> None:
    got = recording(wav([tone(1.0, 4_000)], 4_000))
    assert len(got.channels[0]) == SAMPLE_RATE
    assert "4000 Hz" in got.warnings[0]


def test_refuses_a_rate_that_no_recording_has() -> None:
    assert "sample rate of 100 Hz" in refused(wav([tone(1.0, 16_000)], 100))


def test_warns_of_clipping() -> None:
    loud = np.clip(3 * tone(1.0, 16_000), -1, 1).astype(np.float32)
    assert "clipped" in recording(wav([loud], 16_000)).warnings[0]
    assert recording(wav([tone(1.0, 16_000, peak=0.95)], 16_000)).warnings == ()


def test_what_is_no_number_becomes_silence() -> None:
    samples = tone(1.0, 16_000)
    samples[100:200], samples[300], samples[301] = np.nan, np.inf, -np.inf
    got = recording(float_wav(samples, 16_000))
    assert np.isfinite(got.channels[0]).all()
    assert not got.channels[0][100:200].any()
    assert got.warnings == ("102 samples are not numbers or infinite; they are taken as silence.",)


def test_floats_beyond_full_scale_are_cut() -> None:
    got = recording(float_wav(tone(1.0, 16_000, peak=20_000.0), 16_000))
    assert np.abs(got.channels[0]).max() == 1.0
    assert "clipped" in got.warnings[0]


def test_silence_is_audio() -> None:
    got = recording(wav([np.zeros(16_000, np.float32)], 16_000))
    assert got.warnings == ("Channel 1 is silent.",)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (bytes(5_000), "is not audio"),
        (b"agent: hello, how are you?\n" * 300, "is not audio"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "is not audio"),
        (b"ffconcat version 1.0\nfile 'other.wav'\n", "is not audio"),
        (wav([tone(1.0, 16_000)], 16_000)[:30], "is not audio"),
        (wav([np.zeros(0, np.float32)], 16_000), "no audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "is not audio"),
    ],
    ids=["empty", "zeros", "text", "playlist", "script", "half a header", "no samples", "picture"],
)
def test_refuses_what_is_no_recording(data: bytes, said: str) -> None:
    assert said in refused(data)


@pytest.mark.parametrize(("codec", "container"), [pair for pair in FORMATS if pair[1] not in ("ogg", "adts", "aiff")])
def test_refuses_what_is_cut_off(codec: str, container: str) -> None:
    whole = encoded(tone(3.0, 16_000), 16_000, codec=codec, container=container)
    said = refused(whole[: len(whole) // 2])
    assert "is cut off" in said or "beginning is lost" in said


def test_a_recorder_that_wrote_as_it_went_did_not_know_the_length() -> None:
    file = wav([tone(1.0, 16_000)], 16_000)
    streamed = file[:40] + b"\xff\xff\xff\xff" + file[44:]
    assert len(recording(streamed).channels[0]) == SAMPLE_RATE


def test_damage_in_the_middle_moves_nothing_after_it() -> None:
    noise = 0.05 * np.random.default_rng(0).standard_normal(3 * 16_000).astype(np.float32)
    whole = encoded(tone(3.0, 16_000) + noise, 16_000, codec="flac", container="flac")
    broken = bytearray(whole)
    broken[len(whole) // 2 : len(whole) // 2 + 30] = bytes(30)
    got = recording(bytes(broken))
    assert len(got.channels[0]) == 3 * SAMPLE_RATE
    assert np.abs(got.channels[0][32_000:] - recording(whole).channels[0][32_000:]).max() < 1e-6
    assert any("lost" in warning for warning in got.warnings)


def test_refuses_what_is_too_long_before_reading_it_all() -> None:
    with pytest.raises(InputError, match=r"longer than 1\.5 s"):
        recording(wav([tone(2.0, 16_000)], 16_000), longest_seconds=1.5)
    assert recording(wav([tone(1.5, 16_000)], 16_000), longest_seconds=1.5).warnings == ()


def test_a_picture_track_is_left_alone() -> None:
    file = published("misc_speech/audio/jfk.flac")
    assert len(read(file, longest_seconds=20).channels[0]) == pytest.approx(11 * SAMPLE_RATE, abs=2)


def test_names_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"absent\.wav"):
        read(tmp_path / "absent.wav", longest_seconds=5)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path, longest_seconds=5)


def test_the_name_of_an_upload_is_not_told() -> None:
    upload = io.BytesIO(b"no audio")
    upload.name = "jane-doe.wav"
    with pytest.raises(InputError) as caught:
        read(upload, longest_seconds=5)
    assert "jane" not in str(caught.value)


@given(data=st.data(), kind=st.sampled_from(["wav", "flac", "mp3", "webm"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_files_are_read_or_refused_and_nothing_else(data: st.DataObject, kind: str) -> None:
    codec = {"wav": "pcm_s16le", "flac": "flac", "mp3": "libmp3lame", "webm": "libopus"}[kind]
    file = bytearray(encoded(tone(0.5, 48_000), 48_000, codec=codec, container=kind))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        got = recording(bytes(file[: data.draw(st.integers(0, len(file)))]))
    except InputError:
        return
    assert all(np.isfinite(channel).all() and np.abs(channel).max(initial=0) <= 1 for channel in got.channels)
    assert len({len(channel) for channel in got.channels}) == 1
