
// The conversation: what is said, kept and asked.
const STORE = 'sluice.chat';
const NUMBERS = ['temperature', 'top_p', 'max_tokens', 'seed'];
const SETTINGS = ['system', 'tools', ...NUMBERS];

const log = byId('log'), prompt = byId('prompt'), model = byId('model'), panel = byId('panel');
const engine = new EngineView(), experts = new ExpertView();
let messages = [];  // {role: user | assistant | tool, ...}
let views = new Map();
let running = null;  // the AbortController of the answer being written
let modelsKnown = false;
let wantedModel = 'default';
let storeIsFull = false;
let leaving = false;  // what the browser breaks off then is no error

function save() {
  const settings = Object.fromEntries(SETTINGS.map((id) => [id, byId(id).value]));
  try {
    sessionStorage.setItem(STORE, JSON.stringify({messages, settings, model: model.value, draft: prompt.value}));
    storeIsFull = false;
  } catch {
    if (!storeIsFull) say('The conversation is too long to survive a reload.');
    storeIsFull = true;
  }
}

function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(STORE));
    if (!kept) return;
    for (const id of SETTINGS) byId(id).value = kept.settings[id] ?? '';
    wantedModel = kept.model;
    prompt.value = kept.draft ?? '';
    for (const message of kept.messages) {
      if (message.role === 'assistant' && !message.reason) {
        message.note ??= 'interrupted';
        message.calls = [];
      }
      add(message);
    }
  } catch {
    sessionStorage.removeItem(STORE);
  }
}

// For those who do not see the page.
function say(text) {
  byId('status').textContent = text;
}

function showError(error) {
  if (error.status === 401) {
    byId('key-form').hidden = false;
    byId('key').focus();
  }
  byId('banner-text').textContent = error.message;
  byId('banner').hidden = false;
}
function hideError() {
  byId('banner').hidden = true;
}

const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 60;
function toEnd() {
  log.scrollTop = log.scrollHeight;
}

function markLast() {
  const last = messages.at(-1);
  for (const [message, view] of views) {
    if (view.again) view.again.hidden = message !== last || running !== null;
  }
}

function add(message) {
  messages.push(message);
  byId('welcome').hidden = true;
  if (message.role === 'tool') return null;
  const view = message.role === 'user' ? new UserView(message) : new AnswerView(message, {regenerate, answerCall});
  views.set(message, view);
  log.append(view.root);
  markLast();
  toEnd();
  return view;
}

function dropLast() {
  const message = messages.pop();
  views.get(message)?.root.remove();
  views.delete(message);
  markLast();
}

// A message as the API takes it; nothing for an answer without a word.
function asSent({role, content, reasoning, calls, id}) {
  if (role === 'tool') return [{role, content, tool_call_id: id}];
  if (role === 'user') return [{role, content}];
  if (!content && !calls.length) return [];
  const out = {role, content};
  if (reasoning) out.reasoning_content = reasoning;
  if (calls.length) {
    out.tool_calls = calls.map((c) =>
      ({id: c.id, type: 'function', function: {name: c.name, arguments: c.arguments}}));
  }
  return [out];
}

function requestBody() {
  const system = byId('system').value.trim(), tools = byId('tools').value.trim();
  const body = {model: model.value, stream: true, stream_options: {include_usage: true}};
  body.messages = [...(system ? [{role: 'system', content: system}] : []), ...messages.flatMap(asSent)];
  for (const id of NUMBERS) {
    if (byId(id).value !== '') body[id] = Number(byId(id).value);
  }
  if (tools) {
    try {
      body.tools = JSON.parse(tools);
    } catch (error) {
      throw new ApiError(`Tools is no JSON: ${error.message}`);
    }
  }
  return body;
}

function setRunning(controller) {
  running = controller;
  const busy = running !== null;
  byId('send').hidden = busy;
  byId('stop').hidden = !busy;
  log.setAttribute('aria-busy', String(busy));
  markLast();
}

async function generate() {
  if (running) return;
  hideError();
  let body;
  try {
    body = requestBody();
  } catch (error) {
    return showError(error);
  }
  const answer = {role: 'assistant', content: '', reasoning: '', calls: [], tokens: 0};
  const view = add(answer);
  const controller = new AbortController();
  let drawn = true, saved = performance.now();
  const draw = () => {
    drawn = true;
    if (running !== controller) return;
    const follow = atEnd();
    view.update(true);
    if (follow) toEnd();
    if (performance.now() - saved > 1000) {
      saved = performance.now();
      save();
    }
  };
  setRunning(controller);
  view.update(true);
  say('The answer is being written.');
  let failure = null;
  try {
    await streamAnswer(answer, body, controller.signal, () => {
      if (drawn) requestAnimationFrame(draw);
      drawn = false;
    });
  } catch (error) {
    if (!controller.signal.aborted) failure = error;
  }
  if (running !== controller || leaving) return;  // a new chat has begun, or another page
  finish(answer, view, controller.signal.aborted, failure);
}

