"""Any common audio file as float32 samples at its own rate, piece by piece, with what was wrong with it.

FFmpeg, through PyAV, does the decoding. It would also follow playlists and concatenation scripts to other files and
addresses, whatever a file is called: only containers that hold their own audio are opened, from an open file and never
by name.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.voice.audio.headers import mp3_says_its_length, wav_lacks_s
from lintel.voice.audio.resampling import HIGHEST_RATE, LOWEST_RATE

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

MOST_CHANNELS = 8
CONTAINERS = ("wav", "w64", "flac", "mp3", "ogg", "mov", "matroska", "aac", "aiff", "au", "caf", "amr")
"""FFmpeg's names; mov is also MP4 and M4A, matroska also WebM, ogg also Opus and Vorbis."""

_ANNOUNCE = {"flac", "mov", "matroska"}
"""Containers whose announced length is exact; wav and mp3 are looked at apart."""
_SUPPORTED = "Use WAV, FLAC, MP3, M4A, OGG, Opus or WebM."
_SAVE_AGAIN = "Fetch or export the recording again."
_GAP_S = 0.05
"""A hole in the time stamps longer than this is lost audio, and filled with silence ..."""
_LONGEST_GAP_S = 60.0
"""... unless it is so long that the recorder was paused: then the recording goes on without a hole."""
_MISSING_S = 0.25
"""A file may fall short of its announced length by so much: encoders round."""
_FULL_SCALE = np.float32(0.999)
_INTEGER_SCALES = {"uint8": (128.0, 2.0**7), "int16": (0.0, 2.0**15), "int32": (0.0, 2.0**31), "int64": (0.0, 2.0**63)}
"""What stands for 0 and how far full scale is from it."""

Block = NDArray[np.float32]
"""Shape (channels, samples), finite, within -1..1."""


@dataclass
class Faults:
    """What was found while decoding. Samples are counted over all channels."""

    samples: int = 0
    not_finite: int = 0
    clipped: int = 0
    """At full scale or beyond it."""
    damaged_packets: int = 0
    lost_s: float = 0.0
    """Seconds of silence that stand for lost audio."""


@dataclass(frozen=True)
class Decoding:
    """An open file: its blocks can be read once, and `faults` is complete after that."""

    rate: int
    channels: int
    codec: str
    blocks: Iterator[Block]
    faults: Faults


def decode(source: BinaryIO, name: str) -> Decoding:
    """Open a seekable binary file, which errors call `name`.

    Raises InputError for what is empty, holds no audio, or has an impossible rate or number of channels. Reading the
    blocks raises it for what changes its format midway, or ends before its announced length.
    """
    if wav_lacks_s(source) > _MISSING_S:
        raise InputError(f"{name} is cut off: it is shorter than its header announces.", mend=_SAVE_AGAIN)
    container = _open(source, name)
    try:
        return _decoding(source, container, name)
    except InputError:
        container.close()
        raise


def _open(source: BinaryIO, name: str) -> "InputContainer":
    import av  # noqa: PLC0415 - belongs to the voice extra

    if not source.read(1):
        raise InputError(f"{name} is empty.", mend=_SAVE_AGAIN)
    source.seek(0)
    try:
        return av.open(source, mode="r", options={"format_whitelist": ",".join(CONTAINERS)})
    except (av.FFmpegError, ValueError) as error:
        raise InputError(f"{name} is not audio that can be read, or its beginning is lost.", mend=_SUPPORTED) from error


def _decoding(source: BinaryIO, container: "InputContainer", name: str) -> Decoding:
    stream, faults = _audio(container, name), Faults()
    announced = _announced_s(source, container, stream)
    frames = _frames(container, stream, faults)
    first = next(frames, None)
    if first is None:
        raise InputError(f"{name} holds no audio that can be decoded.", mend=_SAVE_AGAIN)
    if not LOWEST_RATE <= first.sample_rate <= HIGHEST_RATE:
        raise InputError(f"{name} has a sample rate of {first.sample_rate} Hz.", mend=_SAVE_AGAIN)
    timeline = _Timeline(first.sample_rate, first.layout.nb_channels, name)
    blocks = _blocks(container, timeline, chain([first], frames), faults, announced)
    return Decoding(timeline.rate, timeline.channels, stream.codec_context.name, blocks, faults)


