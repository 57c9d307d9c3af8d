// Anthropic's Node SDK and its messages: what it parses, accumulates, raises, retries and leaves.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import * as support from "./support.mjs";
import { say, slow, writtenCall } from "./support.mjs";

const client = new Anthropic({ baseURL: support.SLUICE_URL, apiKey: "none", maxRetries: 0, timeout: 30e3 });
const tools = [{ name: "look", description: "looks", input_schema: support.LOOK }];
const asked = (...messages) => ({ model: "default", max_tokens: 3000, messages });
const GIVEN = { path: "a/é b", deep: true };

const Box = z.object({ size: z.enum(["small", "large"]), count: z.number().int(), labels: z.array(z.string()) });
const BOX = { size: "large", count: 7, labels: ["é", "🦀"] };
const boxed = () => ({ ...asked(say(JSON.stringify(BOX))), output_config: { format: zodOutputFormat(Box) } });

test("a message", async () => {
  const text = "Rivers run: naïve 🏔️";
  const message = await client.messages.create({ ...asked(say(text)), system: "Be brief." });
  assert.deepEqual(message.content.map((block) => [block.type, block.text]), [["text", text]]);
  assert.deepEqual([message.stop_reason, message.stop_sequence], ["end_turn", null]);
  assert.ok(message._request_id && message.id.startsWith("msg_"));
  const cut = await client.messages.create({ ...asked(say(text)), stop_sequences: [": "] });
  assert.deepEqual([cut.content[0].text, cut.stop_reason, cut.stop_sequence], ["Rivers run", "stop_sequence", ": "]);
});

test("a stream accumulates to the message", async () => {
  const thought = support.thinks ? "<think>\nTwo and two.\n</think>\n\n" : "";
  const said = `${thought}I look.\n${writtenCall("look", GIVEN)}\n${writtenCall("look", { path: "", deep: false })}`;
  const body = { ...asked(say(said, { cut: "bytes" })), tools };
  if (support.thinks) body.thinking = { type: "enabled", budget_tokens: 1024 };
  const whole = await client.messages.create(body);
  const stream = client.messages.stream(body);
  const heard = { text: "", thinking: "", inputs: [] };
  stream.on("text", (delta) => (heard.text += delta));
  stream.on("thinking", (delta) => (heard.thinking += delta));
  stream.on("contentBlock", (block) => block.type === "tool_use" && heard.inputs.push(block.input));
  const final = await stream.finalMessage();
  const told = (message) => message.content.map(({ type, text, thinking, name, input }) => ({ type, text, thinking, name, input }));
  assert.deepEqual(told(final), told(whole));
  assert.equal(final.stop_reason, "tool_use");
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
  assert.deepEqual(heard.inputs, [GIVEN, { path: "", deep: false }]);
  assert.equal(heard.text.trim(), "I look.");
  assert.equal(heard.thinking.trim(), support.thinks ? "Two and two." : "");
});

