
// The heat map: which experts the tokens of the last seconds went to, or those since the start. From /experts.
const HEAT_SECONDS = 10;

class ExpertView {
  constructor() {
    this.heat = byId('heat');
    this.heat.addEventListener('pointermove', (event) => this.name(event));
    this.forget();
  }
  forget() {
    this.seen = [];  // what /experts said, the oldest first
    this.shares = [];  // [layer][expert], of the layer's work
    byId('experts').hidden = true;
  }
  async poll() {
    try {
      this.take(await (await ask('experts')).json());
    } catch {
      this.forget();
    }
  }
  take(now) {
    if (!now.experts) return this.forget();
    now.time = performance.now();
    const last = this.seen.at(-1);
    if (last && (last.tokens > now.tokens || last.experts !== now.experts || last.layers !== now.layers)) {
      this.seen = [];  // another server
    }
    this.seen = [...this.seen.filter(({time}) => now.time - time <= 1000 * HEAT_SECONDS), now];
    const since = this.seen[0].tokens < now.tokens ? this.seen[0] : null;
    const choices = (now.tokens - (since?.tokens ?? 0)) * now.experts_used;
    this.shares = now.tokens_per_expert.map((row, layer) => row.map((tokens, expert) =>
      choices ? (tokens - (since?.tokens_per_expert[layer][expert] ?? 0)) / choices : 0));
    this.describe(now, since);
    this.draw();
    byId('experts').hidden = false;
  }
  describe(now, since) {
    const ranges = this.shares.map((row) => [Math.min(...row), Math.max(...row)]);
    const least = percent(Math.min(...ranges.map(([low]) => low)));
    const most = percent(Math.max(...ranges.map(([, high]) => high)));
    const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
    const used = sum(now.distinct_experts) - sum(since?.distinct_experts ?? []);
    const aStep = (used / now.layers / Math.max(now.steps - (since?.steps ?? 0), 1)).toFixed(1);
    const seconds = since ? Math.max(1, Math.round((now.time - since.time) / 1000)) : 0;
    const when = since ? `In the last ${seconds} s` : now.tokens ? 'Since the start' : 'No tokens yet';
    byId('experts-note').textContent = now.tokens
      ? `${when}, each expert's share of its layer's work; rows are layers. ` +
        `Even is ${percent(1 / now.experts)}. A step used ${aStep} of ${now.experts} experts a layer.`
      : `${when}.`;
    byId('heat-most').textContent = most;
    this.heat.setAttribute('aria-label', `Heat map, ${now.layers} layers by ${now.experts} experts. ${when}: ` +
      `least ${least}, most ${most} of a layer's work.`);
    const lines = byId('layers');
    while (lines.children.length < ranges.length) lines.append(document.createElement('li'));
    while (lines.children.length > ranges.length) lines.lastChild.remove();
    ranges.forEach(([low, high], layer) => {
      lines.children[layer].textContent = `Layer ${layer}: least ${percent(low)}, most ${percent(high)}`;
    });
  }
  // A pixel a cell, which the style stretches; the more of the layer's work, the less of the ground shows.
  draw() {
    const height = this.shares.length, width = this.shares[0]?.length ?? 0;
    if (!width) return;
    this.heat.width = width;
    this.heat.height = height;
    const [red, green, blue] = getComputedStyle(this.heat).color.match(/[\d.]+/g).map(Number);
    const shares = this.shares.flat(), most = Math.max(...shares) || 1;
    const image = new ImageData(width, height);
    shares.forEach((share, i) => image.data.set([red, green, blue, Math.round(255 * share / most)], 4 * i));
    this.heat.getContext('2d').putImageData(image, 0, 0);
  }
  name({offsetX, offsetY}) {
    const at = (offset, size, count) => Math.min(Math.max(Math.floor(count * offset / size), 0), count - 1);
    const layer = at(offsetY, this.heat.clientHeight, this.heat.height);
    const expert = at(offsetX, this.heat.clientWidth, this.heat.width);
    this.heat.title = `Layer ${layer}, expert ${expert}: ${percent(this.shares[layer][expert])}`;
  }
}