function finish(answer, view, stopped, failure) {
  const follow = atEnd();
  if (stopped) answer.note = 'stopped';
  if (failure) answer.note = 'broken off';
  // What was not written to its end cannot be answered.
  if (stopped || failure) answer.calls = [];
  setRunning(null);
  view.update(false);
  if (failure && !answer.content && !answer.reasoning) dropLast();
  if (follow) toEnd();
  say(stopped ? 'Stopped.' : failure ? '' : 'The answer is complete.');
  if (failure) showError(failure);
  save();
}

function regenerate() {
  if (running) return;
  if (messages.at(-1)?.role === 'assistant') dropLast();
  if (messages.length) generate();
  prompt.focus();
}

function answerCall(call, text) {
  call.result = text;
  messages.push({role: 'tool', id: call.id, content: text});
  const [asking] = [...views.keys()].filter((m) => m.calls?.includes(call));
  views.get(asking).update(false);
  save();
  if (asking.calls.every((c) => c.result !== undefined)) generate();
  prompt.focus();
}

function send() {
  const content = prompt.value;
  if (running || !content.trim()) return;
  for (const [message, view] of views) {
    for (const call of message.calls ?? []) {
      if (call.result !== undefined) continue;
      call.result = 'no result';
      messages.push({role: 'tool', id: call.id, content: call.result});
      view.update(false);
    }
  }
  prompt.value = '';
  fitPrompt();
  add({role: 'user', content});
  save();
  generate();
}

function stop() {
  running?.abort();
  prompt.focus();
}

function newChat() {
  const controller = running;
  setRunning(null);
  controller?.abort();
  while (messages.length) dropLast();
  byId('welcome').hidden = false;
  hideError();
  say('A new conversation.');
  save();
  prompt.focus();
}

function fitPrompt() {
  prompt.style.height = 'auto';
  prompt.style.height = `${prompt.scrollHeight + 2}px`;
}

async function loadModels() {
  try {
    const {data} = await (await ask('v1/models')).json();
    const names = data.map((one) => one.id);
    model.replaceChildren(...names.map((name) => new Option(name)));
    if (names.includes(wantedModel)) model.value = wantedModel;
    modelsKnown = true;
    byId('key-form').hidden = true;
    return true;
  } catch (error) {
    if (error.status === 401 && (byId('key-form').hidden || apiKey)) showError(error);
    return false;
  }
}

async function watch() {
  const asksForKey = !byId('key-form').hidden;
  if (!document.hidden) {
    const loaded = await engine.poll();
    if (loaded && !modelsKnown && !asksForKey) await loadModels();
    if (!loaded) experts.forget();
    if (loaded && modelsKnown && !panel.hidden) await experts.poll();
  }
  setTimeout(watch, 1000);
}

function showPanel(shown) {
  panel.hidden = !shown;
  byId('panel-switch').setAttribute('aria-expanded', String(shown));
}

const kept = {  // the theme; storage may be forbidden
  get: () => { try { return localStorage.getItem('sluice.theme'); } catch { return null; } },
  set: (theme) => { try { localStorage.setItem('sluice.theme', theme); } catch { /* for this page only */ } },
};
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
function showTheme() {
  const theme = kept.get();
  if (theme) document.documentElement.dataset.theme = theme;
  const dark = theme ? theme === 'dark' : systemIsDark.matches;
  byId('theme').setAttribute('aria-pressed', String(dark));
  experts.draw();
}

byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
prompt.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
prompt.addEventListener('input', fitPrompt);
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.isComposing) return;
  if (running) {
    stop();
  } else if (getComputedStyle(panel).position === 'fixed' && !panel.hidden) {
    showPanel(false);
    byId('panel-switch').focus();
  }
});
byId('stop').addEventListener('click', stop);
byId('new-chat').addEventListener('click', newChat);
byId('retry').addEventListener('click', () => {
  hideError();
  if (!modelsKnown) loadModels();
  const last = messages.at(-1);
  if (last && (last.role !== 'assistant' || last.note)) regenerate();
});
byId('dismiss').addEventListener('click', hideError);
byId('key-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  apiKey = byId('key').value.trim();
  hideError();
  if (!await loadModels()) return;
  byId('key').value = '';
  prompt.focus();
  if (messages.at(-1)?.role === 'user') generate();
});
byId('settings').addEventListener('submit', (event) => event.preventDefault());
byId('settings').addEventListener('change', save);
model.addEventListener('change', () => {
  wantedModel = model.value;
  save();
});
byId('panel-switch').addEventListener('click', () => showPanel(panel.hidden));
byId('theme').addEventListener('click', () => {
  kept.set(byId('theme').getAttribute('aria-pressed') === 'true' ? 'light' : 'dark');
  showTheme();
});
systemIsDark.addEventListener('change', showTheme);
addEventListener('pagehide', () => {
  save();
  leaving = true;
});
addEventListener('pageshow', () => leaving = false);

showTheme();
showPanel(matchMedia('(min-width: 56.01rem)').matches);
restore();
fitPrompt();
watch();
