
// The server's API. Addresses are relative, so that the page works behind a prefix.
let apiKey = '';  // in memory only

class ApiError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  const headers = {'Content-Type': 'application/json'};
  if (apiKey) headers.Authorization = `Bearer ${apiKey}`;
  let response;
  try {
    response = await fetch(path, {...options, headers});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('The server cannot be reached.');
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  const wait = response.headers.get('Retry-After');
  const message = body?.error?.message ?? `The server answered ${response.status}.`;
  throw new ApiError(wait ? `${message} (Try again in ${wait} s.)` : message, response.status);
}

// The data of each server-sent event. The server writes one line of data an event.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith('data:')) yield line.slice(5).trim();
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function addDelta(answer, delta) {
  answer.content += delta.content ?? '';
  answer.reasoning += delta.reasoning_content ?? '';
  for (const {index, id, function: part} of delta.tool_calls ?? []) {
    const call = answer.calls[index] ??= {id: '', name: '', arguments: ''};
    if (id) call.id = id;
    call.name += part?.name ?? '';
    call.arguments += part?.arguments ?? '';
  }
}

// Streams one answer into `answer`, calling `changed` after each event. Times are in seconds.
async function streamAnswer(answer, body, signal, changed) {
  const began = performance.now();
  const since = () => (performance.now() - began) / 1000;
  const response = await ask('v1/chat/completions', {method: 'POST', body: JSON.stringify(body), signal});
  let ended = false;
  try {
    for await (const data of events(response)) {
      if (data === '[DONE]') {
        ended = true;
        break;
      }
      const event = JSON.parse(data);
      if (event.error) throw new ApiError(event.error.message, event.error.code);
      if (event.usage) answer.tokens = event.usage.completion_tokens;
      const choice = event.choices?.[0];
      if (!choice) continue;
      addDelta(answer, choice.delta);
      if (choice.delta.content || choice.delta.reasoning_content || choice.delta.tool_calls) {
        answer.first ??= since();
        answer.last = since();
        answer.tokens++;
      }
      if (choice.delta.content || choice.delta.tool_calls) answer.thought ??= since() - answer.first;
      if (choice.finish_reason) answer.reason = choice.finish_reason;
      changed();
    }
  } catch (error) {
    if (error.name === 'AbortError' || error instanceof ApiError) throw error;
    throw new ApiError('The connection broke before the answer was complete.');
  }
  if (!ended) throw new ApiError('The connection ended before the answer was complete.');
}
