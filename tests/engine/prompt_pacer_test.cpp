// Steps on a machine that is made up: a decode costs 1, a prompt token a fixed part of that.
#include "engine/prompt_pacer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::engine {
namespace {

constexpr int32_t kStepTokens = 64;

struct Totals {
    double longest = 0;    // step that computed prompts
    int32_t computed = 0;  // prompt tokens
    int32_t plain_steps = 0;
};

Totals simulate(PromptPacer& pacer, int32_t decodes, double base, double per_token, int steps) {
    Totals run;
    for (int i = 0; i < steps; ++i) {
        const int32_t tokens = pacer.prompt_tokens(decodes, 1);
        const double seconds = base + per_token * tokens;
        pacer.observe(decodes, tokens, seconds);
        run.computed += tokens;
        run.plain_steps += tokens == 0;
        if (tokens > 0) run.longest = std::max(run.longest, seconds);
    }
    return run;
}

TEST(PromptPacer, NothingToProtectMeansWholeSteps) {
    PromptPacer pacer(kStepTokens, 2.5);
    EXPECT_EQ(pacer.prompt_tokens(0, 1), kStepTokens);
    PromptPacer unbounded(kStepTokens, 0);
    EXPECT_EQ(unbounded.prompt_tokens(9, 1), kStepTokens);
}

TEST(PromptPacer, StepsStayWithinTheStretch) {
    PromptPacer pacer(kStepTokens, 2.5);
    const Totals run = simulate(pacer, 4, 0.1, 0.01, 200);
    EXPECT_LE(run.longest, 2.5 * 0.1 * 1.0001);
    EXPECT_GE(run.computed, 180 * 14) << "and use it";
    EXPECT_LE(run.plain_steps, 6) << "steps that only measure are few";
}

TEST(PromptPacer, PromptsGetOnHoweverDearTheyAre) {
    PromptPacer pacer(kStepTokens, 2.5);
    EXPECT_GE(simulate(pacer, 4, 0.1, 10.0, 100).computed, 90 * 8);
}

TEST(PromptPacer, CheapPromptsGetTheWholeStep) {
    PromptPacer pacer(kStepTokens, 2.5);
    simulate(pacer, 4, 0.1, 1e-6, 50);
    EXPECT_EQ(pacer.prompt_tokens(4, 1), kStepTokens);
}

TEST(PromptPacer, FollowsAPromptThatGetsDearer) {
    PromptPacer pacer(kStepTokens, 2.5);
    simulate(pacer, 4, 0.1, 0.003, 100);
    simulate(pacer, 4, 0.1, 0.01, 20);
    EXPECT_LE(simulate(pacer, 4, 0.1, 0.01, 50).longest, 2.5 * 0.1 * 1.05);
}

TEST(PromptPacer, StreamsGiveWayToManyThatWait) {
    PromptPacer pacer(kStepTokens, 2.0);
    simulate(pacer, 4, 0.1, 0.01, 60);
    EXPECT_LE(pacer.prompt_tokens(4, 1), 10);
    EXPECT_EQ(pacer.prompt_tokens(4, 60), kStepTokens);
}

TEST(PromptPacer, MoreStreamsAreMeasuredAnew) {
    PromptPacer pacer(kStepTokens, 2.5);
    simulate(pacer, 1, 0.1, 0.01, 50);
    EXPECT_EQ(pacer.prompt_tokens(32, 1), 0) << "their step is not known yet";
    simulate(pacer, 32, 1.0, 0.01, 50);
    EXPECT_EQ(pacer.prompt_tokens(32, 1), kStepTokens);
}

}  // namespace
}  // namespace sluice::engine
