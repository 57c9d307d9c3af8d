// Chooses tokens for one choice of one request. Exact: nothing is approximated, ties go to the lower id, and
// the same logits, parameters and position always give the same token. Order: penalties and logit_bias on the
// raw logits; tokens that are banned or not allowed out; temperature; top_k; top_p; min_p; draw. Logprobs are
// those of the model itself: the log-softmax of the raw logits. Const members: any thread.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/result.h"
#include "engine/sampling/params.h"
#include "kernels/logits.h"

namespace sluice::sampling {

struct Choice {
    int32_t token = 0;
    float logprob = 0;                                // 0 unless logprobs were asked for
    std::vector<std::pair<int32_t, float>> top = {};  // the likeliest tokens, best first
};

// Tokens that may come, where not all may: those of `few`, the bits of `many` (bit t % 64 of word t / 64),
// and `ends`.
struct Allowed {
    std::span<const int32_t> few;
    std::span<const uint64_t> many;
    std::span<const int32_t> ends;
};

class Sampler {
  public:
    Sampler(const Params& params, std::span<const int32_t> prompt);

    // Token number `position` (0 is the first) of choice `choice`. The logits are changed on the way and put
    // back. `allowed` may be null: all are. `internal` error when the row holds NaN or nothing finite: then
    // only this request ends.
    Result<Choice> sample(const kernels::LogitOps& ops, std::span<float> logits, uint64_t choice,
                          int64_t position, std::span<const int32_t> banned,
                          const Allowed* allowed = nullptr) const;

    // Counts a chosen token for the penalties.
    void accept(int32_t token);

  private:
    struct Count {
        int32_t token;
        int32_t times;
    };
    Result<int32_t> choose(const kernels::LogitOps& ops, std::span<float> logits, uint64_t choice,
                           int64_t position, std::span<const int32_t> banned, const Allowed* allowed) const;

    Params params_;
    bool penalises_ = false;
    std::vector<Count> counts_;  // output tokens, ascending; prompt tokens with 0 times
};

// Logprob of `token` and the `top` likeliest of a raw row.
Choice score(const kernels::LogitOps& ops, std::span<const float> logits, int32_t token, int32_t top);

}  // namespace sluice::sampling
