"""Recordings from files: every channel apart, at 16 kHz, with warnings about what will make words hard to hear."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lintel.errors import InputError, NotFoundError
from lintel.voice.audio.decoding import Decoding, Faults, decode
from lintel.voice.audio.resampling import Resampler
from lintel.voice.audio.samples import SAMPLE_RATE, Samples, minutes
from lintel.voice.audio.spool import Spool

_TELEPHONE_RATE = 8_000
_CALL_CHANNELS = 2
_SILENT = 1e-3
"""Peak below which a channel holds no speech: -60 dB of full scale."""
_CLIPPED = 0.001
_SAME_DB = -40.0
"""Channels whose difference is so much weaker than they are hold the same."""


@dataclass(frozen=True)
class Recording:
    """What a file holds. `rate` (Hz) and `codec` are the file's; `channels` are of equal length, at 16 kHz, in the
    file's order. `warnings` are sentences about this recording, without names of files."""

    channels: tuple[Samples, ...]
    rate: int
    codec: str
    warnings: tuple[str, ...]


def read(source: Path | BinaryIO, *, longest_seconds: float) -> Recording:
    """A whole file: WAV, FLAC, MP3, M4A/MP4, OGG, Opus, WebM, AIFF, AU, CAF, AMR, AAC, by content and not by name.

    Channels stay apart, since a call's legs are told apart best by their channels; two channels that hold the same
    (mono saved as stereo) become one, and more than two are kept with a warning. What cannot be a sample (NaN,
    infinity) becomes silence; so does audio lost in the middle where the format has time stamps, and times stay true.

    Raises NotFoundError for a path that does not exist; InputError for what is empty, cut off, no audio, without or
    with more than 8 channels, or longer than `longest_seconds`; StorageFullError where a long one does not fit into the
    folder for temporary files.
    """
    with _opened(source) as (file, name):
        decoding = decode(file, name)
        with Spool(decoding.channels) as spool:
            for piece in _resampled(decoding):
                spool.add(piece)
                if spool.length > longest_seconds * SAMPLE_RATE:
                    raise InputError(f"{name} is longer than {longest_seconds:g} s.", mend="Cut it into shorter files.")
            return _recording(spool.channels(), decoding)


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """The file from its beginning, and what errors call it: an upload's name is nobody's business."""
    if not isinstance(source, Path):
        source.seek(0)
        yield source, "The recording"
        return
    try:
        file = source.open("rb")
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {source}.", mend="Check the path.") from error
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}.", mend="Name a file you may read.") from error
    with file:
        yield file, str(source)


def _resampled(decoding: Decoding) -> Iterator[tuple[Samples, ...]]:
    resamplers = [Resampler(decoding.rate) for _ in range(decoding.channels)]
    for block in decoding.blocks:
        yield tuple(resampler.push(channel) for resampler, channel in zip(resamplers, block, strict=True))
    yield tuple(resampler.flush() for resampler in resamplers)


def _recording(channels: tuple[Samples, ...], decoding: Decoding) -> Recording:
    warnings = [*_format_warnings(decoding), *_fault_warnings(decoding.faults)]
    if len(channels) == _CALL_CHANNELS and _same(*channels):
        channels = channels[:1]
        warnings.append("Both channels hold the same; it is taken as one channel.")
    silent = [number + 1 for number, channel in enumerate(channels) if _peak(channel) < _SILENT]
    warnings += [f"Channel {number} is silent." for number in silent]
    return Recording(channels, decoding.rate, decoding.codec, tuple(warnings))


def _format_warnings(decoding: Decoding) -> Iterator[str]:
    if decoding.rate < _TELEPHONE_RATE:
        highest = decoding.rate / 2
        yield f"The sample rate is {decoding.rate} Hz: nothing above {highest:g} Hz is there, and many words suffer."
    if decoding.channels > _CALL_CHANNELS:
        yield f"{decoding.channels} channels: each is taken as a speaker of its own, and none is mixed or left out."


def _fault_warnings(faults: Faults) -> Iterator[str]:
    if faults.not_finite:
        yield f"{faults.not_finite} samples are not numbers or infinite; they are taken as silence."
    if faults.clipped > _CLIPPED * faults.samples:
        yield f"The recording is clipped: {faults.clipped / faults.samples:.1%} of its samples are at full scale."
    if faults.damaged_packets:
        yield f"Damaged pieces that are left out: {faults.damaged_packets}."
    if faults.lost_s:
        yield f"{faults.lost_s:.2f} s are lost; silence stands for them, so that times stay true."


def _same(one: Samples, other: Samples) -> bool:
    """Whether two channels hold the same sound. Two silent ones do."""
    powers, difference = np.zeros(2), 0.0
    for here, there in zip(minutes(one), minutes(other), strict=True):
        powers += np.dot(here, here), np.dot(there, there)
        apart = here - there
        difference += float(np.dot(apart, apart))
    return difference <= float(powers.max()) * 10 ** (_SAME_DB / 10)


def _peak(channel: Samples) -> float:
    return max((float(np.abs(minute).max()) for minute in minutes(channel)), default=0.0)
