#include "tests/scheduler/simulator.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "kernels/kv_view.h"
#include "scheduler/scheduler.h"

namespace sluice::test {
namespace {

using namespace scheduler;
constexpr int32_t kBlock = kernels::kBlockTokens;

uint64_t mix(uint64_t h, uint64_t v) {
    h = (h ^ v) * 0x9E3779B97F4A7C15ull;
    return h ^ (h >> 29);
}

struct Choice {
    SequenceId id;
    std::vector<int32_t> output = {};
    bool ended = false;  // finished or cancelled
    bool cancelled = false;
};

struct Request {
    Submission submission;
    std::vector<Choice> choices;
    bool started = false;
    int32_t ends_at = 0;  // a choice stops by itself after so many tokens
    bool over() const {
        return std::all_of(choices.begin(), choices.end(), [](const Choice& c) { return c.ended; });
    }
};

struct Slot {
    int32_t token = -1;
    uint64_t salt = ~0ull;
};

class Simulation {
  public:
    explicit Simulation(uint64_t seed);
    SimReport run();

  private:
    void arrive();
    void cancel_some();
    void step();
    void check_plan(const StepPlan& plan);
    void compute(const StepPlan& plan, StepResult& result);
    void sample(Request& r, const Slice& slice, StepResult& result);
    void check_after();
    uint64_t read_through_tables(const Request& r, const Slice& slice);
    void fail(const std::string& what) {
        if (report_.failure.empty()) report_.failure = what + " in step " + std::to_string(report_.steps);
    }
    int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(rng_); }
    bool chance(int percent) { return pick(1, 100) <= percent; }
    Choice* choice(SequenceId id);

