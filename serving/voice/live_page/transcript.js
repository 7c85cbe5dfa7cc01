// Both sides' words in the order in which they were said. Committed words never change; tentative ones are paler.

const SAME_ROW_S = 4;
const NEAR_END_PX = 120;

const words = document.getElementById("words");
const empty = document.getElementById("words-empty");
const jump = document.getElementById("jump");

let rows = [];
let tentative = new Map();
let following = true; // until somebody scrolls back
let scrolledTo = 0;

export function clear() {
  rows = [];
  following = true;
  tentative = new Map();
  words.replaceChildren();
  empty.hidden = false;
  jump.hidden = true;
}

export function commit({ channel, speaker, words: said }) {
  const start = said[0].start, end = said.at(-1).end;
  keepInView(() => {
    const own = rows.findLast((row) => row.channel === channel);
    const between = own && rows.some((row) => row.channel !== channel && row.start > own.start && row.start < start);
    const row = own && !between && start - own.end < SAME_ROW_S ? own : add(channel, speaker, start);
    row.end = end;
    row.settled.append((row.settled.textContent ? " " : "") + said.map((word) => word.text).join(" "));
    empty.hidden = true;
  });
}

export function guess({ channel, speaker, words: said }) {
  keepInView(() => {
    tentative.get(channel)?.remove();
    tentative.delete(channel);
    if (!said.length) return;
    const last = rows.at(-1);
    const inline = last && last.channel === channel && said[0].start - last.end < SAME_ROW_S;
    const span = document.createElement("span");
    span.className = "tentative";
    span.ariaHidden = "true";
    span.textContent = (inline ? " " : "") + said.map((word) => word.text).join(" ");
    if (inline) {
      last.line.append(span);
      tentative.set(channel, span);
    } else {
      const row = element(channel, speaker, said[0].start);
      row.node.ariaHidden = "true";
      row.line.append(span);
      words.append(row.node);
      tentative.set(channel, row.node);
    }
    empty.hidden = true;
  });
}

export function gap({ channel, seconds, reason }, speakers) {
  const note = document.createElement("p");
  note.className = "gap";
  const whose = speakers[channel] ?? `channel ${channel + 1}`;
  note.textContent = reason === "overload"
    ? `${seconds.toFixed(1)} s of ${whose} were not heard: too much to do.`
    : `${seconds.toFixed(1)} s of ${whose} were lost on the way.`;
  keepInView(() => words.append(note));
}

function add(channel, speaker, start) {
  const row = element(channel, speaker, start);
  const later = rows.findIndex((other) => other.start > start);
  if (later < 0) {
    rows.push(row);
    const pending = [...tentative.values()].find((node) => node.parentNode === words);
    words.insertBefore(row.node, pending ?? null);
  } else {
    words.insertBefore(row.node, rows[later].node);
    rows.splice(later, 0, row);
  }
  return row;
}

function element(channel, speaker, start) {
  const node = document.createElement("div");
  node.className = "row";
  node.dataset.side = channel;
  const who = document.createElement("p");
  who.className = "who";
  const time = document.createElement("small");
  time.textContent = clock(start);
  who.append(name(speaker), time);
  const line = document.createElement("p");
  line.className = "line";
  const settled = document.createElement("span");
  line.append(settled);
  node.append(who, line);
  return { node, line, settled, channel, start, end: start };
}

export function name(speaker) {
  return speaker.charAt(0).toUpperCase() + speaker.slice(1);
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function nearEnd() {
  return words.scrollHeight - words.scrollTop - words.clientHeight < NEAR_END_PX;
}

function keepInView(change) {
  change();
  toEnd();
}

function toEnd() {
  if (following) words.scrollTop = words.scrollHeight;
}

// What the page scrolls goes down; only a person scrolls up. Where the end is still being scrolled to, it is followed.
words.addEventListener("scroll", () => {
  if (nearEnd()) following = true;
  else if (words.scrollTop < scrolledTo) following = false;
  scrolledTo = words.scrollTop;
  jump.hidden = following;
});
new ResizeObserver(toEnd).observe(words);
jump.addEventListener("click", () => { words.focus({ preventScroll: true }); following = true; toEnd(); });
