"""Files of a tone, in the formats that recordings come in, as bytes."""

import io
import wave

import av
import numpy as np
from numpy.typing import NDArray


def tone(seconds: float, rate: int, *, hertz: float = 300.0, peak: float = 0.4) -> NDArray[np.float32]:
    time = np.arange(round(seconds * rate)) / rate
    return (peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def wav(channels: list[NDArray[np.float32]], rate: int) -> bytes:
    """16-bit PCM."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(channels))
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((np.stack(channels, axis=1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def float_wav(samples: NDArray[np.float32], rate: int) -> bytes:
    """32-bit float PCM, one channel: the one format that can hold what is no number."""
    data = samples.astype("<f4").tobytes()
    layout = (3).to_bytes(2, "little") + (1).to_bytes(2, "little") + rate.to_bytes(4, "little")
    layout += (4 * rate).to_bytes(4, "little") + (4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    body = b"WAVEfmt " + len(layout).to_bytes(4, "little") + layout + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def encoded(samples: NDArray[np.float32], rate: int, *, codec: str, container: str) -> bytes:
    """One channel, by FFmpeg's encoder."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as writer:
        stream = writer.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = rate
        writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    return file.getvalue()
