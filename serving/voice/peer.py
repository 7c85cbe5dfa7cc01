"""One browser's WebRTC connection (aiortc): Opus in, samples with times out, and a word when it is over."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

import numpy as np
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from numpy.typing import NDArray

from serving.problems import RequestError
from serving.voice.track import Stretch, Track

Layout = Literal["tracks", "stereo"]
Push = Callable[[int, Stretch], None]

RATE = 48_000
"""Hz. Opus as aiortc decodes it: int16, two channels, whatever was sent."""
CONNECT_SECONDS = 20.0
SILENT_SECONDS = 30.0
"""A browser sends audio all the time, muted or not: after so long without a frame it has vanished."""
_STEREO = "stereo=1;sprop-stereo=1"


class Peer:
    """Answers an offer, then feeds what it hears to `push` until it is over.

    Parameters
    ----------
    servers: STUN and TURN servers; none is asked unless named.
    speakers: how many speakers there are to listen to.
    layout: a speaker a track, or one track with a speaker left and one right.
    """

    def __init__(self, servers: Sequence[RTCIceServer], speakers: int, layout: Layout) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=list(servers)))
        self._layout, self._wanted = layout, 1 if layout == "stereo" else speakers
        self._heard: list[MediaStreamTrack] = []
        self._unused = MediaBlackhole()
        self.unused_tracks = 0
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._connection.on("track", self._track)
        self._connection.on("connectionstatechange", self._changed)

    async def answer(self, sdp: str) -> str:
        """The answer to an offer, with all our candidates. Raises RequestError (422) for what is no offer of audio."""
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            if len(self._heard) < self._wanted:
                raise _no_offer(f"It offers {len(self._heard)} audio tracks where {self._wanted} are needed.")
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except RequestError:
            raise
        except Exception as error:  # aiortc's parser raises whatever a malformed line makes it
            raise _no_offer(f"It cannot be read as SDP ({type(error).__name__}).") from None
        answer = self._connection.localDescription.sdp
        return with_stereo(answer) if self._layout == "stereo" else answer

    async def listen(self, push: Push, now: Callable[[], float]) -> str:
        """Why it is over: "hung_up" if the other side closed it, "vanished" if it was lost. `now` is the call's clock;
        each track begins on it when its first frame comes, and goes on by the time that its frames carry."""
        await self._unused.start()
        listening = [
            asyncio.create_task(_Listener(number, self._layout, push, now).run(track))
            for number, track in enumerate(self._heard)
        ]
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connected()
            await asyncio.wait([self._over, *listening], return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return "vanished"
        finally:
            await _cancelled(listening)
        return self._over.result() if self._over.done() else next(t.result() for t in listening if t.done())

    async def close(self) -> None:
        """Let go of sockets, tracks and threads."""
        await self._unused.stop()
        await self._connection.close()

    def _track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and len(self._heard) < self._wanted:
            self._heard.append(track)
            return
        self.unused_tracks += 1
        self._unused.addTrack(track)

    def _changed(self) -> None:
        state = self._connection.connectionState
        if state in ("failed", "closed") and not self._over.done():
            self._over.set_result("vanished" if state == "failed" else "hung_up")

    async def _connected(self) -> None:
        while self._connection.connectionState in ("new", "connecting"):
            await asyncio.sleep(0.05)


class _Listener:
    """One track's frames to stretches of one channel, or of two."""

    def __init__(self, number: int, layout: Layout, push: Push, now: Callable[[], float]) -> None:
        self._push, self._now = push, now
        self._channels = (0, 1) if layout == "stereo" else (number,)
        self._tracks = [Track(RATE) for _ in self._channels]
        self._zero: float | None = None

    async def run(self, track: MediaStreamTrack) -> str:
        try:
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    frame: Any = await track.recv()
                self._take(frame.to_ndarray(), frame.pts / RATE)
        except TimeoutError:
            return "vanished"
        except MediaStreamError:
            await asyncio.sleep(0)  # the connection says why, if it knows
            return "hung_up"
        finally:
            for channel, own in zip(self._channels, self._tracks, strict=True):
                self._give(channel, own.flush())

    def _take(self, interleaved: NDArray[np.int16], seconds: float) -> None:
        if self._zero is None:
            self._zero = self._now() - seconds
        sides = interleaved.reshape(-1, 2)
        heard = sides.T if len(self._channels) > 1 else [_mixed(sides)]
        for channel, own, samples in zip(self._channels, self._tracks, heard, strict=True):
            self._give(channel, own.push(np.ascontiguousarray(samples), self._zero + seconds))

    def _give(self, channel: int, stretches: list[Stretch]) -> None:
        for stretch in stretches:
            self._push(channel, stretch)


def with_stereo(sdp: str) -> str:
    """An answer that asks for Opus in stereo (RFC 7587 §7.1): browsers mix down to one channel unless asked."""
    lines = []
    for line in sdp.splitlines():
        lines.append(line)
        if line.startswith("a=rtpmap:") and line.lower().endswith(" opus/48000/2"):
            lines.append(f"a=fmtp:{line.removeprefix('a=rtpmap:').partition(' ')[0]} {_STEREO}")
    return "\r\n".join(lines) + "\r\n"


def _mixed(sides: NDArray[np.int16]) -> NDArray[np.int16]:
    return (sides.astype(np.int32).sum(axis=1) // 2).astype(np.int16)


def _no_offer(detail: str) -> RequestError:
    return RequestError(
        422, "no-offer", f"The offer cannot be answered. {detail}", mend="Send the browser's offer as it is."
    )


async def _cancelled(tasks: Sequence["asyncio.Task[str]"]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
