// The page: which part of it shows, what the service tells, and the keys.

import * as coach from "./coach.js";
import { begin, capture } from "./microphone.js";
import { watch } from "./stream.js";
import * as transcript from "./transcript.js";

const KEY = "lintel-key", COLOURS = "lintel-colours", LIST_EVERY_MS = 3_000, LATE_MS = 3_000;
const ENDED = {
  hung_up: "The call has ended.",
  vanished: "The call has ended: the other side was lost.",
  consent_withdrawn: "The call has ended: consent was withdrawn. Nothing is heard any more.",
  shut_down: "The call has ended: the service was stopped.",
  too_long: "The call has ended: it was longer than the service listens.",
};
const HOLD = {
  refused: ["Not listening.", "Somebody on this call has refused. Nothing is heard, measured or kept."],
  unknown: ["Not listening yet.", "Nothing is heard, measured or kept until everyone has agreed."],
};
const at = (id) => document.getElementById(id);

let key = sessionStorage.getItem(KEY) ?? "";
let call = null; // { id, speakers, began, stop, hangUp }
let listing = 0;

async function api(method, path, body) {
  const answer = await fetch(path, {
    method, cache: "no-store",
    headers: { Authorization: `Bearer ${key}`, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body && JSON.stringify(body),
  });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  const error = new Error([problem.detail ?? `The service answered ${answer.status}.`, problem.mend].filter(Boolean).join(" "));
  error.status = answer.status;
  throw error;
}

function view(name) {
  document.body.dataset.view = name;
  for (const part of ["key", "lobby", "call"]) at(`view-${part}`).hidden = part !== name;
  for (const id of ["consent", "clock", "lag", "end", "back"]) at(id).hidden = true;
  at("back").hidden = name !== "call";
  banner("");
  clearTimeout(listing);
  if (name === "lobby") list();
}

function banner(text, kind = "warn") {
  at("banner").textContent = text;
  at("banner").dataset.kind = kind;
  at("banner").hidden = !text;
}

// the key

at("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  key = at("key").value.trim();
  if (await enter()) at("key").value = "";
});

async function enter() {
  try {
    await api("GET", "/v1/calls?limit=1");
  } catch (error) {
    view("key");
    at("key-fault").textContent = error.status ? error.message : "The service cannot be reached.";
    return false;
  }
  sessionStorage.setItem(KEY, key);
  at("key-fault").textContent = "";
  const named = new URLSearchParams(location.hash.slice(1)).get("call");
  if (named) await open(named); else view("lobby");
  return true;
}

// the lobby

at("agreed").addEventListener("change", () => {
  at("start").disabled = !at("agreed").checked;
  at("start-why").hidden = at("agreed").checked;
});

at("start-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("start-fault").textContent = "";
  at("start").disabled = true;
  let heard = null;
  try {
    heard = await capture(new FormData(event.target).get("source"));
    const about = { lead_id: at("lead").value.trim() || null, agent_id: at("agent").value.trim() || null };
    const begun = await begin(api, heard, about, ownConnection);
    await open(begun.callId, begun.hangUp);
  } catch (error) {
    heard?.tracks.forEach((track) => track.stop());
    at("start-fault").textContent = error.message;
  }
  at("agreed").checked = false;
  at("agreed").dispatchEvent(new Event("change"));
});

function ownConnection(state) {
  if (!call?.hangUp) return;
  if (state === "disconnected") banner("Your sound does not get through. Waiting for the network…");
  if (state === "connected") banner("");
  if (state === "failed") banner("Your sound is lost. End this call and start again.", "bad");
}

async function list() {
  try {
    const { calls } = await api("GET", "/v1/calls?limit=1");
    const live = calls.filter((one) => one.state === "live");
    const shown = live.map((one) => one.call_id + one.consent).join();
    if (at("calls").dataset.shown !== shown) at("calls").replaceChildren(...live.map(entry));
    at("calls").dataset.shown = shown;
    at("calls-empty").hidden = live.length > 0;
    banner("");
  } catch {
    banner("The list of calls cannot be read now. Trying again…");
  }
  listing = setTimeout(list, LIST_EVERY_MS);
}

