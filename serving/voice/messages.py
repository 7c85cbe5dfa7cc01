"""Bodies of the voice service's requests and answers."""

from typing import Annotated, Any, Literal

import msgspec

from lintel.voice.consent import Policy, State

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Speakers = Annotated[
    tuple[Name, ...], msgspec.Meta(min_length=1, max_length=4, description="who speaks on which channel, in order")
]


class ConsentRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a speaker said on being listened to, or that the speakers were told of it."""

    speaker: Name | None = None
    state: State | None = None
    disclosed: Annotated[bool, msgspec.Meta(description="the speakers were told that they are listened to")] = False


class VerdictRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the agent made of a card."""

    verdict: Literal["dismissed", "useful"]


class OfferRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A browser's offer, complete with its candidates: none follow."""

    sdp: Annotated[str, msgspec.Meta(min_length=1, max_length=100_000, description="of an SDP offer (RFC 8829)")]
    type: Literal["offer"] = "offer"
    speakers: Speakers = ("agent", "lead")
    layout: Annotated[
        Literal["tracks", "stereo"],
        msgspec.Meta(description="a speaker an audio track, or one track with a speaker left and one right"),
    ] = "tracks"
    lead_id: Name | None = None
    agent_id: Name | None = None
    language: Annotated[str, msgspec.Meta(pattern="^[a-z]{2}$")] = "en"
    consent_policy: Policy = "all_party"
    granted: Annotated[tuple[Name, ...], msgspec.Meta(max_length=4, description="speakers who have agreed")] = ()
    disclosed: bool = False


class OfferAnswer(msgspec.Struct, frozen=True):
    """The call, and the SDP answer with our candidates."""

    call_id: str
    sdp: str
    type: Literal["answer"]
    speakers: tuple[str, ...]
    unused_tracks: Annotated[int, msgspec.Meta(description="tracks of the offer that nobody listens to")]


class IceServers(msgspec.Struct, frozen=True):
    """STUN and TURN servers for `RTCPeerConnection`."""

    ice_servers: list[dict[str, Any]]


class CallSummary(msgspec.Struct, frozen=True):
    """A call in a list."""

    call_id: str
    state: Literal["live", "working", "done", "failed"]
    source: Literal["twilio", "webrtc", "file"]
    began_at: str
    lead_id: str | None = None
    agent_id: str | None = None
    external_id: Annotated[str | None, msgspec.Meta(description="of a live call: Twilio's CallSid")] = None
    consent: State | None = None


class CallList(msgspec.Struct, frozen=True):
    """Live calls first, then those kept, newest first."""

    calls: list[CallSummary]


class CallAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call: what was said on it so far, or what it came to."""

    call_id: str
    state: Literal["live", "working", "done", "failed"]
    source: Literal["twilio", "webrtc", "file"]
    began_at: str
    speakers: tuple[str, ...] = ()
    ended_at: str | None = None
    lead_id: str | None = None
    agent_id: str | None = None
    external_id: str | None = None
    now: Annotated[float | None, msgspec.Meta(description="of a live call: seconds since it began")] = None
    consent: dict[str, Any] | None = None
    talk: dict[str, Any] | None = None
    lag: dict[str, Any] | None = None
    segments: list[dict[str, Any]] = []
    document: Annotated[dict[str, Any] | None, msgspec.Meta(description="of a call that ended: all that is kept")] = (
        None
    )


class Transcription(msgspec.Struct, frozen=True):
    """What was said in a short piece of audio."""

    text: str
    language: str
    model: str
    duration_s: float
    segments: list[dict[str, Any]]
    warnings: list[str]


class AcceptedRecording(msgspec.Struct, frozen=True):
    """A recording that will be analysed; `status` is where to ask for what came of it."""

    call_id: str
    state: Literal["working"]
    status: str


class VoiceReadiness(msgspec.Struct, frozen=True):
    """Whether this worker can listen; each check is `ok` or says what is wrong."""

    ready: bool
    store: str
    model: str
    calls: int
    most_calls: int