    std::mt19937_64 rng_;
    uint64_t key_;
    int32_t blocks_;
    Limits limits_;
    int cancel_percent_, requests_;
    Scheduler scheduler_;
    std::vector<Slot> memory_;
    std::vector<std::vector<int32_t>> shared_prefixes_;
    std::map<uint64_t, Request> live_;         // by first id
    std::map<uint64_t, uint64_t> request_of_;  // choice id -> first id
    std::set<uint64_t> dead_;                  // ids that must not be seen again
    uint64_t next_id_ = 1;
    int arrived_ = 0;
    int64_t quiet_steps_ = 0;  // since the last arrival
    int64_t last_preemptions_ = 0;
    SimReport report_;
};

int32_t pool_blocks(uint64_t seed) {
    std::mt19937_64 rng(seed * 77 + 5);
    const int kind = static_cast<int>(rng() % 4);
    return kind == 0  ? 2 + static_cast<int32_t>(rng() % 4)
           : kind < 3 ? 4 + static_cast<int32_t>(rng() % 20)
                      : 2 + static_cast<int32_t>(rng() % 199);
}

Limits random_limits(uint64_t seed) {
    std::mt19937_64 rng(seed * 31 + 9);
    constexpr int32_t chunks[] = {1, 5, 16, 31, 32, 33, 64, 200};
    Limits l;
    l.max_running = 1 + static_cast<int32_t>(rng() % 12);
    l.step_tokens = chunks[rng() % 8];
    l.max_waiting = 4 + static_cast<int32_t>(rng() % 60);
    l.max_context = rng() % 3 ? 0 : 64 + static_cast<int32_t>(rng() % 300);
    l.prefix_cache = rng() % 5 != 0;
    return l;
}

Simulation::Simulation(uint64_t seed)
    : rng_(seed),
      key_(mix(seed, 1)),
      blocks_(pool_blocks(seed)),
      limits_(random_limits(seed)),
      cancel_percent_(seed % 3 == 0 ? 0 : static_cast<int>(seed % 7)),
      requests_(40),
      scheduler_(limits_, blocks_, seed % 4 == 0 ? 1 : 64),
      memory_(static_cast<size_t>(blocks_ * kBlock)) {
    for (int i = 0; i < 3; ++i) {
        std::vector<int32_t> prefix(static_cast<size_t>(pick(1, 5) * kBlock + pick(-1, 1)));
        for (auto& t : prefix) t = pick(0, 1);  // few distinct tokens: blocks repeat at other places
        shared_prefixes_.push_back(std::move(prefix));
    }
}

Choice* Simulation::choice(SequenceId id) {
    const auto it = request_of_.find(id.v);
    if (it == request_of_.end()) return nullptr;
    for (Choice& c : live_.at(it->second).choices) {
        if (c.id == id) return &c;
    }
    return nullptr;
}

void Simulation::arrive() {
    Request r;
    Submission& s = r.submission;
    if (chance(60)) s.prompt = shared_prefixes_[static_cast<size_t>(pick(0, 2))];
    // Lengths around the edges of blocks and chunks.
    const int edge = chance(50) ? kBlock * pick(0, 4) : limits_.step_tokens * pick(0, 2);
    for (int i = std::max(1, edge + pick(-1, 1)); i > 0; --i) s.prompt.push_back(pick(0, 2));
    const int n = chance(20) ? pick(2, 4) : 1;
    for (int i = 0; i < n; ++i) s.ids.push_back({next_id_++});
    s.max_new_tokens = chance(8) ? 0 : chance(30) ? 1 : pick(1, 90);
    s.priority = chance(20) ? pick(-1, 1) : 0;
    s.salt = chance(25) ? 1 + static_cast<uint64_t>(pick(0, 1)) : 0;
    s.recompute_prompt = chance(5);
    r.ends_at = pick(1, 80);
    for (const SequenceId id : s.ids) r.choices.push_back({id});
    const auto length = static_cast<int32_t>(s.prompt.size());
    const int32_t context = scheduler_.max_context();
    const Admission admission = scheduler_.submit(s);
    const bool never = length + 1 > context || n > limits_.max_running;
    if ((admission == Admission::too_long) != never) fail("admission of what can never fit is wrong");
    ++arrived_;
    ++report_.requests;
    quiet_steps_ = 0;
    if (admission != Admission::accepted) return;
    s.max_new_tokens = std::min(s.max_new_tokens, context - length);
    const uint64_t first = s.ids.front().v;
    for (const SequenceId id : s.ids) request_of_[id.v] = first;
    live_.emplace(first, std::move(r));
}

void Simulation::cancel_some() {
    if (chance(3)) scheduler_.cancel({next_id_ + 1000});  // unknown
    for (auto it = live_.begin(); it != live_.end();) {
        for (Choice& c : it->second.choices) {
            if (c.ended || !chance(cancel_percent_)) continue;
            scheduler_.cancel(c.id);
            if (chance(20)) scheduler_.cancel(c.id);
            c.ended = c.cancelled = true;
            dead_.insert(c.id.v);  // I12: computes no further step
        }
        it = it->second.over() ? live_.erase(it) : std::next(it);
    }
}

void Simulation::check_plan(const StepPlan& plan) {
    int64_t prompt_tokens = 0;
    std::set<uint64_t> seen;
    for (const Slice& slice : plan.slices) {
        const Choice* c = choice(slice.id);
        if (dead_.contains(slice.id.v) || !c || c->ended)
            return fail("I4/I12: an ended sequence is computed");  // I3 too
        if (!seen.insert(slice.id.v).second) return fail("a sequence is computed twice in a step");
        Request& r = live_.at(request_of_.at(slice.id.v));
        const auto known = static_cast<int64_t>(r.submission.prompt.size() + c->output.size());
        const bool decode = slice.tokens.size() == 1 && slice.first + 1 == known && !c->output.empty();
        if (!decode) prompt_tokens += static_cast<int64_t>(slice.tokens.size());
        if (slice.tokens.empty()) return fail("an empty slice");
        if (slice.first + static_cast<int64_t>(slice.tokens.size()) > known)
            return fail("a slice beyond what is known");
        if (static_cast<int64_t>(slice.blocks.size()) * kBlock <
            slice.first + static_cast<int64_t>(slice.tokens.size())) {
            return fail("a block table that is too short");
        }
        if (!r.started) {  // I7: nobody of the same rank is overtaken
            r.started = true;
            for (const auto& [first, other] : live_) {
                if (first < request_of_.at(slice.id.v) && !other.started &&
                    other.submission.priority >= r.submission.priority) {
                    return fail("I7: an older request was overtaken");
                }
            }
        }
    }
    if (prompt_tokens > limits_.step_tokens)
        fail("I8: the prompt budget was exceeded");  // recomputed decodes count too
    if (scheduler_.counts().running > limits_.max_running) fail("I6: too many sequences run");
    // I8: a sequence with a token to compute is computed, unless it gave its blocks up.
    const bool preempted = scheduler_.counts().preemptions > last_preemptions_;
    if (!preempted && plan.empty() && !live_.empty()) fail("I13: live sequences but nothing to compute");
    last_preemptions_ = scheduler_.counts().preemptions;
}

// The tokens at 0 .. end of the slice as the memory holds them.
uint64_t Simulation::read_through_tables(const Request& r, const Slice& slice) {
    uint64_t h = key_;
    const auto end = slice.first + static_cast<int32_t>(slice.tokens.size());
    for (int32_t p = 0; p < end; ++p) {
        const Slot& slot =
            memory_[static_cast<size_t>(slice.blocks[static_cast<size_t>(p / kBlock)] * kBlock + p % kBlock)];
        h = mix(h, static_cast<uint64_t>(slot.token) + 7);
        if (slot.salt != r.submission.salt) fail("I11: a block of another salt is read");
    }
    return h;
}

void Simulation::compute(const StepPlan& plan, StepResult& result) {
    for (const BlockCopy& copy : plan.copies) {
        std::copy_n(memory_.begin() + copy.from * kBlock, kBlock, memory_.begin() + copy.to * kBlock);
        ++report_.copies;
    }
    for (const Slice& slice : plan.slices) {
        Request& r = live_.at(request_of_.at(slice.id.v));
        for (size_t i = 0; i < slice.tokens.size(); ++i) {
            const int32_t p = slice.first + static_cast<int32_t>(i);
            memory_[static_cast<size_t>(slice.blocks[static_cast<size_t>(p / kBlock)] * kBlock +
                                        p % kBlock)] = {slice.tokens[i], r.submission.salt};
        }
    }
    for (const Slice& slice : plan.slices) sample(live_.at(request_of_.at(slice.id.v)), slice, result);
}

void Simulation::sample(Request& r, const Slice& slice, StepResult& result) {
    const auto end = static_cast<size_t>(slice.first) + slice.tokens.size();
    if (slice.sample.empty()) {
        if (r.submission.max_new_tokens == 0 && end == r.submission.prompt.size()) {
            for (Choice& c : r.choices) c.ended = true;
        } else if (end == r.submission.prompt.size() + choice(slice.id)->output.size()) {
            fail("a sequence that is computed to its end is not sampled");
        }
        return;
    }
    const uint64_t read = read_through_tables(r, slice);
    for (const SequenceId id : slice.sample) {
        Choice* c = choice(id);
        if (!c || c->ended) return fail("I4: an ended choice is sampled");
        uint64_t solo = key_;  // I5: what this choice computes alone
        for (const int32_t t : r.submission.prompt) solo = mix(solo, static_cast<uint64_t>(t) + 7);
        for (const int32_t t : c->output) solo = mix(solo, static_cast<uint64_t>(t) + 7);
        if (read != solo) fail("I5: the cache does not hold the sequence's own tokens");
        const auto number = static_cast<uint64_t>(id.v - r.submission.ids.front().v);
        const auto token = static_cast<int32_t>(mix(read, number) % 1000);
        c->output.push_back(token);
        const auto made = static_cast<int32_t>(c->output.size());
        const bool finished =
            made >= r.submission.max_new_tokens || made >= r.ends_at + static_cast<int32_t>(number);
        result.tokens.push_back({id, token, finished});
        c->ended = finished;  // I3: ends once; a later sight of it is a failure
        if (finished) dead_.insert(id.v);
    }
}

void Simulation::check_after() {
    scheduler_.check_integrity();  // I1, I2: holders equal references; free + cached + held = total
    for (auto it = live_.begin(); it != live_.end();)
        it = it->second.over() ? live_.erase(it) : std::next(it);
    const Counts c = scheduler_.counts();
    if (scheduler_.idle() != live_.empty())
        fail("I3: the scheduler's and the clients' view of what lives differ");
    if (live_.empty() && c.blocks_used != 0) fail("I9: idle but blocks are held");
    if (c.prefix_hits > c.prefix_queries) fail("I10: more cached tokens than looked up");
    if (c.running == 0 && c.blocks_used != 0) fail("I10: blocks are used by nothing that runs");
}

void Simulation::step() {
    ++report_.steps;
    // Mostly the whole budget, at times any part of it.
    const StepPlan plan = chance(80) ? scheduler_.plan() : scheduler_.plan(pick(1, limits_.step_tokens));
    check_plan(plan);
    if (!report_.failure.empty()) return;
    StepResult result;
    compute(plan, result);
    if (!report_.failure.empty()) return;
    scheduler_.commit(result);
    check_after();
}

SimReport Simulation::run() {
    const int rate = pick(5, 90);
    while (report_.failure.empty() && (arrived_ < requests_ || !live_.empty())) {
        while (arrived_ < requests_ && chance(rate)) arrive();
        cancel_some();
        check_after();
        step();
        // I13: after the last arrival everything ends. Generous: every request alone, recomputed at each
        // token.
        if (++quiet_steps_ > 400'000) fail("I13: no end in sight");
    }
    const Counts c = scheduler_.counts();
    report_.preemptions = c.preemptions;
    report_.prefix_hits = c.prefix_hits;
    return report_;
}

}  // namespace

SimReport simulate(uint64_t seed) {
    return Simulation(seed).run();
}

}  // namespace sluice::test
