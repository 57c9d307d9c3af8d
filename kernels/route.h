// The choice of experts from their probabilities and the permutation that groups rows by expert: integer work
// that every backend shares, so that all choose alike.
#pragma once
#include <cstdint>

#include "kernels/ops.h"

namespace sluice::kernels {

// Fills op.expert and op.weight of token t from probabilities [experts]: the top k, ties to the lower id.
void choose_experts(const Route& op, int64_t token, const float* probabilities);

// Fills op.expert_begin and op.row from op.expert of all tokens.
void group_by_expert(const Route& op);

}  // namespace sluice::kernels
