// Faults of the kind that kernels have, one at a time, to show that each is found and by which detector. Only
// code compiled with SLUICE_SEEDED_BUGS has them.
#pragma once
#include <cstdint>

namespace sluice::kernels::cuda::sim {

enum class Bug : uint8_t {
    none,
    rms_off_by_one,
    rms_sum_before_barrier,
    rms_tile_overwritten,
    rms_divergent_barrier,
    rms_scale_before_barrier,
    route_sum_before_sync,
    route_tie_to_any,
    route_wrong_mask,
    route_rank_forgotten,
    route_place_before_barrier,
    route_count_not_cleared,
    route_count_not_atomic,
    route_barrier_in_loop,
    route_count_before_barrier,
    gemm_wrong_fragment,
    gemv_short_dot,
    gemv_wrong_nibble,
    gemv_misaligned,
    gemv_rows_behind_the_end,
    gemv_add_before_sync,
    gemv_terms_overwritten,
    gemv_slot_of_next_expert,
    linear_outputs_behind_the_end,
    linear_every_lane_writes,
    linear_bias_of_row,
    combine_over_blocks,
    combine_atomic,
    rope_norm_before_sync,
    attend_last_token,
    attend_without_wait,
    attend_without_barrier,
    attend_buffer_overwritten,
    merge_one_more,
};

inline Bug seeded_bug = Bug::none;

}  // namespace sluice::kernels::cuda::sim
