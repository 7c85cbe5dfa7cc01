// Server-sent events over fetch: EventSource cannot send a key, and a key has no place in an address.

const SILENT_MS = 25_000; // the service sends a heartbeat every 10 s
const WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000];

export class Gone extends Error {}

/** Watches a call until it has ended. `told` gets (kind, data); `state` gets "live", "lost" with the try's number, or "gone". */
export async function watch(path, key, told, state, signal) {
  let last = 0, tries = 0;
  while (!signal.aborted) {
    try {
      const ended = await follow(path, key, last, (id, kind, data) => { last = id; told(kind, data); },
        () => { tries = 0; state("live"); }, signal);
      if (ended) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Gone) { state("gone"); return; }
    }
    state("lost", ++tries);
    await pause(WAITS_MS[Math.min(tries, WAITS_MS.length) - 1], signal);
  }
}

async function follow(path, key, last, told, opened, signal) {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener("abort", stop);
  let patience = setTimeout(stop, SILENT_MS);
  try {
    const answer = await fetch(path, {
      headers: { Authorization: `Bearer ${key}`, ...(last ? { "Last-Event-ID": String(last) } : {}) },
      signal: attempt.signal, cache: "no-store",
    });
    if ([401, 403, 404].includes(answer.status)) throw new Gone();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    opened();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "", ended = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return ended;
      clearTimeout(patience);
      patience = setTimeout(stop, SILENT_MS);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = read(block);
        if (event) { told(event.id, event.kind, event.data); ended ||= event.kind === "ended"; }
      }
    }
  } finally {
    clearTimeout(patience);
    signal.removeEventListener("abort", stop);
  }
}

function read(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return fields.data ? { id: Number(fields.id), kind: fields.event, data: JSON.parse(fields.data) } : null;
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
