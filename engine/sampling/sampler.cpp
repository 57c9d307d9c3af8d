#include "engine/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "engine/sampling/logit_row.h"
#include "engine/sampling/philox.h"

namespace sluice::sampling {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

bool likelier(const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
}

double sum_of(std::span<const Candidate> candidates) {
    double sum = 0;
    for (const Candidate& c : candidates) sum += c.weight;
    return sum;
}

// Changes some logits of a row, and puts them back in the end: a copy of the row would cost more than its
// sampling.
class Adjustment {
  public:
    explicit Adjustment(std::span<float> logits) : logits_(logits), old_(buffer()) { old_.clear(); }
    ~Adjustment() {
        for (size_t i = old_.size(); i-- > 0;) logits_[old_[i].first] = old_[i].second;
    }
    Adjustment(const Adjustment&) = delete;

    template <class Change>
    void change(int32_t token, Change change) {
        const auto at = static_cast<size_t>(token);
        old_.emplace_back(at, logits_[at]);
        logits_[at] = change(logits_[at]);
    }

  private:
    using Old = std::vector<std::pair<size_t, float>>;
    static Old& buffer() {
        thread_local Old old;
        return old;
    }
    std::span<float> logits_;
    Old& old_;  // the thread's, kept
};

// A penalty close to 0 makes large logits larger than any number is; they stay numbers.
float repeated(float logit, float penalty) {
    constexpr float kGreatest = std::numeric_limits<float>::max();
    if (!std::isfinite(logit)) return logit;
    return std::clamp(logit > 0 ? logit / penalty : logit * penalty, -kGreatest, kGreatest);
}

// A row of which only the allowed bits have their logit. The thread's, until the next call.
std::span<float> kept_row(const kernels::LogitOps& ops, std::span<const float> logits,
                          const Allowed& allowed) {
    thread_local std::vector<float> row;
    row.resize(logits.size());
    const size_t known = std::min(logits.size(), allowed.many.size() * 64);
    ops.keep(logits.data(), static_cast<int64_t>(known), allowed.many.data(), row.data());
    std::fill(row.begin() + static_cast<std::ptrdiff_t>(known), row.end(), kBanned);
    for (const int32_t token : allowed.ends)
        row[static_cast<size_t>(token)] = logits[static_cast<size_t>(token)];
    return row;
}

// A short row of a few tokens, ascending, and which they are. The thread's, until the next call.
struct FewTokens {
    std::vector<int32_t> tokens;
    std::vector<float> row;
};
FewTokens& few_tokens(std::span<const float> logits, const Allowed& allowed) {
    thread_local FewTokens out;
    out.tokens.assign(allowed.few.begin(), allowed.few.end());
    out.tokens.insert(out.tokens.end(), allowed.ends.begin(), allowed.ends.end());
    std::sort(out.tokens.begin(), out.tokens.end());
    out.tokens.erase(std::unique(out.tokens.begin(), out.tokens.end()), out.tokens.end());
    std::erase_if(out.tokens, [&](int32_t t) { return static_cast<size_t>(t) >= logits.size(); });
    out.row.clear();
    for (const int32_t token : out.tokens) out.row.push_back(logits[static_cast<size_t>(token)]);
    return out;
}

// Sorts candidates until the first of them hold `mass`, and drops the rest. Works on growing heads, because
// the mass of a large vocabulary mostly sits in few tokens.
void keep_mass(std::vector<Candidate>& candidates, double mass) {
    double sum = 0;
    size_t done = 0;
    for (size_t head = 64; done < candidates.size(); head *= 8) {
        const size_t end = std::min(head, candidates.size());
        const auto from = candidates.begin() + static_cast<std::ptrdiff_t>(done);
        std::partial_sort(from, candidates.begin() + static_cast<std::ptrdiff_t>(end), candidates.end(),
                          likelier);
        for (; done < end; ++done) {
            sum += candidates[done].weight;
            if (sum >= mass) return candidates.resize(done + 1);
        }
    }
}

// The lowest logit that a token of this weight can have, or a little less.
float logit_of_weight(float greatest, double log_weight, double temperature) {
    const double logit = double{greatest} + (log_weight - 1e-4) * temperature;
    constexpr double lowest = std::numeric_limits<float>::lowest();
    return std::nextafter(static_cast<float>(std::max(logit, lowest)), kBanned);
}

// The likeliest tokens that hold `share` of the row's mass, best first. Looks at ever more of the row.
std::vector<Candidate>& head_of(const LogitRow& row, double share, double temperature) {
    const double inverse = 1.0 / temperature;
    const double mass = share * row.mass(inverse);
    for (const double log_weight : {-3.0, -6.0, -12.0}) {
        const float threshold = logit_of_weight(row.greatest(), log_weight, temperature);
        auto& candidates = row.weighed(row.at_least(threshold), inverse);
        if (sum_of(candidates) < mass) continue;
        keep_mass(candidates, mass);
        return candidates;
    }
    auto& all = row.weighed(row.at_least(kBanned), inverse);
    keep_mass(all, mass);
    return all;
}

int32_t draw_from(std::span<const Candidate> candidates, double u) {
    double left = u * sum_of(candidates);
    for (const Candidate& c : candidates) {
        left -= c.weight;
        if (left < 0) return c.token;
    }
    return candidates.back().token;  // u close to 1 and rounding
}

int32_t draw(const LogitRow& row, size_t size, const Params& p, double u) {
    const auto temperature = static_cast<double>(p.temperature), top_p = static_cast<double>(p.top_p),
               min_p = static_cast<double>(p.min_p), inverse = 1.0 / temperature;
    const bool by_rank = p.top_k > 0 && static_cast<size_t>(p.top_k) < size;
    if (!by_rank && p.top_p >= 1 && p.min_p <= 0) return row.token_at(u * row.mass(inverse), inverse);
    std::vector<Candidate>* candidates = nullptr;
    if (by_rank) {
        candidates = &row.weighed(row.likeliest(static_cast<size_t>(p.top_k)), inverse);
        if (p.top_p < 1) keep_mass(*candidates, top_p * sum_of(*candidates));
    } else if (p.top_p < 1) {
        candidates = &head_of(row, top_p, temperature);
    } else {
        const float threshold = logit_of_weight(row.greatest(), std::log(min_p), temperature);
        candidates = &row.weighed(row.at_least(threshold), inverse);
    }
    std::erase_if(*candidates, [&](const Candidate& c) { return c.weight < min_p; });
    return draw_from(*candidates, u);
}

// Nothing: the row is not usable.
std::optional<int32_t> choose_from(const kernels::LogitOps& ops, std::span<const float> logits,
                                   const Params& p, double u) {
    const LogitRow row(ops, logits);
    if (!row.usable()) return std::nullopt;
    return p.temperature <= 0 ? row.likeliest() : draw(row, logits.size(), p, u);
}

Choice score_row(const LogitRow& row, size_t size, int32_t token, int32_t top) {
    const double log_sum = double{row.greatest()} + std::log(row.mass(1.0));
    const auto logprob = [&](int32_t id) {
        return static_cast<float>(static_cast<double>(row[id]) - log_sum);
    };
    Choice out{token, logprob(token)};
    const auto best = row.likeliest(std::min(static_cast<size_t>(top), size));
    out.top.reserve(best.size());
    for (const int32_t id : best) out.top.emplace_back(id, logprob(id));
    std::sort(out.top.begin(), out.top.end(), [&](const auto& a, const auto& b) {
        const float x = row[a.first], y = row[b.first];
        return x != y ? x > y : a.first < b.first;
    });
    return out;
}

}  // namespace

