// OpenAI's Node SDK and the Responses API: says as JSON what it made of a stream, a chain, pages and a poll.
// Arguments: the server's URL, and a message that is answered by a thought, a text and a call of `look`.
import OpenAI from "openai";

const [url, said] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url + "/v1", apiKey: "none", maxRetries: 0 });
const tools = [{ type: "function", name: "look", parameters: { type: "object" }, strict: false }];
const asked = { model: "default", input: said, tools };
const out = {};

const whole = await client.responses.create(asked);
out.whole = { text: whole.output_text, types: whole.output.map((item) => item.type) };

const stream = client.responses.stream(asked);
out.deltas = "";
for await (const event of stream) {
  if (event.type === "response.output_text.delta") out.deltas += event.delta;
}
const final = await stream.finalResponse();
out.streamed = { text: final.output_text, types: final.output.map((item) => item.type) };
const call = final.output.find((item) => item.type === "function_call");
out.arguments = JSON.parse(call.arguments);

const input = [{ type: "function_call_output", call_id: call.call_id, output: "a river" }];
const next = await client.responses.create({ ...asked, previous_response_id: final.id, input });
out.next = next.output_text;
out.items = [];
for await (const item of client.responses.inputItems.list(next.id, { limit: 1, order: "asc" })) {
  out.items.push(item.type);
}
await client.responses.delete(final.id);
out.gone = await client.responses.retrieve(final.id).catch((error) => [error.constructor.name, error.status]);

let later = await client.responses.create({ ...asked, background: true });
while (["queued", "in_progress"].includes(later.status)) later = await client.responses.retrieve(later.id);
out.later = [later.status, later.output_text];
console.log(JSON.stringify(out));
