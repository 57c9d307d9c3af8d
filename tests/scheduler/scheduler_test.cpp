// Policy by example; the invariants over random work are scheduler_sim_test's.
#include "scheduler/scheduler.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

namespace sluice::scheduler {
namespace {

Submission prompt(uint64_t id, int32_t length, int32_t max_new, int32_t first_token = 0) {
    Submission s;
    s.ids = {{id}};
    s.prompt.resize(static_cast<size_t>(length));
    std::iota(s.prompt.begin(), s.prompt.end(), first_token);
    s.max_new_tokens = max_new;
    return s;
}

// Answers every sample with token 7; ends a sequence when it has `wanted` tokens.
struct Driver {
    explicit Driver(const Limits& limits, int32_t blocks) : scheduler(limits, blocks) {}
    StepPlan step(int wanted = 1 << 30) {
        StepPlan plan = scheduler.plan();
        StepResult result;
        for (const Slice& s : plan.slices)
            for (const SequenceId id : s.sample) result.tokens.push_back({id, 7, ++made[id.v] >= wanted});
        shapes.clear();
        for (const Slice& s : plan.slices)
            shapes.push_back({s.id.v, s.first, static_cast<int32_t>(s.tokens.size()),
                              static_cast<int32_t>(s.sample.size())});
        scheduler.commit(result);
        scheduler.check_integrity();
        return plan;
    }
    struct Shape {
        uint64_t id;
        int32_t first, tokens, samples;
        bool operator==(const Shape&) const = default;
    };
    Scheduler scheduler;
    std::map<uint64_t, int> made;
    std::vector<Shape> shapes;
};

using Shape = Driver::Shape;
using Shapes = std::vector<Shape>;

TEST(Scheduler, cuts_a_prompt_into_chunks_and_samples_after_the_last) {
    Driver d({.step_tokens = 64}, 16);
    ASSERT_EQ(d.scheduler.submit(prompt(1, 100, 5)), Admission::accepted);
    d.step();
    EXPECT_EQ(d.shapes, (Shapes{{1, 0, 64, 0}}));
    d.step();
    EXPECT_EQ(d.shapes, (Shapes{{1, 64, 36, 1}}));
    d.step();
    EXPECT_EQ(d.shapes, (Shapes{{1, 100, 1, 1}}));
}

TEST(Scheduler, decodes_come_first_and_do_not_wait_for_a_long_prompt) {
    Driver d({.step_tokens = 64}, 64);
    d.scheduler.submit(prompt(1, 10, 100));
    d.step();
    d.scheduler.submit(prompt(2, 1000, 5, 500));
    for (int i = 0; i < 10; ++i) {
        d.step();
        ASSERT_FALSE(d.shapes.empty());
        EXPECT_EQ(d.shapes[0].id, 1u);
        EXPECT_EQ(d.shapes[0].tokens, 1);
        int32_t chunk = 0;
        for (size_t s = 1; s < d.shapes.size(); ++s) chunk += d.shapes[s].tokens;
        EXPECT_EQ(chunk, 64);
    }
}

TEST(Scheduler, refuses_at_once_what_can_never_fit) {
    Scheduler s({.max_running = 4}, 4);  // 128 tokens
    EXPECT_EQ(s.submit(prompt(1, 128, 1)), Admission::too_long);
    EXPECT_EQ(s.submit(prompt(2, 127, 1)), Admission::accepted);
    Submission many = prompt(10, 4, 1);
    for (uint64_t i = 11; i < 15; ++i) many.ids.push_back({i});
    EXPECT_EQ(s.submit(many), Admission::too_long);
}

TEST(Scheduler, refuses_when_the_queue_is_full) {
    Scheduler s({.max_waiting = 2}, 8);
    EXPECT_EQ(s.submit(prompt(1, 4, 4)), Admission::accepted);
    EXPECT_EQ(s.submit(prompt(2, 4, 4)), Admission::accepted);
    EXPECT_EQ(s.submit(prompt(3, 4, 4)), Admission::queue_full);
}

TEST(Scheduler, a_known_prefix_is_not_computed_again) {
    Driver d({.step_tokens = 256}, 32);
    d.scheduler.submit(prompt(1, 100, 1));
    d.step(1);
    ASSERT_TRUE(d.scheduler.idle());
    d.scheduler.submit(prompt(2, 100, 1));
    d.step(1);
    EXPECT_EQ(d.shapes, (Shapes{{2, 96, 4, 1}}));
    EXPECT_EQ(d.scheduler.counts().prefix_hits, 96);
    // Another salt shares nothing, and whoever wants every row computes every row.
    Submission salted = prompt(3, 100, 1);
    salted.salt = 9;
    d.scheduler.submit(salted);
    d.step(1);
    EXPECT_EQ(d.shapes, (Shapes{{3, 0, 100, 1}}));
    Submission whole = prompt(4, 100, 1);
    whole.recompute_prompt = true;
    d.scheduler.submit(whole);
    d.step(1);
    EXPECT_EQ(d.shapes, (Shapes{{4, 0, 100, 1}}));
}

TEST(Scheduler, choices_share_the_prompt_and_copy_its_open_block) {
    Driver d({.step_tokens = 256}, 32);
    Submission s = prompt(1, 40, 10);
    s.ids = {{1}, {2}, {3}};
    d.scheduler.submit(s);
    d.step();
    EXPECT_EQ(d.shapes, (Shapes{{1, 0, 40, 3}}));
    const StepPlan plan = d.step();
    EXPECT_EQ(d.shapes, (Shapes{{1, 40, 1, 1}, {2, 40, 1, 1}, {3, 40, 1, 1}}));
    EXPECT_EQ(plan.copies.size(), 2u);  // the last holder writes in place
    EXPECT_EQ(d.scheduler.counts().blocks_used, 1 + 3);
}

TEST(Scheduler, preempts_the_youngest_when_the_pool_is_full_and_finishes_all) {
    Driver d({.step_tokens = 64, .prefix_cache = false}, 4);
    for (uint64_t id = 1; id <= 3; ++id)
        d.scheduler.submit(prompt(id, 30, 60, static_cast<int32_t>(id) * 1000));
    int steps = 0;
    while (!d.scheduler.idle() && ++steps < 1000) d.step(60);
    EXPECT_TRUE(d.scheduler.idle());
    EXPECT_GT(d.scheduler.counts().preemptions, 0);
    for (uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(d.made[id], 60);
}

TEST(Scheduler, higher_priority_goes_first_and_equals_in_order_of_arrival) {
    Driver d({.max_running = 1, .step_tokens = 64}, 16);
    d.scheduler.submit(prompt(1, 4, 1, 10));
    d.scheduler.submit(prompt(2, 4, 1, 20));
    Submission urgent = prompt(3, 4, 1, 30);
    urgent.priority = 1;
    d.scheduler.submit(urgent);
    std::vector<uint64_t> order;
    while (!d.scheduler.idle()) {
        d.step(1);
        order.push_back(d.shapes.at(0).id);
    }
    EXPECT_EQ(order, (std::vector<uint64_t>{3, 1, 2}));
}

TEST(Scheduler, cancelling_frees_blocks_at_once) {
    Driver d({.step_tokens = 64, .prefix_cache = false}, 16);
    d.scheduler.submit(prompt(1, 60, 50));
    d.step();
    EXPECT_EQ(d.scheduler.counts().blocks_used, 2);
    d.scheduler.cancel({1});
    EXPECT_EQ(d.scheduler.counts().blocks_used, 0);
    EXPECT_TRUE(d.scheduler.idle());
    d.scheduler.cancel({1});
    d.scheduler.cancel({99});
}

TEST(Scheduler, a_prompt_of_no_new_tokens_is_computed_and_ends) {
    Driver d({.step_tokens = 64}, 16);
    d.scheduler.submit(prompt(1, 40, 0));
    d.step();
    EXPECT_EQ(d.shapes, (Shapes{{1, 0, 40, 0}}));
    EXPECT_TRUE(d.scheduler.idle());
}

}  // namespace
}  // namespace sluice::scheduler
