"""The messages of Twilio Media Streams, as a dialler sends them: text frames of JSON, audio in base64.

https://www.twilio.com/docs/voice/media-streams/websocket-messages. Numbers come as strings; both forms are taken.
"""

import binascii
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from lintel.voice.audio.g711 import decode_a_law, decode_mu_law

MOST_CHARACTERS = 65_536
"""Of one message. A message of 20 ms holds 300, and nobody sends a whole call as one."""
_MOST_AUDIO_BYTES = 40_000
_DECODERS = {"audio/x-mulaw": decode_mu_law, "audio/x-alaw": decode_a_law}

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Name = Annotated[str, msgspec.Meta(max_length=200)]
TrackName = Literal["inbound", "outbound"]


class MessageError(ValueError):
    """A message that says nothing; the text names the fault."""


class StartError(MessageError):
    """A `start` that cannot be read: without it nothing that follows means anything."""


class Format(msgspec.Struct, frozen=True, rename="camel"):
    """How the audio of the stream is coded."""

    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8_000
    channels: int = 1


class Start(msgspec.Struct, frozen=True, rename="camel"):
    """What the stream is about. `inbound` is what the line's far end says, `outbound` what is said to it."""

    stream_sid: Name
    call_sid: Name = ""
    tracks: tuple[TrackName, ...] = ("inbound", "outbound")
    media_format: Format = Format()
    custom_parameters: dict[Name, Name] = {}


class Media(msgspec.Struct, frozen=True):
    """A piece of one track: `chunk` counts from 1 on its track, `timestamp` is ms from the stream's beginning."""

    payload: str
    timestamp: Number
    track: TrackName = "inbound"
    chunk: Number = 0


class Message(msgspec.Struct, frozen=True, rename="camel"):
    """Any message; the member named like the event holds what it says."""

    event: Name
    sequence_number: Number = 0
    start: Start | None = None
    media: Media | None = None


class _Named(msgspec.Struct, frozen=True):
    event: str


_DECODER = msgspec.json.Decoder(Message, strict=False)
_NAME_DECODER = msgspec.json.Decoder(_Named)


def read_message(text: str) -> Message:
    """Raises MessageError for what is too long, no JSON, or lacks what its event needs; StartError if its event is
    `start`. Unknown events are messages: whoever reads them passes over what it does not know."""
    if len(text) > MOST_CHARACTERS:
        raise MessageError("longer than any message of this protocol")
    try:
        message = _DECODER.decode(text)
    except msgspec.ValidationError as error:
        raise (StartError(str(error)) if _is_start(text) else MessageError("no message of this protocol")) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise MessageError("no message of this protocol") from None
    if message.event in ("start", "media") and getattr(message, message.event) is None:
        fault = MessageError if message.event == "media" else StartError
        raise fault(f"a {message.event} without its member {message.event!r}")
    return message


def _is_start(text: str) -> bool:
    try:
        return _NAME_DECODER.decode(text).event == "start"
    except msgspec.ValidationError:
        return False


def read_audio(media: Media, coding: Format) -> NDArray[np.int16]:
    """The samples of a piece, at the stream's rate. Raises MessageError for what is no base64, empty or too long."""
    try:
        code = binascii.a2b_base64(media.payload, strict_mode=True)
    except (binascii.Error, ValueError):
        raise MessageError("audio that is no base64") from None
    if not 0 < len(code) <= _MOST_AUDIO_BYTES:
        raise MessageError("audio of no length, or of several seconds at once")
    return _DECODERS[coding.encoding](code)


def is_readable(coding: Format) -> bool:
    """Whether the coding is one that telephone lines have: G.711, one channel, 8 kHz."""
    return coding.encoding in _DECODERS and (coding.sample_rate, coding.channels) == (8_000, 1)
