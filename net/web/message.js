
// How one message of the conversation looks.
let lastId = 0;

function fold(box, summary) {
  const details = make('details'), line = make('summary', '', summary);
  details.append(line);
  box.append(details);
  return details;
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;  // still being written
  }
}

class UserView {
  constructor(message) {
    this.root = make('article', 'user');
    this.root.setAttribute('aria-label', 'You');
    this.root.append(make('div', 'text', message.content));
  }
}

// `actions`: {regenerate(), answerCall(call, text)}
class AnswerView {
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.root = make('article', 'answer');
    this.root.setAttribute('aria-label', 'Answer');
    this.thoughts = make('div');
    this.text = make('div', 'text');
    this.calls = make('div');
    this.figures = make('p');
    this.footer = make('footer');
    this.again = make('button', 'small again', 'Regenerate');
    this.again.type = 'button';
    this.again.addEventListener('click', () => actions.regenerate());
    this.footer.append(this.figures, copyButton(() => this.message.content, 'answer'), this.again);
    this.root.append(this.thoughts, this.text, this.calls, this.footer);
    this.update(false);
  }
  update(live) {
    this.root.classList.toggle('live', live);
    this.showThoughts(live);
    showMarkdown(this.text, this.message.content);
    this.message.calls.forEach((call, i) => this.showCall(call, i, live));
    this.figures.textContent = this.describe(live);
  }
  showThoughts(live) {
    const {reasoning, thought} = this.message;
    if (!reasoning) return;
    if (!this.thoughts.firstChild) fold(this.thoughts, '').append(make('div', 'thought'));
    const [summary, text] = this.thoughts.firstChild.children;
    summary.textContent = thought !== undefined ? `Thought for ${thought.toFixed(1)} s`
      : live ? 'Thinking …' : 'Thoughts';
    text.textContent = reasoning.trim();
  }
  showCall(call, number, live) {
    let details = this.calls.children[number];
    if (!details) {
      details = fold(this.calls, '');
      details.append(make('pre'));
    }
    const [summary, text] = details.children;
    text.tabIndex = 0;
    text.textContent = pretty(call.arguments);
    const open = call.result === undefined;
    summary.textContent = `Tool call: ${call.name}` + (live || !open ? '' : ' – waits for its result');
    if (live) return;
    if (open && !details.querySelector('form')) details.append(this.resultForm(call));
    if (!open) {
      details.querySelector('form')?.remove();
      if (!details.querySelector('.thought')) details.append(make('div', 'thought', call.result));
    }
  }
  resultForm(call) {
    const form = make('form'), label = make('label', '', `Result of ${call.name}`), field = make('textarea');
    const button = make('button', '', 'Give result');
    field.id = label.htmlFor = `result-${++lastId}`;
    field.rows = 2;
    form.append(label, field, button);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.actions.answerCall(call, field.value);
    });
    return form;
  }
  describe(live) {
    const {tokens, first, last, reason, note} = this.message;
    const parts = [];
    if (tokens) parts.push(`${tokens} ${tokens === 1 ? 'token' : 'tokens'}`);
    if (tokens > 1 && last - first > 0.02) parts.push(`${((tokens - 1) / (last - first)).toFixed(1)} tokens/s`);
    if (first !== undefined) parts.push(`first after ${first.toFixed(2)} s`);
    if (!live && note) parts.push(note);
    if (!live && reason === 'length') parts.push('cut at the most tokens');
    return parts.join(' · ');
  }
}