test("counted tokens are the prompt's", async () => {
  const body = { model: "default", messages: [say("x")], system: "Be brief.", tools };
  const { usage } = await client.messages.create({ ...body, max_tokens: 5 });
  const counted = await client.messages.countTokens(body);
  assert.equal(counted.input_tokens, usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
});

test("a tool loop", async () => {
  const messages = [say(["I look.\n" + writtenCall("look", GIVEN), "It is a river."])];
  const first = await client.messages.create({ ...asked(...messages), tools });
  assert.deepEqual([first.stop_reason, ...first.content.map((b) => b.type)], ["tool_use", "text", "tool_use"]);
  assert.deepEqual(first.content[1].input, GIVEN);
  const result = { type: "tool_result", tool_use_id: first.content[1].id, content: "river" };
  messages.push({ role: "assistant", content: first.content }, { role: "user", content: [result] });
  const last = await client.messages.create({ ...asked(...messages), tools });
  assert.deepEqual([last.content[0].text, last.stop_reason], ["It is a river.", "end_turn"]);
});

test("the tool runner goes on until there is text", async () => {
  const again = { path: "b", deep: false };
  for (const stream of [false, true]) {
    const ran = [];
    const look = betaZodTool({
      name: "look",
      description: "looks",
      inputSchema: z.object({ path: z.string(), deep: z.boolean() }),
      run: (given) => (ran.push(given), `river ${ran.length}`),
    });
    const message = say([writtenCall("look", GIVEN), "Again.\n" + writtenCall("look", again), "It is a river."]);
    const final = await client.beta.messages.toolRunner({ ...asked(message), tools: [look], stream });
    assert.equal(final.content[0].text, "It is a river.");
    assert.deepEqual(ran, [GIVEN, again]);
  }
});

test("a thread, which the server does not keep, is a whole conversation", async () => {
  const thread = client.beta.messages.thread({ model: "default", max_tokens: 3000 });
  const first = await thread.send(say("It is a river."));
  const second = await thread.send(say("It still is."));
  assert.equal(second.content[0].text, "It still is.");
  assert.equal(thread.messages.length, 4);
  const read = ({ usage }) => usage.input_tokens + usage.cache_read_input_tokens;
  assert.ok(read(second) > read(first) + 20);
});

test("zod gives the answer its type", async () => {
  assert.deepEqual((await client.messages.parse(boxed())).parsed_output, BOX);
  assert.deepEqual((await client.messages.stream(boxed()).finalMessage()).parsed_output, BOX);
  const broken = { ...boxed(), messages: [say('{"size": "medium", "count": "many"}')] };
  const bent = (await client.messages.parse(broken)).parsed_output;
  assert.ok(["small", "large"].includes(bent.size) && Number.isInteger(bent.count));
});

test("errors have their class and type", async () => {
  const ask = (more) => client.messages.create({ ...asked(say("x")), ...more });
  const thrown = (more) => ask(more).then(assert.fail, (error) => error);
  const wrong = await thrown({ temperature: 9 });
  assert.ok(wrong instanceof Anthropic.BadRequestError && wrong.requestID);
  assert.equal(wrong.error.error.type, "invalid_request_error");
  assert.match(wrong.message, /temperature/);
  const missing = await thrown({ model: "other" });
  assert.ok(missing instanceof Anthropic.NotFoundError);
  const long = await thrown({ ...asked({ role: "user", content: "word ".repeat(5000) }), stream: true });
  assert.ok(long instanceof Anthropic.BadRequestError);
});

test("a full server is asked again when it said", async () => {
  const { times, fetch } = support.timedFetch();
  const busy = client.withOptions({ baseURL: support.BUSY_URL, fetch });
  const ask = (message, signal) =>
    client.withOptions({ baseURL: support.BUSY_URL }).messages.create(asked(message), { signal });
  await support.whileBusy(ask, async (leave) => {
    const full = await busy.messages.create(asked(say("x"))).then(assert.fail, (error) => error);
    assert.ok(full instanceof Anthropic.RateLimitError);
    assert.equal(full.error.error.type, "rate_limit_error");
    times.length = 0;
    setTimeout(leave, 50);
    const answer = await busy.messages.create(asked(say("at last")), { maxRetries: 8 });
    assert.equal(answer.content[0].text, "at last");
    support.assertWaited(times);
  });
});

test("a time-out ends the work", async () => {
  const late = client.messages.create(asked(slow), { timeout: 200 });
  await assert.rejects(late, Anthropic.APIConnectionTimeoutError);
  await support.reaches("vllm:num_requests_running", 0);
});

test("an aborted request and an aborted stream end the work", async () => {
  const leave = new AbortController();
  const whole = client.messages.create(asked(slow), { signal: leave.signal });
  setTimeout(() => leave.abort(), 100);
  await assert.rejects(whole, Anthropic.APIUserAbortError);
  await support.reaches("vllm:num_requests_running", 0);
  const stream = client.messages.stream(asked(slow));
  stream.once("text", () => stream.abort());
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  await support.reaches("vllm:num_requests_running", 0);
});
