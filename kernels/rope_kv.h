// Element-wise operations that need no instruction set of their own: one definition for every backend.
#pragma once
#include <cstdint>

#include "kernels/ops.h"

namespace sluice::kernels {

void embed_token(const Embed& op, int64_t token);
void rotate_token(const Rope& op, int64_t token);
void store_token(const KvWrite& op, int64_t token);

}  // namespace sluice::kernels
