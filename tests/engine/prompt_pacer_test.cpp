// Steps on a machine that is made up: a decode costs 1, a prompt token a fixed part of that.
#include "engine/prompt_pacer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

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

TEST(PromptPacer, AloneAsManyTokensAsFitHalfASecond) {
    const auto settled = [](double per_token) {
        PromptPacer pacer(256, 2.5);
        EXPECT_EQ(pacer.prompt_tokens(0, 1), 64) << "of unknown cost";
        simulate(pacer, 0, 0.0, per_token, 20);
        pacer.observe(0, 3, 3.0);  // the end of a prompt: few tokens, dear ones
        return pacer.prompt_tokens(0, 1);
    };
    EXPECT_EQ(settled(1e-4), 256);
    EXPECT_EQ(settled(0.5 / 100), 100);
    EXPECT_EQ(settled(1.0), 64) << "fewer would read the weights too often";
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

TEST(PromptPacer, AMachineThatGetsSlowIsNotTakenForADearPrompt) {
    PromptPacer pacer(kStepTokens, 2.5);
    simulate(pacer, 4, 0.01, 1e-4, 100);
    simulate(pacer, 4, 0.1, 1e-4, 60);
    EXPECT_EQ(pacer.prompt_tokens(4, 1), kStepTokens);
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

// A machine with experts: the first tokens of a chunk are dearer than the later ones, a prompt gets dearer as
// it goes on, and steps vary by 5 %.
class Machine {
  public:
    double step(int32_t decodes, int32_t prompt_tokens) {
        const double base = 0.03 + 0.002 * decodes;
        const double chunk = 0.04 * (1 - std::exp(-prompt_tokens / 12.0)) + 0.001 * prompt_tokens;
        done_ += prompt_tokens;
        return (base + chunk * (1 + 1e-4 * done_)) * (0.95 + 0.1 * static_cast<double>(rng_() % 1000) / 1000);
    }

  private:
    std::mt19937 rng_{5};
    int32_t done_ = 0;
};

// Steps with prompts that took longer than `target`, of `steps`; and the prompt tokens that were computed.
std::pair<int, int32_t> beyond(PromptPacer& pacer, Machine& machine, double target, int64_t waiting,
                               int steps) {
    int late = 0;
    int32_t computed = 0;
    for (int i = 0; i < steps; ++i) {
        const int32_t tokens = pacer.prompt_tokens(8, waiting);
        const double seconds = machine.step(8, tokens);
        pacer.observe(8, tokens, seconds);
        late += tokens > 0 && seconds > target;
        computed += tokens;
    }
    return {late, computed};
}

TEST(PromptPacer, TheTargetHoldsWhateverWaits) {
    for (const double target : {0.07, 0.09, 0.11}) {
        PromptPacer pacer(kStepTokens, 0, target);
        Machine machine;
        beyond(pacer, machine, target, 1, 30);
        const auto [late, computed] = beyond(pacer, machine, target, 100, 200);
        EXPECT_LE(late, 4) << target;
        const auto most = static_cast<double>(kStepTokens);
        double fits = 0;  // tokens that fill what is aimed at, in the beginning
        for (; fits < most && Machine().step(8, static_cast<int32_t>(fits) + 1) * 1.02 < 0.85 * target;
             ++fits) {
        }
        EXPECT_GE(computed, 200 * 0.5 * fits) << target << ": and it is used";
    }
}

TEST(PromptPacer, TheTighterOfTargetAndStretchCounts) {
    PromptPacer wide(kStepTokens, 2.0, 10.0), narrow(kStepTokens, 2.0, 0.15);
    EXPECT_LE(simulate(wide, 4, 0.1, 0.01, 100).longest, 0.2 * 1.0001);
    EXPECT_GE(simulate(wide, 4, 0.1, 0.01, 100).longest, 0.19);
    EXPECT_LE(simulate(narrow, 4, 0.1, 0.01, 100).longest, 0.15);
    EXPECT_EQ(narrow.prompt_tokens(4, 60), narrow.prompt_tokens(4, 1)) << "the queue does not widen it";
}

TEST(PromptPacer, ATargetOutOfReachStopsNoPrompt) {
    PromptPacer pacer(kStepTokens, 0, 0.05);
    const Totals run = simulate(pacer, 4, 0.1, 0.01, 200);
    EXPECT_GE(run.computed, 185);
    EXPECT_LE(run.computed, 200);
}

}  // namespace
}  // namespace sluice::engine
