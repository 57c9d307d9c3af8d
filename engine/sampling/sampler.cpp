#include "engine/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "engine/sampling/philox.h"

namespace sluice::sampling {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

struct Candidate {
    int32_t token;
    double weight;  // exp((logit - max) / temperature): 1 for the likeliest
};

bool likelier(const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
}

// The engine thread's working rows, kept so that a step allocates nothing.
std::vector<float>& adjusted_row() {
    thread_local std::vector<float> row;
    return row;
}
std::vector<Candidate>& candidate_row() {
    thread_local std::vector<Candidate> row;
    return row;
}

// Index of the largest logit; false when the row has NaN or no finite value.
bool find_max(std::span<const float> logits, size_t& best) {
    best = 0;
    bool finite = false;
    for (size_t i = 0; i < logits.size(); ++i) {
        if (std::isnan(logits[i]) || logits[i] == std::numeric_limits<float>::infinity()) return false;
        finite |= std::isfinite(logits[i]);
        if (logits[i] > logits[best]) best = i;
    }
    return finite;
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

}  // namespace

Sampler::Sampler(const Params& params, std::span<const int32_t> prompt) : params_(params) {
    if (params_.repetition_penalty == 1.0f) return;
    for (const int32_t token : prompt) counts_.try_emplace(token, 0);
}

void Sampler::accept(int32_t token) {
    if (params_.repetition_penalty != 1.0f || params_.frequency_penalty != 0 ||
        params_.presence_penalty != 0) {
        ++counts_[token];
    }
}

bool Sampler::adjusts(std::span<const int32_t> banned) const {
    return !counts_.empty() || !params_.logit_bias.empty() || !banned.empty();
}

void Sampler::adjust(std::span<float> logits, std::span<const int32_t> banned) const {
    for (const auto& [token, count] : counts_) {
        float& l = logits[static_cast<size_t>(token)];
        l = l > 0 ? l / params_.repetition_penalty : l * params_.repetition_penalty;
        if (count > 0) l -= params_.frequency_penalty * static_cast<float>(count) + params_.presence_penalty;
    }
    for (const auto& [token, bias] : params_.logit_bias) logits[static_cast<size_t>(token)] += bias;
    for (const int32_t token : banned) logits[static_cast<size_t>(token)] = kBanned;
}

Result<Choice> Sampler::sample(std::span<const float> raw, uint64_t choice, int64_t position,
                               std::span<const int32_t> banned) const {
    std::span<const float> logits = raw;
    if (adjusts(banned)) {
        auto& row = adjusted_row();
        row.assign(raw.begin(), raw.end());
        adjust(row, banned);
        logits = row;
    }
    size_t best = 0;
    if (!find_max(logits, best)) {
        return Error{ErrorKind::internal,
                     "the model produced no usable logits for token " + std::to_string(position)};
    }
    auto token = static_cast<int32_t>(best);
    if (params_.temperature > 0) {
        token = draw(logits, logits[best], uniform(params_.seed, choice, static_cast<uint64_t>(position)));
    }
    if (params_.top_logprobs < 0) return Choice{token};
    return score(raw, token, params_.top_logprobs);
}

int32_t Sampler::draw(std::span<const float> logits, float max, double u) const {
    auto& candidates = candidate_row();
    candidates.clear();
    const double inverse = 1.0 / static_cast<double>(params_.temperature);
    for (size_t i = 0; i < logits.size(); ++i) {
        const double weight = std::exp((static_cast<double>(logits[i]) - static_cast<double>(max)) * inverse);
        if (weight > 0) candidates.push_back({static_cast<int32_t>(i), weight});
    }
    const auto k = static_cast<size_t>(params_.top_k);
    if (k > 0 && k < candidates.size()) {
        const auto kth = candidates.begin() + static_cast<std::ptrdiff_t>(k);
        std::nth_element(candidates.begin(), kth, candidates.end(), likelier);
        candidates.erase(kth, candidates.end());
        // Back to one order for the sums and the walk, whatever the selection left behind.
        std::sort(candidates.begin(), candidates.end(), [](auto& x, auto& y) { return x.token < y.token; });
    }
    const auto total = [&candidates] {
        return std::accumulate(candidates.begin(), candidates.end(), 0.0,
                               [](double s, const Candidate& c) { return s + c.weight; });
    };
    if (params_.top_p < 1) keep_mass(candidates, static_cast<double>(params_.top_p) * total());
    if (params_.min_p > 0) {
        std::erase_if(candidates,
                      [this](const Candidate& c) { return c.weight < static_cast<double>(params_.min_p); });
    }
    double left = u * total();
    for (const Candidate& c : candidates) {
        left -= c.weight;
        if (left < 0) return c.token;
    }
    return candidates.back().token;  // u close to 1 and rounding
}

Choice score(std::span<const float> logits, int32_t token, int32_t top) {
    const float max = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float l : logits) sum += std::exp(static_cast<double>(l) - static_cast<double>(max));
    const double log_sum = static_cast<double>(max) + std::log(sum);
    const auto logprob = [&](int32_t id) {
        return static_cast<float>(static_cast<double>(logits[static_cast<size_t>(id)]) - log_sum);
    };
    Choice out{token, logprob(token)};
    const auto count = std::min(static_cast<size_t>(top), logits.size());
    std::vector<int32_t> order(logits.size());
    if (count == 0) return out;
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [&](int32_t a, int32_t b) {
                          const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
                          return x != y ? x > y : a < b;
                      });
    for (size_t i = 0; i < count; ++i) out.top.emplace_back(order[i], logprob(order[i]));
    return out;
}

}  // namespace sluice::sampling
