// A call from this browser: its audio goes to the service by WebRTC.

const GATHER_MS = 2_000;

/** Asks for the audio that `source` names. Resolves to tracks, speakers and the layout of the offer. */
export async function capture(source) {
  if (source === "stereo") {
    const device = await microphone({ channelCount: 2, echoCancellation: false, noiseSuppression: false, autoGainControl: false });
    return { tracks: device.getAudioTracks(), speakers: ["agent", "lead"], layout: "stereo" };
  }
  const own = await microphone({ channelCount: 1, echoCancellation: true, noiseSuppression: true });
  if (source === "microphone") return { tracks: own.getAudioTracks(), speakers: ["agent"], layout: "tracks" };
  const tab = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
  tab.getVideoTracks().forEach((track) => track.stop());
  if (!tab.getAudioTracks().length) {
    own.getTracks().forEach((track) => track.stop());
    throw new Error("The tab was shared without its sound. Share it again and tick “Also share tab audio”.");
  }
  return { tracks: [own.getAudioTracks()[0], tab.getAudioTracks()[0]], speakers: ["agent", "lead"], layout: "tracks" };
}

/** Begins the call. `about` is sent with the offer. Resolves to the call's id and a way to hang up. */
export async function begin(api, heard, about, lost) {
  const { ice_servers: iceServers } = await api("GET", "/v1/webrtc/servers");
  const peer = new RTCPeerConnection({ iceServers });
  const hangUp = () => { peer.close(); heard.tracks.forEach((track) => track.stop()); };
  try {
    for (const track of heard.tracks) peer.addTransceiver(track, { direction: "sendonly" });
    await peer.setLocalDescription();
    await gathered(peer);
    const answer = await api("POST", "/v1/webrtc/offer", {
      sdp: peer.localDescription.sdp, type: "offer", speakers: heard.speakers, layout: heard.layout,
      granted: heard.speakers, disclosed: true, ...about,
    });
    await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    peer.addEventListener("connectionstatechange", () => lost(peer.connectionState));
    return { callId: answer.call_id, hangUp };
  } catch (error) {
    hangUp();
    throw error;
  }
}

async function microphone(wanted) {
  if (!navigator.mediaDevices) throw new Error("This browser gives a microphone to pages over https only, or on this machine.");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: wanted });
  } catch (error) {
    if (error.name === "NotAllowedError") throw new Error("The browser did not give the microphone. Allow it for this page, then start again.");
    if (error.name === "NotFoundError") throw new Error("There is no microphone. Plug one in, then start again.");
    throw error;
  }
}

function gathered(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState === "complete") { clearTimeout(timer); resolve(); }
    });
  });
}
