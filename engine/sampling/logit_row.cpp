#include "engine/sampling/logit_row.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

namespace sluice::sampling {
namespace {

using kernels::kLogitChunk;

// With room for all of a row from the first one on: pages that are not needed are never touched.
struct Buffers {
    std::vector<float> maxima, sorted_maxima, some_logits;
    std::vector<double> masses, some_weights;
    std::vector<int32_t> tokens;
    std::vector<Candidate> candidates;

    void fit(size_t logits, size_t chunks) {
        if (candidates.capacity() < logits) {
            for (auto* v : {&maxima, &sorted_maxima}) v->reserve(chunks);
            masses.reserve(chunks);
            some_logits.reserve(logits);
            some_weights.reserve(logits);
            tokens.resize(chunks * kLogitChunk);
            candidates.reserve(logits);
        }
        maxima.resize(chunks);
    }
};
Buffers& buffers() {
    thread_local Buffers b;
    return b;
}

}  // namespace

LogitRow::LogitRow(const kernels::LogitOps& ops, std::span<const float> logits) : ops_(ops), logits_(logits) {
    buffers().fit(logits_.size(), chunks());
    auto& maxima = buffers().maxima;
    usable_ = ops_.maxima(logits_.data(), size(), maxima.data());
    greatest_ = *std::max_element(maxima.begin(), maxima.end());
    usable_ = usable_ && greatest_ > -std::numeric_limits<float>::infinity();
}

std::span<const float> LogitRow::chunk(size_t c) const {
    const size_t at = c * kLogitChunk;
    return logits_.subspan(at, std::min(logits_.size() - at, size_t{kLogitChunk}));
}

int32_t LogitRow::likeliest() const {
    const auto& maxima = buffers().maxima;
    const auto c = static_cast<size_t>(std::find(maxima.begin(), maxima.end(), greatest_) - maxima.begin());
    const auto in = chunk(c);
    return static_cast<int32_t>(c * kLogitChunk) +
           static_cast<int32_t>(std::find(in.begin(), in.end(), greatest_) - in.begin());
}

std::span<const int32_t> LogitRow::at_least(float threshold) const {
    Buffers& b = buffers();
    size_t found = 0;
    for (size_t c = 0; c < chunks(); ++c) {
        if (b.maxima[c] < threshold) continue;
        auto token = static_cast<int32_t>(c * kLogitChunk);
        for (const float logit : chunk(c)) {  // no branch: it would be guessed wrong too often
            b.tokens[found] = token++;
            found += logit >= threshold;
        }
    }
    return {b.tokens.data(), found};
}

// At least k logits are no smaller than the k-th largest of the chunks' maxima.
std::span<const int32_t> LogitRow::likeliest(size_t k) const {
    Buffers& b = buffers();
    if (k == 0) return {};
    float threshold = -std::numeric_limits<float>::infinity();
    if (k <= chunks()) {
        b.sorted_maxima.assign(b.maxima.begin(), b.maxima.end());
        const auto kth = b.sorted_maxima.begin() + static_cast<std::ptrdiff_t>(k - 1);
        std::nth_element(b.sorted_maxima.begin(), kth, b.sorted_maxima.end(), std::greater<>());
        threshold = *kth;
    }
    const size_t found = at_least(threshold).size();  // below k only when the row holds NaN
    k = std::min(k, found);
    const auto begin = b.tokens.begin(), kth = begin + static_cast<std::ptrdiff_t>(k);
    std::nth_element(begin, kth, begin + static_cast<std::ptrdiff_t>(found), [this](int32_t x, int32_t y) {
        const float a = (*this)[x], c = (*this)[y];
        return a != c ? a > c : x < y;
    });
    std::sort(begin, kth);
    return {b.tokens.data(), k};
}

std::vector<Candidate>& LogitRow::weighed(std::span<const int32_t> tokens, double inverse) const {
    Buffers& b = buffers();
    b.some_logits.resize(tokens.size());
    b.some_weights.resize(tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) b.some_logits[i] = (*this)[tokens[i]];
    ops_.weights(b.some_logits.data(), static_cast<int64_t>(tokens.size()), double{greatest_}, inverse,
                 b.some_weights.data());
    b.candidates.clear();
    for (size_t i = 0; i < tokens.size(); ++i)
        if (b.some_weights[i] > 0) b.candidates.push_back({tokens[i], b.some_weights[i]});
    return b.candidates;
}

double LogitRow::mass(double inverse) const {
    auto& masses = buffers().masses;
    masses.resize(chunks());
    ops_.masses(logits_.data(), size(), double{greatest_}, inverse, masses.data());
    double sum = 0;
    for (const double m : masses) sum += m;
    return sum;
}

int32_t LogitRow::token_at(double distance, double inverse) const {
    const auto& masses = buffers().masses;
    int32_t last = likeliest();
    for (size_t c = 0; c < chunks(); ++c) {
        if (distance >= masses[c]) {
            distance -= masses[c];
            continue;
        }
        const auto in = chunk(c);
        std::array<double, kLogitChunk> weights;
        ops_.weights(in.data(), static_cast<int64_t>(in.size()), double{greatest_}, inverse, weights.data());
        for (size_t i = 0; i < in.size(); ++i) {
            if (weights[i] == 0) continue;
            last = static_cast<int32_t>(c * kLogitChunk + i);
            distance -= weights[i];
            if (distance < 0) return last;
        }
    }
    return last;  // distance close to the whole mass, and rounding
}

}  // namespace sluice::sampling
