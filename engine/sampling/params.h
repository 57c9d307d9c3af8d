// How to choose the next token. Defaults are OpenAI's: plain sampling at temperature 1.
#pragma once
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::sampling {

struct Params {
    float temperature = 1.0f;         // 0: greedy
    int32_t top_k = 0;                // 0: off
    float top_p = 1.0f;               // 1: off
    float min_p = 0.0f;               // 0: off
    float repetition_penalty = 1.0f;  // over prompt and output (CTRL, arXiv 1909.05858); 1: off
    float frequency_penalty = 0.0f;   // over output, times count (OpenAI)
    float presence_penalty = 0.0f;    // over output, once
    std::vector<std::pair<int32_t, float>> logit_bias;  // token, added to its logit
    uint64_t seed = 0;          // with the choice index and the position it fixes every draw
    int32_t top_logprobs = -1;  // -1: no logprobs; n: of the chosen token and the n likeliest
};

}  // namespace sluice::sampling
