// Cards with one-tap verdicts, steps that tick themselves off, and the talk meter.

import { clock, name } from "./transcript.js";

const cards = document.getElementById("cards");
const cardsEmpty = document.getElementById("cards-empty");
const steps = document.getElementById("steps");
const stepsPart = document.getElementById("steps-part");
const shares = document.getElementById("shares");
const measures = document.getElementById("measures");
const SAID = { dismissed: "Dismissed", useful: "Useful" };

let judge = () => {};

export function clear(onVerdict) {
  judge = onVerdict;
  cards.replaceChildren();
  steps.replaceChildren();
  shares.replaceChildren();
  measures.replaceChildren();
  cardsEmpty.hidden = false;
  stepsPart.hidden = true;
}

export function card(data) {
  if (data.card) show(data.card);
  else settle(data.card_id, data.state);
}

/** The newest card that nobody has judged. */
export function newest() {
  return cards.querySelector(".card:not([data-verdict])");
}

export function pass(node, verdict) {
  judge(node.dataset.id, verdict);
}

function show(one) {
  if (find(one.card_id)) return;
  const node = document.createElement("li");
  node.className = "card";
  node.dataset.id = one.card_id;
  node.dataset.severity = one.severity;
  node.tabIndex = -1;
  node.append(text("p", "kind", `${name(one.category)} · ${clock(one.at)}`), text("h3", "", one.title), text("p", "do", one.suggestion));
  if (one.quote) node.append(text("blockquote", "", one.quote));
  node.append(acts(node, one));
  cards.prepend(node);
  cardsEmpty.hidden = true;
  if (!cards.contains(document.activeElement)) node.scrollIntoView({ block: "nearest" });
}

function acts(node, one) {
  const line = text("p", "acts", "");
  for (const [verdict, label, key] of [["useful", "Useful", "U"], ["dismissed", "Dismiss", "D"]]) {
    const button = document.createElement("button");
    button.type = "button";
    const hint = document.createElement("kbd");
    hint.textContent = key;
    hint.ariaHidden = "true";
    button.append(`${label} `, hint);
    button.ariaLabel = `${label}: ${one.title}`;
    button.addEventListener("click", () => pass(node, verdict));
    line.append(button);
  }
  if (one.link && /^https?:\/\//.test(one.link)) {
    const link = text("a", "", "Playbook");
    link.href = one.link;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    line.append(link);
  }
  return line;
}

function settle(id, verdict) {
  const node = find(id);
  if (!node) return;
  const focused = node.contains(document.activeElement);
  node.dataset.verdict = verdict;
  node.querySelector(".kind").textContent = SAID[verdict] ?? verdict;
  cards.append(node);
  if (focused) (newest()?.querySelector("button") ?? node).focus();
}

function find(id) {
  return [...cards.children].find((node) => node.dataset.id === id);
}

export function step(data) {
  if (!data.done) return;
  steps.append(text("li", "", data.title ?? data.step));
  stepsPart.hidden = false;
}

export function meter(data, speakers) {
  shares.replaceChildren(...speakers.map((speaker, side) => share(speaker, side, data.talk_share[speaker])));
  const longest = Object.entries(data.longest_monologue_s ?? {}).sort((a, b) => b[1] - a[1])[0];
  const told = [
    ["Longest at a stretch", longest ? `${name(longest[0])}, ${clock(longest[1])}` : "–"],
    ["Silence now", data.silence_s >= 1 ? `${Math.round(data.silence_s)} s` : "–"],
    ["Questions", each(data.questions, speakers)],
    ["Interruptions", each(data.interruptions, speakers)],
  ];
  measures.replaceChildren(...told.map(([label, value]) => {
    const pair = document.createElement("div");
    pair.append(text("dt", "", label), text("dd", "", value));
    return pair;
  }));
}

function share(speaker, side, value) {
  const line = text("div", "share", "");
  line.dataset.side = side;
  const track = text("span", "track", "");
  track.style.setProperty("--share", value ?? 0);
  line.append(text("span", "", name(speaker)), track, text("span", "figure", value === undefined ? "–" : `${Math.round(100 * value)} %`));
  return line;
}

function each(counts, speakers) {
  return speakers.map((speaker) => `${name(speaker)} ${counts?.[speaker] ?? 0}`).join(", ");
}

function text(tag, className, content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = content;
  return node;
}
