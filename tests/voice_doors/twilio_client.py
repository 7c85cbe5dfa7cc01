"""A scripted Twilio: two channels of audio as Media Streams messages."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from lintel.voice.audio.g711 import encode_mu_law
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

FRAME_S = 0.02
_FRAME = 160
CALL = "CA0123456789abcdef"


def start(key: str, *, call: str = CALL, **parameters: str) -> dict[str, Any]:
    custom = parameters | ({"key": key} if key else {})
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ1",
        "start": {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": call,
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": custom,
        },
    }


def media(track: str, chunk: int, timestamp_ms: int, audio: bytes) -> dict[str, Any]:
    said = {
        "track": track,
        "chunk": str(chunk),
        "timestamp": str(timestamp_ms),
        "payload": base64.b64encode(audio).decode(),
    }
    return {"event": "media", "sequenceNumber": str(chunk + 1), "streamSid": "MZ1", "media": said}


def mu_law(samples: Samples) -> bytes:
    """16 kHz samples as a telephone line has them (without its filter)."""
    half = samples.reshape(-1, 2).mean(axis=1) if len(samples) % 2 == 0 else samples[::2]
    return encode_mu_law((np.clip(half, -1, 1) * 32_767).astype(np.int16))


def messages(agent: Samples, lead: Samples, *, offset_ms: int = 0, first_chunk: int = 1) -> Iterator[dict[str, Any]]:
    """Both tracks in frames of 20 ms: outbound is the agent's, inbound the lead's."""
    sides = {"outbound": mu_law(agent), "inbound": mu_law(lead)}
    frames = max(len(side) for side in sides.values()) // _FRAME
    for number in range(frames):
        for track, side in sides.items():
            audio = side[number * _FRAME : (number + 1) * _FRAME]
            if len(audio) == _FRAME:
                yield media(track, first_chunk + number, offset_ms + 20 * number, audio)


CONSENTED = {"agent_consent": "granted", "lead_consent": "granted", "disclosed": "true"}
SILENCE = np.zeros(SAMPLE_RATE, np.float32)


@contextmanager
def dialled(url: str) -> Iterator[Callable[..., ClientConnection]]:
    """Makes connections to the service at `url`, closed at the end of the block: `dial(key, **parameters)` has said
    `connected` and `start`; without a key it has said nothing."""
    with ExitStack() as stack:

        def dial(key: str | None = None, **parameters: str) -> ClientConnection:
            connection = stack.enter_context(connect(f"{url}/v1/streams/twilio", proxy=None, max_size=None))
            if key is not None:
                send(connection, {"event": "connected", "protocol": "Call", "version": "1.0.0"})
                send(connection, start(key, **parameters))
            return connection

        yield dial


def send(connection: ClientConnection, message: dict[str, Any] | str | bytes) -> None:
    connection.send(message if isinstance(message, str | bytes) else json.dumps(message))


def play(connection: ClientConnection, agent: Samples, lead: Samples, *, speed: float = 20.0, **more: int) -> None:
    """Send both sides, `speed` times faster than they are long."""
    began = time.monotonic()
    for number, message in enumerate(messages(agent, lead, **more)):
        send(connection, message)
        ahead = number // 2 * FRAME_S / speed - (time.monotonic() - began)
        if ahead > 0.01:
            time.sleep(ahead)


def stop(connection: ClientConnection) -> int:
    """Hang up. Returns the code with which the service closed."""
    send(connection, {"event": "stop", "streamSid": "MZ1", "stop": {"callSid": CALL}})
    return closed(connection)


def closed(connection: ClientConnection, seconds: float = 15.0) -> int:
    """The code with which the service closes."""
    try:
        connection.recv(timeout=seconds)
    except ConnectionClosed as over:
        return over.rcvd.code if over.rcvd else 1006
    raise AssertionError("the service said something")
