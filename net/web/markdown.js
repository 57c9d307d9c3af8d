
// Markdown as DOM nodes: text never becomes HTML. Work is linear in the text, nesting is bounded.
const MAX_DEPTH = 6;

const FENCE = /^ {0,3}(`{3,}|~{3,}) *([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6}) +(.*?)(?: +#+)? *$/;
const RULE = /^ {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])( +|$)/;
const TABLE_RULE = /^ *\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$/;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const isTable = (lines, at) =>
  lines[at].includes('|') && at + 1 < lines.length && TABLE_RULE.test(lines[at + 1]);

const beginsBlock = (lines, at) => FENCE.test(lines[at]) || HEADING.test(lines[at]) || RULE.test(lines[at]) ||
  QUOTE.test(lines[at]) || ITEM.test(lines[at]) || isTable(lines, at);

// Where the block that begins at line `at` ends.
function endOfFence(lines, at) {
  const mark = FENCE.exec(lines[at])[1];
  for (let end = at + 1; end < lines.length; end++) {
    const line = lines[end].trim();
    if (line.startsWith(mark) && line === mark[0].repeat(line.length)) return end + 1;
  }
  return lines.length;
}
function endOfList(lines, at) {
  const first = ITEM.exec(lines[at]);
  const ordered = /\d/.test(first[2]);
  let end = at + 1;
  for (let blank = false; end < lines.length; end++) {
    const line = lines[end];
    if (!line.trim()) {
      blank = true;
      continue;
    }
    const item = ITEM.exec(line);
    const inside = line.search(/\S/) > first[1].length + 1;
    const sibling = item && !RULE.test(line) && /\d/.test(item[2]) === ordered;
    if (!inside && !sibling && (blank || beginsBlock(lines, end))) break;
    blank = false;
  }
  while (end > at + 1 && !lines[end - 1].trim()) end--;
  return end;
}
function endWhile(lines, at, holds) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && holds(end)) end++;
  return end;
}

// [{kind, lines}]
function splitBlocks(lines) {
  const blocks = [];
  for (let at = 0, end; at < lines.length; at = end) {
    const line = lines[at];
    let kind;
    if (!line.trim()) {
      end = at + 1;
      continue;
    } else if (FENCE.test(line)) {
      kind = 'code', end = endOfFence(lines, at);
    } else if (HEADING.test(line)) {
      kind = 'heading', end = at + 1;
    } else if (RULE.test(line)) {
      kind = 'rule', end = at + 1;
    } else if (QUOTE.test(line)) {
      kind = 'quote', end = endWhile(lines, at, (i) => QUOTE.test(lines[i]));
    } else if (ITEM.test(line)) {
      kind = 'list', end = endOfList(lines, at);
    } else if (isTable(lines, at)) {
      kind = 'table', end = endWhile(lines, at, (i) => lines[i].includes('|'));
    } else {
      kind = 'paragraph', end = endWhile(lines, at, (i) => !beginsBlock(lines, i));
    }
    blocks.push({kind, lines: lines.slice(at, end)});
  }
  return blocks;
}

async function copyText(text, button) {
  let copied = true;
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text).catch(() => copied = false);
  } else {  // plain HTTP from another machine
    const field = make('textarea', 'unseen');
    field.value = text;
    document.body.append(field);
    field.select();
    copied = document.execCommand('copy');
    field.remove();
    button.focus();
  }
  button.textContent = copied ? 'Copied' : 'Not copied';
  setTimeout(() => button.textContent = 'Copy', 1500);
}

function copyButton(text, what) {
  const button = make('button', 'small', 'Copy');
  button.type = 'button';
  button.setAttribute('aria-label', `Copy ${what}`);
  button.addEventListener('click', () => copyText(text(), button));
  return button;
}

function codeBlock(lines) {
  const [, mark, info] = FENCE.exec(lines[0]);
  const last = lines.length > 1 ? lines[lines.length - 1].trim() : '';
  const closed = last.startsWith(mark) && last === mark[0].repeat(last.length);
  const text = lines.slice(1, closed ? -1 : undefined).join('\n');
  const figure = make('figure'), caption = make('figcaption'), pre = make('pre');
  caption.append(make('span', '', info.trim().split(' ')[0] || 'text'), copyButton(() => text, 'code'));
  pre.tabIndex = 0;
  pre.append(make('code', '', text));
  figure.append(caption, pre);
  return figure;
}

function list(lines, depth) {
  const marker = ITEM.exec(lines[0]);
  const ordered = /\d/.test(marker[2]);
  const out = make(ordered ? 'ol' : 'ul');
  if (ordered && parseInt(marker[2]) !== 1) out.start = parseInt(marker[2]);
  const items = [];
  let indent = 0;
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length < marker[1].length + 2) {
      indent = item[0].length;
      items.push([line.slice(indent)]);
    } else {
      const strip = Math.min(indent, Math.max(line.search(/\S/), 0));
      items[items.length - 1].push(line.slice(strip));
    }
  }
  for (const item of items) {
    const element = make('li');
    for (const block of splitBlocks(item)) {
      if (block.kind === 'paragraph' && !element.lastChild) {
        inline(element, block.lines.join('\n'), depth);
      } else {
        element.append(blockElement(block, depth + 1));
      }
    }
    out.append(element);
  }
  return out;
}

const cells = (line) => line.trim().replace(/^\|/, '').replace(/\|$/, '').split(/(?<!\\)\|/).map((c) => c.trim());

function table(lines, depth) {
  const sides = cells(lines[1]).map((c) => c.endsWith(':') ? (c.startsWith(':') ? 'center' : 'right') : '');
  const box = make('div', 'scroll'), out = make('table'), head = make('thead'), body = make('tbody');
  box.tabIndex = 0;
  lines.forEach((line, number) => {
    if (number === 1) return;
    const row = make('tr');
    cells(line).slice(0, sides.length).forEach((text, i) => {
      const cell = make(number ? 'td' : 'th', sides[i]);
      inline(cell, text.replaceAll('\\|', '|'), depth);
      row.append(cell);
    });
    (number ? body : head).append(row);
  });
  out.append(head, body);
  box.append(out);
  return box;
}

function blockElement({kind, lines}, depth) {
  if (kind === 'code') return codeBlock(lines);
  if (kind === 'rule') return make('hr');
  if (depth >= MAX_DEPTH) return make('p', '', lines.join('\n'));
  if (kind === 'list') return list(lines, depth);
  if (kind === 'table') return table(lines, depth);
  if (kind === 'heading') {
    const [, marks, text] = HEADING.exec(lines[0]);
    const heading = make(`h${Math.min(marks.length + 2, 6)}`);  // under the page's own
    inline(heading, text, depth);
    return heading;
  }
  const out = make(kind === 'quote' ? 'blockquote' : 'p');
  if (kind === 'quote') {
    const inner = lines.map((line) => line.replace(QUOTE, ''));
    out.append(...splitBlocks(inner).map((block) => blockElement(block, depth + 1)));
  } else {
    inline(out, lines.join('\n'), depth);
  }
  return out;
}

function link(url) {
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    return null;
  }
  if (!['http:', 'https:', 'mailto:'].includes(parsed.protocol)) return null;
  const out = make('a');
  out.href = parsed.href;
  out.target = '_blank';
  out.rel = 'noopener noreferrer nofollow';
  return out;
}

const EMPHASIS = [['**', 'strong'], ['__', 'strong'], ['~~', 'del'], ['*', 'em'], ['_', 'em']];
const WORD = /[\p{L}\p{N}]/u;
const SPACE = /\s/;

// What stands at `at`, as {node, end}; nothing if it is plain text. `missing`: marks that close nowhere after.
class Inline {
  constructor(text, depth) {
    this.text = text;
    this.depth = depth;
    this.missing = new Set();
  }
  find(mark, from, accepts = () => true) {
    if (this.missing.has(mark)) return -1;
    let at = this.text.indexOf(mark, from);
    while (at >= 0 && !accepts(at)) at = this.text.indexOf(mark, at + mark.length);
    if (at < 0) this.missing.add(mark);
    return at;
  }
  code(at) {
    const mark = /^`+/.exec(this.text.slice(at, at + 20))[0];
    const end = this.find(mark, at + mark.length,
      (i) => this.text[i - 1] !== '`' && this.text[i + mark.length] !== '`');
    if (end < 0) return {plain: mark, end: at + mark.length};
    const inner = this.text.slice(at + mark.length, end);
    return {node: make('code', '', inner.trim() || inner), end: end + mark.length};
  }
  emphasis(at) {
    const [mark, tag] = EMPHASIS.find(([m]) => this.text.startsWith(m, at)) ?? [];
    if (!mark) return null;
    const next = this.text[at + mark.length] ?? ' ';
    const inWord = (before, after) => mark[0] === '_' && WORD.test(before ?? ' ') && WORD.test(after ?? ' ');
    if (SPACE.test(next) || inWord(this.text[at - 1], next)) return {plain: mark, end: at + mark.length};
    const end = this.find(mark, at + mark.length + 1, (i) => !SPACE.test(this.text[i - 1]) &&
      !inWord(this.text[i - 1], this.text[i + mark.length]) &&
      (mark.length > 1 || (this.text[i + 1] !== mark && this.text[i - 1] !== mark)));
    if (end < 0) return {plain: mark, end: at + mark.length};
    const node = make(tag);
    inline(node, this.text.slice(at + mark.length, end), this.depth + 1);
    return {node, end: end + mark.length};
  }
  bracket(at) {
    const begin = this.text[at] === '!' ? at + 2 : at + 1;  // pictures are not fetched: their name links there
    const middle = this.find('](', begin);
    const end = middle < 0 ? -1 : this.find(')', middle + 2);
    if (end < 0 || this.text.lastIndexOf('[', middle - 1) >= begin) return null;
    const node = link(this.text.slice(middle + 2, end).trim().split(/\s/)[0]);
    if (!node) return null;
    inline(node, this.text.slice(begin, middle), MAX_DEPTH);
    return {node, end: end + 1};
  }
  address(at) {
    const [found] = /^https?:\/\/[^\s<>"'`\])]*[^\s<>"'`\]).,;:!?*_]/.exec(this.text.slice(at, at + 2000)) ?? [];
    const node = found && link(found);
    if (!node) return null;
    node.textContent = found;
    return {node, end: at + found.length};
  }
  at(at) {
    const c = this.text[at];
    if (c === '\\') {
      const next = this.text[at + 1];
      return next && /[!-/:-@[-`{-~]/.test(next) ? {plain: next, end: at + 2} : null;
    }
    if (c === '\n') return {node: make('br'), end: at + 1};
    if (c === '`') return this.code(at);
    if (this.depth >= MAX_DEPTH) return null;
    if (c === '[' || (c === '!' && this.text[at + 1] === '[')) return this.bracket(at);
    if (c === 'h' && !WORD.test(this.text[at - 1] ?? ' ')) return this.address(at);
    return '*_~'.includes(c) ? this.emphasis(at) : null;
  }
}

function inline(parent, text, depth) {
  const reader = new Inline(text, depth);
  let plain = '';
  for (let at = 0; at < text.length;) {
    const found = reader.at(at);
    if (found?.node) {
      parent.append(plain, found.node);
      plain = '';
    } else {
      plain += found ? found.plain : text[at];
    }
    at = found ? found.end : at + 1;
  }
  parent.append(plain);
}

// Shows `text` in `box`. Blocks that it already shows stay as they are: a growing answer redraws its last only.
const shownBlocks = new WeakMap();
function showMarkdown(box, text) {
  const blocks = splitBlocks(text.replaceAll('\r\n', '\n').replaceAll('\t', '    ').split('\n'));
  const keys = blocks.map((block) => block.kind + '\n' + block.lines.join('\n'));
  const shown = shownBlocks.get(box) ?? [];
  let same = 0;
  while (same < keys.length && keys[same] === shown[same]) same++;
  while (box.childNodes.length > same) box.lastChild.remove();
  box.append(...blocks.slice(same).map((block) => blockElement(block, 0)));
  shownBlocks.set(box, keys);
}
