// OpenAI's Node SDK and chat completions: what it parses, accumulates, raises, retries and leaves.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import * as support from "./support.mjs";
import { say, slow, writtenCall } from "./support.mjs";

const client = new OpenAI({ baseURL: support.SLUICE_URL + "/v1", apiKey: "none", maxRetries: 0, timeout: 30e3 });
const tools = [{ type: "function", function: { name: "look", parameters: support.LOOK } }];
const asked = (...messages) => ({ model: "default", messages });
const GIVEN = { path: "a/é b", deep: true };

const Box = z.object({
  size: z.enum(["small", "large"]),
  count: z.number().int(),
  lid: z.object({ lock: z.boolean() }).nullable(),
  labels: z.array(z.string()),
});
const BOX = { size: "large", count: 7, lid: { lock: true }, labels: ["é", "🦀"] };
const boxed = () => ({ ...asked(say(JSON.stringify(BOX))), response_format: zodResponseFormat(Box, "box") });

test("an answer and its usage", async () => {
  const text = "Rivers run: naïve 🏔️";
  const answer = await client.chat.completions.create({ ...asked(say(text)), n: 2 });
  assert.deepEqual(
    answer.choices.map((c) => [c.message.content, c.finish_reason]),
    [[text, "stop"], [text, "stop"]],
  );
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.ok(answer._request_id);
});

test("a stream says the same", async () => {
  const body = { ...asked(say("Rivers run:\n naïve 🏔️", { cut: "bytes" })), seed: 1 };
  const whole = await client.chat.completions.create(body);
  const chunks = [];
  const stream = await client.chat.completions.create({ ...body, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) chunks.push(chunk);
  const usage = chunks.pop();
  assert.deepEqual(usage.choices, []);
  assert.equal(usage.usage.completion_tokens, whole.usage.completion_tokens);
  const text = chunks.map((c) => c.choices[0].delta.content ?? "").join("");
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
});

test("a stream's helper accumulates text, thoughts and calls", async () => {
  const thought = support.thinks ? "<think>\nhm\n</think>\n\n" : "";
  const said = `${thought}I look.\n${writtenCall("look", GIVEN)}\n${writtenCall("look", { path: "", deep: false })}`;
  const stream = client.chat.completions.stream({ ...asked(say(said)), tools });
  const seen = [];
  stream.on("tool_calls.function.arguments.done", (call) => seen.push(JSON.parse(call.arguments)));
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];
  assert.equal(finish_reason, "tool_calls");
  assert.equal(message.content.trim(), "I look.");
  const calls = message.tool_calls.map((call) => JSON.parse(call.function.arguments));
  assert.deepEqual(calls, [GIVEN, { path: "", deep: false }]);
  assert.deepEqual(seen, calls);
});

test("the tool runner goes on until there is text", async () => {
  const ran = [];
  const run = {
    ...tools[0].function,
    parse: JSON.parse,
    function: (given) => (ran.push(given), `river ${ran.length}`),
  };
  const again = { path: "b", deep: false };
  for (const stream of [false, true]) {
    ran.length = 0;
    const message = say([writtenCall("look", GIVEN), writtenCall("look", again), "It is a river."]);
    const runner = client.chat.completions.runTools({
      ...asked(message),
      stream,
      tools: [{ type: "function", function: run }],
    });
    assert.equal(await runner.finalContent(), "It is a river.");
    assert.deepEqual(ran, [GIVEN, again]);
    assert.deepEqual(
      runner.messages.map((m) => m.role),
      ["user", "assistant", "tool", "assistant", "tool", "assistant"],
    );
  }
});

test("zod gives the answer its type", async () => {
  const whole = await client.chat.completions.parse(boxed());
  assert.deepEqual(whole.choices[0].message.parsed, BOX);
  const streamed = await client.chat.completions.stream(boxed()).finalChatCompletion();
  assert.deepEqual(streamed.choices[0].message.parsed, BOX);
});

test("an answer that would break the schema is bent to it", async () => {
  const body = { ...boxed(), messages: [say('{"size": "medium", "count": "many"}')], max_tokens: 400 };
  const { message } = (await client.chat.completions.parse(body)).choices[0];
  assert.ok(["small", "large"].includes(message.parsed.size) && Number.isInteger(message.parsed.count));
});

test("zod gives arguments their type", async () => {
  const look = zodFunction({ name: "look", parameters: z.object({ path: z.string(), deep: z.boolean() }) });
  const body = { ...asked(say(writtenCall("look", GIVEN))), tools: [look] };
  for (const tool_choice of ["auto", "required"]) {
    const { message } = (await client.chat.completions.parse({ ...body, tool_choice })).choices[0];
    assert.deepEqual(message.tool_calls[0].function.parsed_arguments, GIVEN);
  }
});

test("errors have their class, code and param", async () => {
  const ask = (more) => client.chat.completions.create({ ...asked(say("x")), ...more });
  const thrown = (more) => ask(more).then(assert.fail, (error) => error);
  const wrong = await thrown({ temperature: 9 });
  assert.ok(wrong instanceof OpenAI.BadRequestError);
  assert.deepEqual([wrong.param, wrong.type], ["temperature", "invalid_request_error"]);
  assert.ok(wrong.requestID);
  const missing = await thrown({ model: "other" });
  assert.ok(missing instanceof OpenAI.NotFoundError);
  assert.equal(missing.code, "model_not_found");
  const long = await thrown({ ...asked({ role: "user", content: "word ".repeat(5000) }), stream: true });
  assert.ok(long instanceof OpenAI.BadRequestError);
  assert.equal(long.code, "context_length_exceeded");
});

test("a full server is asked again when it said", async () => {
  const { times, fetch } = support.timedFetch();
  const busy = client.withOptions({ baseURL: support.BUSY_URL + "/v1", fetch });
  const ask = (message, signal) => client.withOptions({ baseURL: support.BUSY_URL + "/v1" })
    .chat.completions.create(asked(message), { signal });
  await support.whileBusy(ask, async (leave) => {
    const full = await busy.chat.completions.create(asked(say("x"))).then(assert.fail, (error) => error);
    assert.ok(full instanceof OpenAI.RateLimitError);
    assert.equal(Number(full.headers.get("retry-after-ms")), support.RETRY_AFTER_MS);
    assert.equal(Number(full.headers.get("retry-after")), Math.ceil(support.RETRY_AFTER_MS / 1000));
    times.length = 0;
    setTimeout(leave, 50);
    const answer = await busy.chat.completions.create(asked(say("at last")), { maxRetries: 8 });
    assert.equal(answer.choices[0].message.content, "at last");
    support.assertWaited(times);
  });
});

test("a time-out ends the work", async () => {
  const late = client.chat.completions.create(asked(slow), { timeout: 200 });
  await assert.rejects(late, OpenAI.APIConnectionTimeoutError);
  await support.reaches("vllm:num_requests_running", 0);
});

test("an aborted request and an aborted stream end the work", async () => {
  const leave = new AbortController();
  const whole = client.chat.completions.create(asked(slow), { signal: leave.signal });
  setTimeout(() => leave.abort(), 100);
  await assert.rejects(whole, OpenAI.APIUserAbortError);
  await support.reaches("vllm:num_requests_running", 0);
  const stream = await client.chat.completions.create({ ...asked(slow), stream: true });
  let seen = 0;
  for await (const _ of stream) if (++seen === 5) stream.controller.abort();
  assert.ok(seen < 50);
  await support.reaches("vllm:num_requests_running", 0);
});