function entry(one) {
  const [item, button, who, when, about] = ["li", "button", "span", "span", "small"].map((tag) => document.createElement(tag));
  button.type = "button";
  who.textContent = one.lead_id ? `Lead ${one.lead_id}` : "A lead";
  when.textContent = new Date(one.began_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  button.append(who, when, about);
  about.textContent = [one.agent_id && `with ${one.agent_id}`, one.source === "twilio" ? "by telephone" : "from a browser",
    one.consent === "granted" ? "listening" : "waiting for consent"].filter(Boolean).join(" · ");
  button.addEventListener("click", () => open(one.call_id));
  item.append(button);
  return item;
}

// a call

async function open(id, hangUp = null) {
  let known;
  try {
    known = await api("GET", `/v1/calls/${encodeURIComponent(id)}`);
  } catch (error) {
    view("lobby");
    at("start-fault").textContent = error.message;
    return;
  }
  if (known.document) { view("lobby"); at("start-fault").textContent = "That call has ended."; return; }
  const stop = new AbortController();
  call = { id, speakers: known.speakers, began: performance.now() - 1000 * (known.now ?? 0), stop, hangUp, ended: false };
  history.replaceState(null, "", `#call=${encodeURIComponent(id)}`);
  transcript.clear();
  coach.clear(verdict);
  view("call");
  at("end").hidden = at("clock").hidden = false;
  coach.meter({ talk_share: {} }, call.speakers);
  at("main").focus();
  watch(`/v1/calls/${encodeURIComponent(id)}/live`, key, told, connection, stop.signal);
}

function told(kind, data) {
  switch (kind) {
    case "consent": consent(data); break;
    case "committed": transcript.commit(data); break;
    case "tentative": transcript.guess(data); break;
    case "gap": transcript.gap(data, call.speakers); break;
    case "card": coach.card(data); break;
    case "step": coach.step(data); break;
    case "meter": coach.meter(data, call.speakers); break;
    case "lag": lag(data); break;
    case "ended": ended(data.reason); break;
  }
}

function connection(state, tries) {
  if (state === "live") banner("");
  if (state === "lost" && !call.ended) banner(`The connection to the service is lost. Trying again${tries > 1 ? ` (${tries})` : ""}… The call itself may go on.`);
  if (state === "gone" && !call.ended) banner("This call is not live any more.", "calm");
}

function consent({ state, disclosed, missing }) {
  const chip = at("consent"), hold = at("hold");
  chip.hidden = false;
  chip.dataset.state = state;
  chip.textContent = { granted: "Listening", refused: "Refused", withdrawn: "Consent withdrawn", unknown: "Waiting for consent" }[state];
  at("words-empty").hidden = state !== "granted" || at("words").childElementCount > 0;
  hold.hidden = !(state in HOLD);
  hold.dataset.state = state;
  if (hold.hidden) return;
  const [title, why] = HOLD[state], bold = document.createElement("b");
  bold.textContent = title;
  hold.replaceChildren(bold, `${why}${disclosed && state === "unknown" ? " They have been told of it." : ""}`, document.createElement("br"));
  if (state === "unknown") for (const speaker of missing) hold.append(answer(speaker, "granted", "has agreed"), answer(speaker, "refused", "refuses"));
}

function answer(speaker, state, words) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `${transcript.name(speaker)} ${words}`;
  button.addEventListener("click", () => act("consent", { speaker, state, disclosed: true }));
  return button;
}

async function act(what, body) {
  try {
    await api("POST", `/v1/calls/${encodeURIComponent(call.id)}/${what}`, body);
    return true;
  } catch (error) {
    banner(error.message, "bad");
    return false;
  }
}

async function verdict(cardId, said) {
  if (await act(`cards/${encodeURIComponent(cardId)}`, { verdict: said })) at("said").textContent = said === "useful" ? "Marked useful." : "Dismissed.";
}

function lag({ lag_ms: byChannel, model }) {
  const worst = Math.max(0, ...Object.values(byChannel));
  at("lag").hidden = false;
  at("lag").dataset.late = worst > LATE_MS;
  at("lag").textContent = `${(worst / 1000).toFixed(1)} s behind · ${model}`;
}

function ended(reason) {
  call.ended = true;
  call.hangUp?.();
  call.hangUp = null;
  at("end").hidden = at("lag").hidden = at("hold").hidden = at("words-empty").hidden = true;
  at("consent").dataset.state = "ended";
  at("consent").textContent = "Ended";
  banner(ENDED[reason] ?? "The call has ended.", "calm");
}

at("end").addEventListener("click", async () => {
  if (await act("end")) { call.hangUp?.(); call.hangUp = null; }
});

at("back").addEventListener("click", () => {
  if (call?.hangUp && !confirm("Your microphone is in this call. Leave the call and end it?")) return;
  if (call?.hangUp) at("end").click();
  call?.stop.abort();
  call = null;
  history.replaceState(null, "", location.pathname);
  view("lobby");
});

setInterval(() => {
  if (call && !call.ended) at("clock").textContent = transcript.clock((performance.now() - call.began) / 1000);
}, 500);

// keys and colours

document.addEventListener("keydown", (event) => {
  if (!at("shortcuts").checked || event.ctrlKey || event.metaKey || event.altKey || document.body.dataset.view !== "call") return;
  if (event.target.matches("input, textarea, select")) return;
  const focused = document.activeElement?.closest?.(".card:not([data-verdict])");
  const card = focused ?? coach.newest();
  const acts = {
    u: () => card && coach.pass(card, "useful"),
    d: () => card && coach.pass(card, "dismissed"),
    c: () => coach.newest()?.querySelector("button").focus(),
    w: () => at("words").focus(),
  };
  const act = acts[event.key.toLowerCase()];
  if (act) { event.preventDefault(); act(); }
});

const NEXT = { auto: "light", light: "dark", dark: "auto" };

function colours(chosen) {
  if (chosen === "auto") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = chosen;
  const label = { auto: "Auto", light: "Light", dark: "Dark" }[chosen];
  at("theme").textContent = label;
  at("theme").ariaLabel = `Colours: ${label}`;
  at("theme").dataset.chosen = chosen;
  localStorage.setItem(COLOURS, chosen);
}

at("theme").addEventListener("click", () => colours(NEXT[at("theme").dataset.chosen]));
colours(localStorage.getItem(COLOURS) ?? "auto");
window.addEventListener("pagehide", () => call?.hangUp?.());
if (key) enter(); else view("key");
