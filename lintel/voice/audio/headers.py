"""What a file's header announces of its length, where the decoder does not ask or would guess."""

import os
import struct
from typing import BinaryIO

_PLACEHOLDER = 0x7FFF_0000
"""Recorders that write as they go put a number above this where they do not know the length yet, or 0."""
_MOST_CHUNKS = 1_000
"""Of metadata before the samples; a file made of empty chunks would keep us busy for long."""
_ID3_HEADER = 10
_MP3_FRAME = 1_441
"""Bytes of the longest MPEG audio frame (layer III, 320 kbit/s, 32 kHz, padded)."""


def wav_lacks_s(source: BinaryIO) -> float:
    """Seconds of sample data that a WAV file's header announces and that are not there; 0 for what is no WAV file or
    announces nothing. Leaves the position at the beginning."""
    source.seek(0, os.SEEK_END)
    size = source.tell()
    source.seek(0)
    bytes_a_second, announced, present = _wav_chunks(source, size)
    source.seek(0)
    missing = announced - present if announced < _PLACEHOLDER else 0
    return max(0.0, missing / max(bytes_a_second, 1))


def mp3_says_its_length(source: BinaryIO) -> bool:
    """Whether the first frame of an MP3 file counts the frames (the tags of Xing and LAME); else FFmpeg estimates the
    length from the first frame's bit rate. Leaves the position at the beginning."""
    source.seek(0)
    head = source.read(_ID3_HEADER)
    tag = _ID3_HEADER + _synchsafe(head[6:10]) if head[:3] == b"ID3" and len(head) == _ID3_HEADER else 0
    source.seek(tag)
    frame = source.read(_MP3_FRAME)
    source.seek(0)
    return b"Xing" in frame or b"Info" in frame


def _wav_chunks(source: BinaryIO, size: int) -> tuple[int, int, int]:
    """Bytes a second, bytes of sample data announced and present; zeros where a chunk is missing."""
    head, bytes_a_second = source.read(12), 0
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return 0, 0, 0
    for _ in range(_MOST_CHUNKS):
        if len(header := source.read(8)) < 8:
            break
        name, length = struct.unpack("<4sI", header)
        begin = source.tell()
        if name == b"data":
            return bytes_a_second, length, size - begin
        if name == b"fmt ":
            bytes_a_second = int.from_bytes(source.read(12)[8:12], "little")
        source.seek(begin + length + length % 2)
    return 0, 0, 0


def _synchsafe(four: bytes) -> int:
    """An ID3v2 length: seven bits a byte."""
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(four)))
