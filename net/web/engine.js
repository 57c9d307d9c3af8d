
// The live view of the engine: /metrics, once a second while somebody can see it.
const SAMPLES = 60;
const byId = (id) => document.getElementById(id);

// Each metric's sum over its labels.
function readMetrics(text) {
  const sums = new Map();
  for (const line of text.split('\n')) {
    if (!line || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    const name = line.slice(0, space).split('{', 1)[0];
    sums.set(name, (sums.get(name) ?? 0) + Number(line.slice(space + 1)));
  }
  return sums;
}

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

class EngineView {
  constructor() {
    this.paces = [];
    this.before = null;
  }
  async poll() {
    const state = byId('engine-state');
    try {
      const metrics = readMetrics(await (await ask('metrics')).text());
      this.show(metrics);
      state.textContent = metrics.has('vllm:num_requests_running')
        ? 'Figures of /metrics, every second.' : 'The model is being loaded.';
      return metrics.has('vllm:num_requests_running');
    } catch (error) {
      state.textContent = error.message;
      for (const id of ['running', 'waiting', 'kv', 'hits', 'pace']) byId(id).textContent = '–';
      this.before = null;
      return false;
    }
  }
  show(metrics) {
    const value = (name) => metrics.get(name) ?? 0;
    const now = {time: performance.now(), tokens: value('vllm:generation_tokens_total')};
    const looked = value('vllm:prefix_cache_queries_total');
    byId('running').textContent = value('vllm:num_requests_running');
    byId('waiting').textContent = value('vllm:num_requests_waiting');
    byId('kv').textContent = percent(value('vllm:kv_cache_usage_perc'));
    byId('hits').textContent = looked ? percent(value('vllm:prefix_cache_hits_total') / looked) : '–';
    if (this.before) {
      const pace = (now.tokens - this.before.tokens) * 1000 / (now.time - this.before.time);
      this.paces = [...this.paces, Math.max(pace, 0)].slice(-SAMPLES);  // a new server counts from 0
      byId('pace').textContent = this.paces.at(-1).toFixed(this.paces.at(-1) < 10 ? 1 : 0);
      this.draw();
    }
    this.before = now;
  }
  draw() {
    const top = Math.max(...this.paces, 1);
    const from = SAMPLES - this.paces.length;
    const points = this.paces.map((pace, i) => `${from + i + 0.5},${(19 - 18 * pace / top).toFixed(2)}`);
    byId('graph').firstElementChild.setAttribute('points', points.join(' '));
  }
}