def _audio(container: "InputContainer", name: str) -> "AudioStream":
    if not container.streams.audio:
        raise InputError(f"{name} has no audio track.", mend=_SUPPORTED)
    stream = container.streams.audio[0]
    channels = stream.codec_context.channels
    if not 1 <= channels <= MOST_CHANNELS:
        raise InputError(f"{name} has {channels} channels; 1 to {MOST_CHANNELS} can be read.", mend="Mix it down.")
    return stream


def _announced_s(source: BinaryIO, container: "InputContainer", stream: "AudioStream") -> float | None:
    """Seconds that the header announces; None where it does not, or speaks of a longer picture."""
    kind = container.format.name.partition(",")[0]
    position = source.tell()
    exact = kind in _ANNOUNCE or (kind == "mp3" and mp3_says_its_length(source))
    source.seek(position)
    if exact and stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1
    return container.duration / 1e6 if exact and alone and container.duration is not None else None


def _frames(container: "InputContainer", stream: "AudioStream", faults: Faults) -> Iterator["AudioFrame"]:
    import av  # noqa: PLC0415 - belongs to the voice extra

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = packet.decode() if packet is not None else None
        except av.FFmpegError:
            faults.damaged_packets += 1
            continue
        if frames is None:
            return
        yield from frames


@dataclass
class _Timeline:
    """Where the next sample belongs, by the file's time stamps."""

    rate: int
    channels: int
    name: str
    position: int = 0
    origin: float | None = None

    @property
    def seconds(self) -> float:
        return self.position / self.rate

    def lost_before(self, frame: "AudioFrame") -> float:
        """Seconds missing before a frame. Raises InputError where the frame's format is another."""
        if frame.sample_rate != self.rate or frame.layout.nb_channels != self.channels:
            raise InputError(
                f"{self.name} changes its sample rate or channels after {self.seconds:.1f} s.",
                mend="Cut it there, or convert it to one format.",
            )
        if frame.time is None:
            return 0.0
        if self.origin is None or frame.time - self.origin - self.seconds > _LONGEST_GAP_S:
            self.origin = frame.time - self.seconds
        return max(0.0, frame.time - self.origin - self.seconds)


def _blocks(
    container: "InputContainer",
    timeline: _Timeline,
    frames: Iterator["AudioFrame"],
    faults: Faults,
    announced: float | None,
) -> Iterator[Block]:
    with closing(container):
        for frame in frames:
            lost = timeline.lost_before(frame)
            if lost > _GAP_S:
                faults.lost_s += lost
                yield _advanced(timeline, np.zeros((timeline.channels, round(lost * timeline.rate)), np.float32))
            yield _advanced(timeline, _examined(_float(frame), faults))
    if announced is not None and timeline.seconds < announced - _MISSING_S:
        there = f"{timeline.seconds:.1f} s of the announced {announced:.1f} s are there"
        raise InputError(f"{timeline.name} is cut off: {there}.", mend=_SAVE_AGAIN)


def _advanced(timeline: _Timeline, block: Block) -> Block:
    timeline.position += block.shape[1]
    return block


def _float(frame: "AudioFrame") -> Block:
    array: NDArray[Any] = frame.to_ndarray()
    planar = array if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels).T
    zero, full = _INTEGER_SCALES.get(planar.dtype.name, (0.0, 1.0))
    return ((planar - zero) / full).astype(np.float32)


def _examined(block: Block, faults: Faults) -> Block:
    """The block, not-a-number and infinity set to 0 and the rest cut to -1..1; counts what it found."""
    finite = np.isfinite(block)
    if not finite.all():
        faults.not_finite += int(finite.size - finite.sum())
        block = np.where(finite, block, np.float32(0))
    faults.samples += block.size
    faults.clipped += int((np.abs(block) >= _FULL_SCALE).sum())
    return np.clip(block, -1.0, 1.0)
