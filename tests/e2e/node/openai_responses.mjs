// OpenAI's Node SDK and the Responses API: streams, chains, pages, and responses in the background.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import * as support from "./support.mjs";

const client = new OpenAI({ baseURL: support.SLUICE_URL + "/v1", apiKey: "none", maxRetries: 0 });
const tools = [{ type: "function", name: "look", parameters: support.LOOK, strict: false }];
const thought = support.thinks ? "<think>\nhm\n</think>\n\n" : "";
const said = `${thought}Let me look.\n${support.writtenCall("look", { path: "a b", deep: true })}`;
const asked = { model: "default", input: support.say([said, "It is a river."]).content, tools };
const types = (response) => response.output.map((item) => item.type);
const TYPES = [...(support.thinks ? ["reasoning"] : []), "message", "function_call"];

test("a stream accumulates to the response", async () => {
  const whole = await client.responses.create(asked);
  assert.deepEqual(types(whole), TYPES);
  assert.equal(whole.output_text.trim(), "Let me look.");
  const stream = client.responses.stream(asked);
  let deltas = "";
  for await (const event of stream) if (event.type === "response.output_text.delta") deltas += event.delta;
  const final = await stream.finalResponse();
  assert.deepEqual(types(final), TYPES);
  assert.deepEqual([deltas, final.output_text], [whole.output_text, whole.output_text]);
});

test("a chain by name, its items in pages, and its end", async () => {
  const first = await client.responses.create(asked);
  const call = first.output.at(-1);
  assert.deepEqual(JSON.parse(call.arguments), { path: "a b", deep: true });
  const input = [{ type: "function_call_output", call_id: call.call_id, output: "a river" }];
  const next = await client.responses.create({ ...asked, previous_response_id: first.id, input });
  assert.equal(next.output_text, "It is a river.");
  const items = [];
  for await (const item of client.responses.inputItems.list(next.id, { limit: 1, order: "asc" })) items.push(item.type);
  assert.deepEqual(items, ["message", ...TYPES, "function_call_output"]);
  await client.responses.delete(first.id);
  await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
});

test("a response in the background", async () => {
  let later = await client.responses.create({ ...asked, background: true });
  while (["queued", "in_progress"].includes(later.status)) later = await client.responses.retrieve(later.id);
  assert.deepEqual([later.status, later.output_text.trim()], ["completed", "Let me look."]);
});
