"""Calls from a browser, with aiortc in the browser's place: tracks, stereo, lost networks and the ends of calls."""

import asyncio
import fractions
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest

from lintel.settings import Settings
from serving.voice.webrtc import ice_servers
from tests.voice_doors.conftest import TENANT, Serve, Served, kept, said
from tests.voice_doors.tones import spoken

aiortc = pytest.importorskip("aiortc", reason="the voice extra is not installed")
av = pytest.importorskip("av", reason="the voice extra is not installed")

RATE, FRAME = 48_000, 960
GRANTED = {"granted": ["agent", "lead"], "disclosed": True}
AGENT, LEAD = ["hello", "house", "garden"], ["yes", "price", "street"]


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aioice offers no loopback address; a test needs no other."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


class Player(aiortc.MediaStreamTrack):
    """Plays samples (shape (n,) or (n, 2), 48 kHz) in real time, then silence."""

    kind = "audio"

    def __init__(self, samples: np.ndarray) -> None:
        super().__init__()
        stereo = samples if samples.ndim > 1 else np.stack([samples, samples], axis=1)
        self._samples = (np.clip(stereo, -1, 1) * 32_767).astype(np.int16)
        self._pts = 0
        self.over = asyncio.Event()

    async def recv(self) -> Any:
        if not self._pts:
            self._began = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self._began + self._pts / RATE - asyncio.get_running_loop().time()))
        piece = self._samples[self._pts : self._pts + FRAME]
        if len(piece) < FRAME:
            self.over.set()
            piece = np.zeros((FRAME, 2), np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._pts, fractions.Fraction(1, RATE)
        self._pts += FRAME
        return frame


@asynccontextmanager
async def calling(served: Served, *tracks: Any, **about: Any) -> AsyncIterator[tuple[Any, str]]:
    """A browser's connection that is in a call, and the call's id."""
    peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    try:
        for track in tracks:
            peer.addTrack(track)
        await peer.setLocalDescription(await peer.createOffer())
        answer = await ask(served, sdp=peer.localDescription.sdp, **(GRANTED | about))
        assert answer.status_code == 200, answer.text
        await peer.setRemoteDescription(aiortc.RTCSessionDescription(answer.json()["sdp"], "answer"))
        yield peer, answer.json()["call_id"]
    finally:
        await peer.close()


async def ask(served: Served, **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {served.key}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=20, trust_env=False) as client:
        return await client.post("/v1/webrtc/offer", json={"type": "offer", **body})


def test_a_track_a_speaker(served: Served) -> None:
    async def call() -> str:
        sides = [Player(spoken(words, rate=RATE)) for words in (AGENT, LEAD)]
        async with calling(served, *sides, lead_id="lead-7") as (_, call_id):
            await asyncio.gather(*(side.over.wait() for side in sides))
        return call_id

    found = kept(served, asyncio.run(call()))
    assert (said(found, "agent"), said(found, "lead")) == (AGENT, LEAD)
    assert (found.source, found.lead_id, found.document["ended"]["reason"]) == ("webrtc", "lead-7", "hung_up")


def test_a_side_of_a_stereo_track_a_speaker(served: Served) -> None:
    left, right = spoken(AGENT, rate=RATE), spoken(LEAD, rate=RATE)

    async def call() -> str:
        both = Player(np.stack([left, right], axis=1))
        async with calling(served, both, layout="stereo") as (peer, call_id):
            assert "stereo=1" in peer.remoteDescription.sdp
            await both.over.wait()
        return call_id

    found = kept(served, asyncio.run(call()))
    assert (said(found, "agent"), said(found, "lead")) == (AGENT, LEAD)


def test_tracks_that_nobody_listens_to_are_drained(served: Served) -> None:
    async def call() -> tuple[str, dict[str, Any]]:
        side, extra = Player(spoken(AGENT, rate=RATE)), Player(spoken(LEAD, rate=RATE))
        peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        for track in (side, extra):
            peer.addTrack(track)
        peer.addTransceiver("video", direction="sendonly")
        await peer.setLocalDescription(await peer.createOffer())
        answer = await ask(served, sdp=peer.localDescription.sdp, speakers=["agent"], granted=["agent"])
        await peer.setRemoteDescription(aiortc.RTCSessionDescription(answer.json()["sdp"], "answer"))
        await side.over.wait()
        await peer.close()
        return answer.json()["call_id"], answer.json()

    call_id, answer = asyncio.run(call())
    assert (answer["speakers"], answer["unused_tracks"]) == (["agent"], 2)
    assert said(kept(served, call_id), "agent") == AGENT


def test_a_network_that_is_away_for_a_while_leaves_a_gap(served: Served) -> None:
    async def call() -> str:
        side = Player(np.concatenate([spoken(AGENT, rate=RATE), np.zeros(5 * RATE), spoken(["today"], rate=RATE)]))
        async with calling(served, side, speakers=["agent"], granted=["agent"]) as (peer, call_id):
            transport = peer.getSenders()[0].transport
            send = transport._send_rtp
            await asyncio.sleep(len(spoken(AGENT)) / 16_000)

            async def lost(data: bytes) -> None:
                return None

            transport._send_rtp = lost
            await asyncio.sleep(5)
            transport._send_rtp = send
            await side.over.wait()
        return call_id

    found = kept(served, asyncio.run(call()))
    assert said(found, "agent") == [*AGENT, "today"]
    last = found.document["turns"][-1]
    assert last["start"] == pytest.approx(len(spoken(AGENT)) / 16_000 + 5.5, abs=0.6)


def test_without_consent_no_frame_is_decoded(served: Served) -> None:
    async def call() -> str:
        side = Player(spoken(AGENT, rate=RATE))
        async with calling(served, side, speakers=["agent"], granted=[]) as (_, call_id):
            await side.over.wait()
        return call_id

    asyncio.run(call())
    assert served.engine.decoded == 0


@pytest.mark.parametrize(
    "about",
    [
        {"sdp": "rubbish"},
        {"sdp": "v=0\r\n"},
        {"sdp": "v=0", "layout": "stereo", "speakers": ["agent"]},
        {"sdp": ""},
        {"sdp": "v=0", "granted": ["nobody"]},
    ],
)
def test_what_is_no_offer_is_refused_and_leaves_no_call(served: Served, about: dict[str, Any]) -> None:
    answer = asyncio.run(ask(served, **about))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    with served.client() as client:
        assert client.get("/readyz").json()["calls"] == 0


def test_an_offer_about_an_erased_lead_is_refused(served: Served) -> None:
    served.home.erase(TENANT, "gone", now=datetime.now(UTC))
    answer = asyncio.run(ask(served, sdp="v=0", lead_id="gone"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:lintel:problem:erased-lead")
    with served.client() as client:
        assert client.get("/readyz").json()["calls"] == 0


def test_a_browser_that_never_connects_holds_no_place(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.voice.peer.CONNECT_SECONDS", 0.3)

    async def offered() -> None:
        peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        peer.addTrack(Player(np.zeros(RATE)))
        await peer.setLocalDescription(await peer.createOffer())
        answer = await ask(served, sdp=peer.localDescription.sdp, speakers=["agent"])
        assert answer.status_code == 200
        await peer.close()
        await asyncio.sleep(1.0)

    asyncio.run(offered())
    with served.client() as client:
        assert client.get("/readyz").json()["calls"] == 0
    assert served.home.calls.newest("acme") == []


def test_twenty_offers_at_once_meet_the_cap_and_leak_no_peer(served: Served) -> None:
    async def offers() -> list[int]:
        peers = [aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[])) for _ in range(20)]
        for peer in peers:
            peer.addTrack(Player(np.zeros(RATE)))
            await peer.setLocalDescription(await peer.createOffer())
        asked = [ask(served, sdp=peer.localDescription.sdp, speakers=["agent"]) for peer in peers]
        answers = await asyncio.gather(*asked)
        with served.client() as client:
            for one in client.get("/v1/calls").json()["calls"]:
                client.post(f"/v1/calls/{one['call_id']}/end")
        for peer in peers:
            await peer.close()
        refused = [answer for answer in answers if answer.status_code == 503]
        assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
        await asyncio.sleep(0.5)
        return [answer.status_code for answer in answers]

    assert sorted(asyncio.run(offers())) == [200] * 3 + [503] * 17
    gc.collect()
    assert [one for one in gc.get_objects() if type(one).__name__ == "Peer"] == []


@pytest.mark.parametrize("text", ["no json", "{}", '["stun:x"]', '[{"url": "stun:x"}]'])
def test_servers_that_are_none_are_named(text: str) -> None:
    with pytest.raises(Exception, match="LINTEL_VOICE_ICE_SERVERS"):
        ice_servers(Settings(voice_ice_servers=text))


def test_the_page_is_told_the_servers(serve: Serve) -> None:
    with serve(voice_ice_servers='[{"urls": "stun:stun.example.com"}]') as served, served.client() as client:
        assert client.get("/v1/webrtc/servers").json() == {"ice_servers": [{"urls": "stun:stun.example.com"}]}
