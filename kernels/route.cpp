#include "kernels/route.h"

#include <algorithm>

namespace sluice::kernels {

void choose_experts(const Route& op, int64_t token, const float* probabilities) {
    int32_t* chosen = op.expert + token * op.top_k;
    float* weight = op.weight + token * op.top_k;
    // A small sorted list, best first. An equal later expert stays behind, so ties go to the lower id; with
    // NaN the order is arbitrary, but the experts are valid and distinct.
    int64_t n = 0;
    for (int32_t e = 0; e < op.experts; ++e) {
        const float p = probabilities[e];
        if (n == op.top_k && !(p > probabilities[chosen[n - 1]])) continue;
        int64_t at = n < op.top_k ? n++ : n - 1;
        for (; at > 0 && p > probabilities[chosen[at - 1]]; --at) chosen[at] = chosen[at - 1];
        chosen[at] = e;
    }
    float sum = 0.0f;
    for (int64_t j = 0; j < op.top_k; ++j) sum += probabilities[chosen[j]];
    std::sort(chosen, chosen + op.top_k);
    const float scale = op.renormalise ? op.weight_scale / sum : op.weight_scale;
    for (int64_t j = 0; j < op.top_k; ++j) weight[j] = probabilities[chosen[j]] * scale;
}

void group_by_expert(const Route& op) {
    const int64_t slots = op.tokens * op.top_k;
    std::fill_n(op.expert_begin, op.experts + 1, 0);
    for (int64_t s = 0; s < slots; ++s) ++op.expert_begin[op.expert[s] + 1];
    for (int64_t e = 0; e < op.experts; ++e) op.expert_begin[e + 1] += op.expert_begin[e];
    // Each expert's begin moves to its end while rows are placed, and is then the next one's begin again.
    for (int64_t s = 0; s < slots; ++s) op.row[op.expert_begin[op.expert[s]]++] = static_cast<int32_t>(s);
    for (int64_t e = op.experts; e > 0; --e) op.expert_begin[e] = op.expert_begin[e - 1];
    op.expert_begin[0] = 0;
}

}  // namespace sluice::kernels
