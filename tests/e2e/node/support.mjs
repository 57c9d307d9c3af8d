// What the tests of both SDKs share. The environment names the servers: SLUICE_URL with the calls of
// TEMPLATE, and BUSY_URL, which runs one request, queues one, and refuses others for RETRY_AFTER_MS.
import assert from "node:assert/strict";

export const { SLUICE_URL, BUSY_URL, TEMPLATE } = process.env;
export const RETRY_AFTER_MS = Number(process.env.RETRY_AFTER_MS);
export const thinks = TEMPLATE === "hermes";

// A user message: the answers to it and, one each, to the tool results after it; see say() in server.py.
export function say(answers, { cut = "random:3", delay = 0 } = {}) {
  const texts = [answers].flat().map((text) => `[[say:${Buffer.from(text).toString("base64")}]]`);
  return { role: "user", content: `${texts.join("")}[[cut:${cut}]][[delay:${delay}]]` };
}

export const slow = say("word ".repeat(400), { cut: "bytes", delay: 5 });

// A call as the model of that template writes it.
export function writtenCall(name, given) {
  if (thinks) return `<tool_call>\n${JSON.stringify({ name, arguments: given })}\n</tool_call>`;
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  const values = Object.entries(given).map(([key, value]) => `<parameter=${key}>\n${text(value)}\n</parameter>\n`);
  return `<tool_call>\n<function=${name}>\n${values.join("")}</function>\n</tool_call>`;
}

export const LOOK = {
  type: "object",
  properties: { path: { type: "string" }, deep: { type: "boolean" } },
  required: ["path", "deep"],
  additionalProperties: false,
};

export async function metric(name, url = SLUICE_URL) {
  const text = await (await fetch(url + "/metrics")).text();
  const values = [...text.matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, "gm"))];
  assert.ok(values.length > 0, `${name} is not in /metrics`);
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

export async function reaches(name, wanted, url = SLUICE_URL) {
  const until = Date.now() + 3000;
  while ((await metric(name, url)) !== wanted) {
    assert.ok(Date.now() < until, `${name} does not become ${wanted}`);
    await new Promise((later) => setTimeout(later, 20));
  }
}

// Fills BUSY_URL, so that the next request of `ask(message, signal)` is refused, while `body` runs.
export async function whileBusy(ask, body) {
  const leave = new AbortController();
  const held = [];
  for (const name of ["vllm:num_requests_running", "vllm:num_requests_waiting"]) {
    held.push(ask(slow, leave.signal).catch((error) => error));
    await reaches(name, 1, BUSY_URL);
  }
  try {
    await body(() => leave.abort());
  } finally {
    leave.abort();
    await Promise.all(held);
  }
}

// A fetch() that keeps when it was called.
export function timedFetch() {
  const times = [];
  const timed = (...asked) => {
    times.push(Date.now());
    return fetch(...asked);
  };
  return { times, fetch: timed };
}

// The first try after a refusal comes when the server said, not after the SDK's own half second and more.
export function assertWaited(times) {
  assert.ok(times.length >= 2, `${times.length} tries`);
  const waited = times[1] - times[0];
  assert.ok(waited >= RETRY_AFTER_MS - 2 && waited < RETRY_AFTER_MS + 200, `waited ${waited} ms`);
}
