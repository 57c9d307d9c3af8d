#include "scheduler/scheduler.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "kernels/check.h"
#include "kvcache/planted_bug.h"
#include "scheduler/sequence.h"

namespace sluice::scheduler {
namespace {

using kernels::kBlockTokens;
using kvcache::planted_bug;

struct IdHash {
    size_t operator()(SequenceId id) const { return std::hash<uint64_t>{}(id.v); }
};

int32_t blocks_for(int64_t tokens) {
    return static_cast<int32_t>((tokens + kBlockTokens - 1) / kBlockTokens);
}

// Both queues are sorted by rank, so "first" and "last" are decided in one place.
void insert_by_rank(std::vector<Sequence*>& queue, Sequence* s) {
    const auto at = std::upper_bound(queue.begin(), queue.end(), s, [](const Sequence* a, const Sequence* b) {
        return a->rank.before(b->rank);
    });
    queue.insert(at, s);
}

}  // namespace

struct Scheduler::State {
    State(const Limits& limits_in, int32_t num_blocks, int hash_bits);

    Admission submit(Submission submission);
    void cancel(SequenceId id);
    void plan_decodes();
    void plan_prompts(int32_t& budget);
    void admit(int32_t& budget);
    bool start(Sequence& s);
    void reserve(Sequence& s) const;
    void plan_chunk(Sequence& s, int32_t& budget);
    bool make_room(Sequence& s, int32_t end);
    bool own_last_block(Sequence& s);
    Sequence* victim_below(const Sequence& s);
    void preempt(Sequence& s);
    void add_slice(Sequence& s, int32_t count);
    void commit(const StepResult& result);
    void index_full_blocks(Sequence& s);
    void take_tokens(Sequence& s, std::span<const SampledToken> tokens);
    void fork(Sequence& s);
    void remove(Sequence& s);
    int64_t running_choices() const;

