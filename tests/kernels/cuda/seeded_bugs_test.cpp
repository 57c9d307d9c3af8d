// Faults that kernels tend to have, put into ours one at a time: each is found, and by the detector that is
// meant for it. Without them the same runs pass the same detectors.
#include <gtest/gtest.h>

#include "kernels/cuda/sim/seeded_bugs.h"
#include "tests/kernels/cuda/attention_cases.h"
#include "tests/kernels/cuda/linear_cases.h"
#include "tests/kernels/cuda/moe_cases.h"

namespace sluice::kernels {
namespace {

using cuda::sim::Bug;

test::Finding examine(const auto& c) {
    return test::examine([&](cuda::sim::Simulator& device) { return c.run(device); }, c.oracle());
}

test::Finding rms() {
    return examine(test::RmsCase(2, 4100));
}
test::Finding route() {
    return examine(test::RouteCase(70, 60, 4));
}
test::Finding route_fused() {
    return examine(test::RouteCase(21, 60, 4));
}
test::Finding route_ties() {
    test::RouteCase c(3, 40, 5);
    for (size_t i = 0; i < c.logits.size(); ++i) c.logits[i] = static_cast<float>(i * 7 % 5);
    return examine(c);
}

test::Finding gemv(DType type) {
    return examine(
        test::ExpertCase(type, test::RouteCase(12, 2, 1), 19, type == DType::q4_k ? 1280 : 1088, true));
}
test::Finding gemv_q8_0() {
    return gemv(DType::q8_0);
}
test::Finding gemv_q4_k() {
    return gemv(DType::q4_k);
}
test::Finding gemm_q8_0() {
    test::ExpertCase c(DType::q8_0, test::RouteCase(12, 2, 1), 19, 96, true);
    c.many = true;
    return examine(c);
}
test::Finding moe() {
    return examine(test::MoeCase(DType::q8_0, test::RouteCase(5, 6, 3), 64, 32));
}

test::Finding linear() {
    return examine(test::LinearCase(DType::f16, 3, 21, 50, true, false));
}

test::Finding rope() {
    return examine(test::RopeCase(DType::f16, 3, 1, 64, {9}));
}
test::Finding attention() {
    return examine(test::AttentionCase(DType::f16, 4, 1, 64, {300, 70}));
}

struct Seeded {
    Bug bug;
    const char* name;
    test::Finding (*run)();
    const char* found_by;
};

void PrintTo(const Seeded& s, std::ostream* out) {
    *out << s.name;
}

const Seeded kBugs[] = {
    {Bug::rms_off_by_one, "rms_off_by_one", rms, "out of bounds"},
    {Bug::rms_sum_before_barrier, "rms_sum_before_barrier", rms, "uninitialised memory"},
    {Bug::rms_tile_overwritten, "rms_tile_overwritten", rms, "race in shared memory"},
    {Bug::rms_divergent_barrier, "rms_divergent_barrier", rms, "divergent barrier"},
    {Bug::rms_scale_before_barrier, "rms_scale_before_barrier", rms, "uninitialised memory"},
    {Bug::route_sum_before_sync, "route_sum_before_sync", route, "uninitialised memory"},
    {Bug::route_tie_to_any, "route_tie_to_any", route_ties, "oracle"},
    {Bug::route_wrong_mask, "route_wrong_mask", route, "warp mask"},
    {Bug::route_rank_forgotten, "route_rank_forgotten", route, "race in global memory"},
    {Bug::route_place_before_barrier, "route_place_before_barrier", route, "race in shared memory"},
    {Bug::route_count_not_cleared, "route_count_not_cleared", route, "uninitialised memory"},
    {Bug::route_count_not_atomic, "route_count_not_atomic", route, "race in shared memory"},
    {Bug::route_barrier_in_loop, "route_barrier_in_loop", route_fused, "divergent barrier"},
    {Bug::route_count_before_barrier, "route_count_before_barrier", route, "uninitialised memory"},
    {Bug::gemm_wrong_fragment, "gemm_wrong_fragment", gemm_q8_0, "oracle"},
    {Bug::gemv_short_dot, "gemv_short_dot", gemv_q8_0, "oracle"},
    {Bug::gemv_wrong_nibble, "gemv_wrong_nibble", gemv_q4_k, "oracle"},
    {Bug::gemv_misaligned, "gemv_misaligned", gemv_q4_k, "misaligned access"},
    {Bug::gemv_rows_behind_the_end, "gemv_rows_behind_the_end", gemv_q8_0, "out of bounds"},
    {Bug::gemv_add_before_sync, "gemv_add_before_sync", gemv_q8_0, "uninitialised memory"},
    {Bug::gemv_terms_overwritten, "gemv_terms_overwritten", gemv_q4_k, "race in shared memory"},
    {Bug::gemv_slot_of_next_expert, "gemv_slot_of_next_expert", gemv_q8_0, "out of bounds"},
    {Bug::linear_outputs_behind_the_end, "linear_outputs_behind_the_end", linear, "out of bounds"},
    {Bug::linear_every_lane_writes, "linear_every_lane_writes", linear, "race in global memory"},
    {Bug::linear_bias_of_row, "linear_bias_of_row", linear, "oracle"},
    {Bug::combine_over_blocks, "combine_over_blocks", moe, "race between blocks"},
    {Bug::combine_atomic, "combine_atomic", moe, "block order"},
    {Bug::rope_norm_before_sync, "rope_norm_before_sync", rope, "race in shared memory"},
    {Bug::attend_last_token, "attend_last_token", attention, "oracle"},
    {Bug::attend_without_wait, "attend_without_wait", attention, "pending copy"},
    {Bug::attend_without_barrier, "attend_without_barrier", attention, "uninitialised memory"},
    {Bug::attend_buffer_overwritten, "attend_buffer_overwritten", attention, "pending copy"},
    {Bug::merge_one_more, "merge_one_more", attention, "uninitialised memory"},
};

class SeededBug : public testing::TestWithParam<Seeded> {
    void TearDown() override { cuda::sim::seeded_bug = Bug::none; }
};

TEST_P(SeededBug, is_found_by_the_detector_for_it) {
    const test::Finding clean = GetParam().run();
    EXPECT_EQ(clean.by, "nothing") << clean.message;
    cuda::sim::seeded_bug = GetParam().bug;
    const test::Finding found = GetParam().run();
    EXPECT_EQ(found.by, GetParam().found_by) << found.message;
}

INSTANTIATE_TEST_SUITE_P(All, SeededBug, testing::ValuesIn(kBugs),
                         [](const auto& test_info) { return std::string(test_info.param.name); });

}  // namespace
}  // namespace sluice::kernels