Sampler::Sampler(const Params& params, std::span<const int32_t> prompt)
    : params_(params),
      penalises_(params.repetition_penalty != 1.0f || params.frequency_penalty != 0 ||
                 params.presence_penalty != 0) {
    if (params_.repetition_penalty == 1.0f) return;
    for (const int32_t token : prompt) counts_.push_back({token, 0});
    const auto same = [](const Count& a, const Count& b) { return a.token == b.token; };
    std::ranges::sort(counts_, {}, &Count::token);
    counts_.erase(std::unique(counts_.begin(), counts_.end(), same), counts_.end());
}

void Sampler::accept(int32_t token) {
    if (!penalises_) return;
    const auto at = std::ranges::lower_bound(counts_, token, {}, &Count::token);
    if (at != counts_.end() && at->token == token) {
        ++at->times;
    } else {
        counts_.insert(at, {token, 1});
    }
}

Result<int32_t> Sampler::choose(const kernels::LogitOps& ops, std::span<float> logits, uint64_t choice,
                                int64_t position, std::span<const int32_t> banned,
                                const Allowed* allowed) const {
    Adjustment adjustment(logits);
    for (const auto& [token, times] : counts_) {
        adjustment.change(token, [&, count = times](float l) {
            l = repeated(l, params_.repetition_penalty);
            if (count == 0) return l;
            return l - (params_.frequency_penalty * static_cast<float>(count) + params_.presence_penalty);
        });
    }
    for (const auto& entry : params_.logit_bias)
        adjustment.change(entry.first, [&](float l) { return l + entry.second; });
    for (const int32_t token : banned) adjustment.change(token, [](float) { return kBanned; });

    const double u = uniform(params_.seed, choice, static_cast<uint64_t>(position));
    std::optional<int32_t> chosen;
    if (!allowed) {
        chosen = choose_from(ops, logits, params_, u);
    } else if (!allowed->many.empty()) {
        chosen = choose_from(ops, kept_row(ops, logits, *allowed), params_, u);
    } else if (const FewTokens& few = few_tokens(logits, *allowed); !few.row.empty()) {
        chosen = choose_from(ops, few.row, params_, u);
        if (chosen) chosen = few.tokens[static_cast<size_t>(*chosen)];
    }
    if (chosen) return *chosen;
    return Error{ErrorKind::internal,
                 "the model produced no usable logits for token " + std::to_string(position)};
}

Result<Choice> Sampler::sample(const kernels::LogitOps& ops, std::span<float> logits, uint64_t choice,
                               int64_t position, std::span<const int32_t> banned,
                               const Allowed* allowed) const {
    const auto token = choose(ops, logits, choice, position, banned, allowed);
    if (!token) return token.error();
    if (params_.top_logprobs < 0) return Choice{*token};
    return score(ops, logits, *token, params_.top_logprobs);
}

Choice score(const kernels::LogitOps& ops, std::span<const float> logits, int32_t token, int32_t top) {
    return score_row(LogitRow(ops, logits), logits.size(), token, top);
}

}  // namespace sluice::sampling