    Limits limits;
    kvcache::BlockPool pool;  // before the sequences: their tables give blocks back to it
    kvcache::PrefixIndex index;
    std::unordered_map<SequenceId, std::unique_ptr<Sequence>, IdHash>
        sequences;  // by first choice at submission
    std::unordered_map<SequenceId, Sequence*, IdHash> by_choice;
    std::vector<Sequence*> waiting, running;  // by rank
    StepPlan plan;                            // kept, as all that grows, so that a step allocates nothing
    std::vector<SequenceId> planned;          // in plan order
    std::vector<size_t> sampled;              // how many tokens each of them expects
    bool preempted_now = false;               // in the current plan
    int64_t fresh_waiting = 0;                // submissions never started
    uint64_t next_order = 0;
    int64_t prefix_queries = 0, prefix_hits = 0, preemptions = 0;
};

Scheduler::State::State(const Limits& limits_in, int32_t num_blocks, int hash_bits)
    : limits(limits_in), pool(num_blocks), index(num_blocks, hash_bits) {
    pool.on_evict = [this](int32_t block) { index.forget(block); };
    const int64_t pool_tokens = int64_t{num_blocks} * kBlockTokens;
    const int64_t wanted = limits.max_context > 0 ? limits.max_context : std::numeric_limits<int32_t>::max();
    limits.max_context = static_cast<int32_t>(std::min(wanted, pool_tokens));
}

Admission Scheduler::State::submit(Submission in) {
    SLUICE_CHECK(!in.ids.empty() && !in.prompt.empty());
    const auto length = static_cast<int64_t>(in.prompt.size());
    if (length + 1 > limits.max_context || static_cast<int64_t>(in.ids.size()) > limits.max_running) {
        return Admission::too_long;
    }
    if (fresh_waiting >= limits.max_waiting) return Admission::queue_full;
    auto s = std::make_unique<Sequence>();
    s->choices = std::move(in.ids);
    s->rank = {in.priority, next_order++, 0};
    s->tokens = std::move(in.prompt);
    s->prompt_tokens = static_cast<int32_t>(length);
    s->max_new_tokens = std::min(in.max_new_tokens, limits.max_context - s->prompt_tokens);
    s->salt = in.salt;
    s->recompute_prompt = in.recompute_prompt;
    for (const SequenceId id : s->choices) SLUICE_CHECK(by_choice.emplace(id, s.get()).second);
    insert_by_rank(waiting, s.get());
    ++fresh_waiting;
    s->key = s->choices.front();
    sequences.emplace(s->key, std::move(s));
    return Admission::accepted;
}

void Scheduler::State::cancel(SequenceId id) {
    const auto it = by_choice.find(id);
    if (it == by_choice.end()) return;
    Sequence& s = *it->second;
    if (s.choices.size() == 1) {
        if (planted_bug(4) && s.running) return;
        return remove(s);
    }
    std::erase(s.choices, id);
    by_choice.erase(it);
}

// Every sequence whose next token is known gets it computed; the lowest ranks make room for the higher.
void Scheduler::State::plan_decodes() {
    for (size_t i = 0; i < running.size(); ++i) {
        Sequence& s = *running[i];
        if (!s.decoding()) continue;
        if (make_room(s, s.computed + 1)) {
            add_slice(s, 1);
        } else {
            preempt(s);
            --i;
        }
    }
}

void Scheduler::State::plan_prompts(int32_t& budget) {
    for (size_t i = 0; i < running.size() && budget > 0; ++i) {
        if (!running[i]->planned && !running[i]->decoding()) plan_chunk(*running[i], budget);
    }
}

// As much of the prompt as budget and blocks allow.
void Scheduler::State::plan_chunk(Sequence& s, int32_t& budget) {
    const int32_t wanted = planted_bug(5) ? s.missing() : std::min(s.missing(), budget);
    if (!own_last_block(s)) return;
    while (s.table.capacity_tokens() < s.computed + wanted) {
        auto block = pool.allocate();
        if (!block) break;
        s.table.push(std::move(*block));
    }
    if (s.table.capacity_tokens() <= s.computed && !make_room(s, s.computed + 1)) return;
    const int32_t count = std::min(wanted, s.table.capacity_tokens() - s.computed);
    add_slice(s, count);
    budget -= count;
}

// In order of rank, without overtaking: who waits longest cannot be starved by who needs less.
void Scheduler::State::admit(int32_t& budget) {
    while (!waiting.empty() && budget > 0 && !preempted_now) {
        Sequence& s = planted_bug(6) ? *waiting.back() : *waiting.front();
        if (running_choices() + static_cast<int64_t>(s.choices.size()) > limits.max_running) return;
        if (!start(s)) return;
        std::erase(waiting, &s);
        insert_by_rank(running, &s);
        plan_chunk(s, budget);
    }
}

// Takes the cached beginning of the sequence. false: the rest would not fit now, and nothing is held.
bool Scheduler::State::start(Sequence& s) {
    s.node = kvcache::PrefixIndex::root(planted_bug(7) ? 0 : s.salt);
    s.indexable = limits.prefix_cache;
    const bool look_up = limits.prefix_cache && !s.recompute_prompt;
    // At least the last token is computed: its logits are wanted.
    const int32_t most = look_up ? (s.length() - (planted_bug(10) ? 0 : 1)) / kBlockTokens : 0;
    for (int32_t b = 0; b < most; ++b) {
        const auto tokens = std::span(s.tokens).subspan(static_cast<size_t>(b) * kBlockTokens, kBlockTokens);
        const auto hit = index.find(s.node, tokens);
        if (!hit) break;
        s.table.push(pool.share(hit->block));
        s.node = *hit;
    }
    const auto held = static_cast<int32_t>(s.table.ids().size());
    if (blocks_for(s.length() + 1) - held > pool.available() && !running.empty()) {
        s.table.clear();
        return false;
    }
    s.indexed_blocks = held;
    s.computed = held * kBlockTokens;
    s.running = true;
    reserve(s);
    if (!std::exchange(s.started, true)) {
        --fresh_waiting;
        s.cached_prompt_tokens = s.computed;
        prefix_queries += look_up ? s.prompt_tokens : 0;
        prefix_hits += s.computed;
    }
    return true;
}

// Room for all that the sequence may become: what runs does not grow. Pages are taken when they are written.
void Scheduler::State::reserve(Sequence& s) const {
    const int64_t most = int64_t{s.prompt_tokens} + s.max_new_tokens;
    s.tokens.reserve(static_cast<size_t>(most));
    s.table.reserve(static_cast<size_t>(blocks_for(most)));
}

// Blocks for positions up to `end`, the one written first not shared. Preempts lower ranks that this plan
// does not compute. false: there are none left.
bool Scheduler::State::make_room(Sequence& s, int32_t end) {
    while (true) {
        if (own_last_block(s)) {
            if (s.table.capacity_tokens() >= end) return true;
            if (auto block = pool.allocate()) {
                s.table.push(std::move(*block));
                continue;
            }
        }
        Sequence* victim = victim_below(s);
        if (!victim) return false;
        preempt(*victim);
    }
}

// Copy-on-write: choices of one prompt share its last, partly filled block until one of them writes to it.
bool Scheduler::State::own_last_block(Sequence& s) {
    if (s.computed % kBlockTokens == 0) return true;
    const auto last = static_cast<size_t>(s.computed / kBlockTokens);
    if (!s.table[last].shared() || planted_bug(8)) return true;
    auto block = pool.allocate();
    if (!block) return false;
    if (!planted_bug(9)) plan.copies.push_back({s.table[last].id(), block->id()});
    s.table.replace(last, std::move(*block));
    return true;
}

Sequence* Scheduler::State::victim_below(const Sequence& s) {
    for (auto it = running.rbegin(); it != running.rend() && s.rank.before((*it)->rank); ++it) {
        if (!(*it)->planned) return *it;
    }
    return nullptr;
}

// Gives all blocks up; what it knows is computed again later. Its full blocks stay cached while nobody needs
// them.
void Scheduler::State::preempt(Sequence& s) {
    s.table.clear();
    s.computed = 0;
    s.indexed_blocks = 0;
    s.running = false;
    std::erase(running, &s);
    insert_by_rank(waiting, &s);
    preempted_now = true;
    ++preemptions;
}

void Scheduler::State::add_slice(Sequence& s, int32_t count) {
    Slice slice{s.choices.front(),
                s.computed,
                std::span(s.tokens).subspan(static_cast<size_t>(s.computed), static_cast<size_t>(count)),
                s.table.ids(),
                {}};
    if (s.computed + count == s.length() && s.max_new_tokens > 0) slice.sample = s.choices;
    s.planned = true;
    s.planned_count = count;
    planned.push_back(slice.id);
    sampled.push_back(slice.sample.size());
    plan.slices.push_back(slice);
}

void Scheduler::State::commit(const StepResult& result) {
    std::span<const SampledToken> left = result.tokens;
    for (size_t i = 0; i < planned.size(); ++i) {
        Sequence& s = *by_choice.at(planned[i]);
        s.planned = false;
        s.computed += s.planned_count;
        index_full_blocks(s);
        SLUICE_CHECK(left.size() >= sampled[i]);
        take_tokens(s, left.first(sampled[i]));
        left = left.subspan(sampled[i]);
    }
    SLUICE_CHECK(left.empty());
    planned.clear();
    sampled.clear();
}

void Scheduler::State::index_full_blocks(Sequence& s) {
    const int32_t limit = planted_bug(11) ? std::min(s.length(), s.table.capacity_tokens()) : s.computed;
    while (s.indexable && (s.indexed_blocks + 1) * kBlockTokens <= limit) {
        const auto b = static_cast<size_t>(s.indexed_blocks);
        const int32_t block = s.table.ids()[b];
        const auto node =
            index.insert(s.node, std::span(s.tokens).subspan(b * kBlockTokens, kBlockTokens), block);
        s.indexable = node.has_value();
        if (!node) return;
        s.node = *node;
        ++s.indexed_blocks;
        if (node->block == block) pool.keep(block);
    }
}

// The slice of `s` is computed; `tokens` are what was sampled from its last row, one a choice, or nothing.
void Scheduler::State::take_tokens(Sequence& s, std::span<const SampledToken> tokens) {
    if (tokens.empty()) {
        if (s.computed == s.prompt_tokens && s.max_new_tokens == 0) remove(s);
        return;
    }
    SLUICE_CHECK(tokens.size() == s.choices.size());
    if (s.choices.size() > 1) fork(s);
    for (const SampledToken& t : tokens) {
        Sequence& choice = *by_choice.at(t.id);
        choice.tokens.push_back(t.token);
        if (t.finished || choice.generated() >= choice.max_new_tokens) remove(choice);
    }
}

// One sequence for each choice, all on the same blocks.
void Scheduler::State::fork(Sequence& s) {
    std::vector<std::unique_ptr<Sequence>> extra;
    for (size_t i = 1; i < s.choices.size(); ++i) {
        auto child = std::make_unique<Sequence>(s);
        child->choices = {s.choices[i]};
        child->key = s.choices[i];
        child->rank.choice = static_cast<int32_t>(i);
        reserve(*child);
        extra.push_back(std::move(child));
    }
    s.choices.resize(1);
    for (auto& child : extra) {
        by_choice[child->key] = child.get();
        insert_by_rank(running, child.get());
        sequences.emplace(child->key, std::move(child));
    }
}

void Scheduler::State::remove(Sequence& s) {
    if (!s.started) --fresh_waiting;
    for (const SequenceId id : s.choices) by_choice.erase(id);
    std::erase(running, &s);
    std::erase(waiting, &s);
    sequences.erase(s.key);
}

int64_t Scheduler::State::running_choices() const {
    int64_t n = 0;
    for (const Sequence* s : running) n += static_cast<int64_t>(s->choices.size());
    return n;
}

Scheduler::Scheduler(const Limits& limits, int32_t num_blocks, int hash_bits)
    : state_(std::make_unique<State>(limits, num_blocks, hash_bits)) {}
Scheduler::~Scheduler() = default;

Admission Scheduler::submit(Submission submission) {
    return state_->submit(std::move(submission));
}
void Scheduler::cancel(SequenceId id) {
    state_->cancel(id);
}

const StepPlan& Scheduler::plan(int32_t prompt_tokens) {
    State& s = *state_;
    // A plan that was never committed (its step failed) has computed nothing.
    for (Sequence* r : s.running) r->planned = false;
    s.planned.clear();
    s.sampled.clear();
    s.preempted_now = false;
    s.plan.copies.clear();
    s.plan.slices.clear();
    int32_t budget = std::min(s.limits.step_tokens, prompt_tokens);
    s.plan_decodes();
    s.plan_prompts(budget);
    s.admit(budget);
    return s.plan;
}

void Scheduler::commit(const StepResult& result) {
    state_->commit(result);
}

bool Scheduler::idle() const {
    return state_->sequences.empty();
}
int32_t Scheduler::max_context() const {
    return state_->limits.max_context;
}

int32_t Scheduler::cached_prompt_tokens(SequenceId id) const {
    const auto it = state_->by_choice.find(id);
    return it == state_->by_choice.end() ? 0 : it->second->cached_prompt_tokens;
}

Counts Scheduler::counts() const {
    const State& s = *state_;
    Counts c;
    c.waiting = static_cast<int64_t>(s.waiting.size());
    c.running = s.running_choices();
    c.blocks_total = s.pool.total();
    c.blocks_cached = s.pool.cached();
    c.blocks_used = c.blocks_total - s.pool.available();
    c.prefix_queries = s.prefix_queries;
    c.prefix_hits = s.prefix_hits;
    c.preemptions = s.preemptions;
    return c;
}

void Scheduler::check_integrity() const {
    const State& s = *state_;
    std::vector<int32_t> holders(static_cast<size_t>(s.pool.total()), 0);
    for (const auto& entry : s.sequences) {
        for (const int32_t id : entry.second->table.ids()) ++holders[static_cast<size_t>(id)];
    }
    for (int32_t id = 0; id < s.pool.total(); ++id)
        SLUICE_CHECK(holders[static_cast<size_t>(id)] == s.pool.holders(id));
    SLUICE_CHECK(s.pool.consistent());
    SLUICE_CHECK(s.waiting.size() + s.running.size() == s.sequences.size());
}

}  // namespace sluice::scheduler
