// A row of logits and what samplers ask of it. One pass finds the largest logit of each chunk; after it the
// few likeliest tokens are found without reading the row again. The buffers belong to the thread and are
// kept, so a thread has one LogitRow at a time. Any thread.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/logits.h"

namespace sluice::sampling {

// Weights are exp((logit - greatest) * inverse): 1 for the likeliest.
struct Candidate {
    int32_t token;
    double weight;
};

class LogitRow {
  public:
    LogitRow(const kernels::LogitOps& ops, std::span<const float> logits);

    bool usable() const { return usable_; }  // no NaN, no +infinity, and something finite
    float greatest() const { return greatest_; }
    float operator[](int32_t token) const { return logits_[static_cast<size_t>(token)]; }
    int32_t likeliest() const;  // the lower id of equals

    // Tokens of which the logit is at least `threshold`, ascending.
    std::span<const int32_t> at_least(float threshold) const;
    // The k tokens with the largest logits, of equals the lower ids, ascending by id. Fewer when the row
    // holds NaN.
    std::span<const int32_t> likeliest(size_t k) const;

    // Of tokens that at_least() or likeliest() gave; those of weight 0 are left out.
    std::vector<Candidate>& weighed(std::span<const int32_t> tokens, double inverse) const;

    // The sum of all weights; then where a walk along the row, in order of id, has passed `distance` of it.
    double mass(double inverse) const;
    int32_t token_at(double distance, double inverse) const;

  private:
    size_t chunks() const { return static_cast<size_t>(kernels::logit_chunks(size())); }
    int64_t size() const { return static_cast<int64_t>(logits_.size()); }
    std::span<const float> chunk(size_t c) const;

    const kernels::LogitOps& ops_;
    std::span<const float> logits_;
    bool usable_;
    float greatest_;
};

}  // namespace sluice::sampling
