#include "engine/prompt_pacer.h"

#include <algorithm>
#include <bit>

namespace sluice::engine {
namespace {

constexpr int32_t kFewest = 8;           // a prompt always gets on; within a target by one token at least
constexpr double kOfTarget = 0.85;       // that is aimed at, because steps vary
constexpr int32_t kFewestAlone = 64;     // below, weights are read again and again for few tokens
constexpr double kSecondsAlone = 0.5;    // of a step without decodes
constexpr int32_t kOldest = 64;          // steps, before a baseline is measured anew
constexpr int32_t kOldestAtFewest = 16;  // the same while prompts only creep, which a stale baseline causes
constexpr double kNewWeight = 0.25;      // of a measurement in its running mean

void blend(double& mean, double value) {
    mean = mean == 0 ? value : mean + kNewWeight * (value - mean);
}

}  // namespace

PromptPacer::Baseline& PromptPacer::baseline(int32_t decodes) {
    const auto bucket = static_cast<size_t>(std::bit_width(static_cast<uint32_t>(decodes)));
    return baselines_[std::min(bucket, baselines_.size() - 1)];
}

int32_t PromptPacer::prompt_tokens(int32_t decodes, int64_t waiting) {
    if (decodes < 1) {
        const int32_t fewest = std::min(kFewestAlone, step_tokens_);
        if (alone_token_seconds_ == 0) return fewest;
        return static_cast<int32_t>(
            std::clamp<double>(kSecondsAlone / alone_token_seconds_, fewest, step_tokens_));
    }
    if (stretch_ < 1 && target_seconds_ <= 0) return step_tokens_;
    const Baseline& base = baseline(decodes);
    if (base.seconds == 0 || base.age >= kOldest) return 0;
    const int32_t fewest = std::min(kFewest, step_tokens_);
    if (prompt_token_seconds_ == 0) return target_seconds_ > 0 ? 1 : fewest;
    double tokens = step_tokens_;
    if (stretch_ >= 1) {
        const double others = static_cast<double>(std::max<int64_t>(waiting - 1, 0)) / decodes;
        const double added = (stretch_ * (1 + others) - 1) * base.seconds;
        tokens = std::clamp<double>(added / prompt_token_seconds_, fewest, step_tokens_);
    }
    if (target_seconds_ > 0) {
        const double added = kOfTarget * target_seconds_ - base.seconds;
        tokens = std::clamp(added / prompt_token_seconds_, 1.0, tokens);
    }
    return static_cast<int32_t>(tokens);
}

void PromptPacer::observe(int32_t decodes, int32_t prompt_tokens, double seconds) {
    if (decodes < 1) {
        // The last piece of a prompt is small, reads all weights and says nothing of large ones.
        if (prompt_tokens >= std::min(kFewestAlone, step_tokens_))
            blend(alone_token_seconds_, seconds / prompt_tokens);
        return;
    }
    Baseline& base = baseline(decodes);
    if (prompt_tokens == 0) {
        if (base.age >= kOldest) base.seconds = 0;  // the machine may have become another one
        blend(base.seconds, seconds);
        base.age = 0;
        return;
    }
    base.age += prompt_tokens > kFewest ? 1 : kOldest / kOldestAtFewest;
    if (base.seconds == 0) return;
    // A floor, lest one lucky step makes prompt tokens free.
    const double added = std::max(seconds - base.seconds, 0.01 * base.seconds);
    blend(prompt_token_seconds_, added / prompt_tokens);
}

}  // namespace sluice::engine
