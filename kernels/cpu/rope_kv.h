// What happens to one token's heads between their projections and attention.
#pragma once
#include <cstdint>

#include "kernels/cpu/isa.h"
#include "kernels/ops.h"

namespace sluice::kernels::cpu {

void rope_kv_token(const Isa& isa, const RopeKv& op, int64_t token);

}  // namespace sluice::kernels::cpu
