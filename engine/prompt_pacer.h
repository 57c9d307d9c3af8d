// How many prompt tokens the next step may compute, so that streams that run do not stall: a step with
// prompts takes at most `stretch` times what one without them takes, and no longer than a target. Learns both
// times from the steps themselves; what it says changes when tokens come, never which. Thread: engine.
#pragma once
#include <array>
#include <cstdint>

namespace sluice::engine {

class PromptPacer {
  public:
    // stretch < 1, target 0: no such bound.
    PromptPacer(int32_t step_tokens, double stretch, double target_seconds = 0)
        : step_tokens_(step_tokens), stretch_(stretch), target_seconds_(target_seconds) {}

    // Without decodes: as many as fit half a second, so that whoever comes or cancels meanwhile waits no
    // longer. For a step that also decodes so many sequences, while `waiting` others have no token yet: when
    // they are more than the streams, the streams give way, but not beyond the target. 0 now and then: a step
    // without prompts, to time it.
    int32_t prompt_tokens(int32_t decodes, int64_t waiting);

    // What a step has taken.
    void observe(int32_t decodes, int32_t prompt_tokens, double seconds);

  private:
    // Steps without prompts, by the logarithm of their decodes.
    struct Baseline {
        double seconds = 0;  // 0: unknown
        int32_t age = 0;     // steps with prompts since the last one without; small prompts count for several
    };
    Baseline& baseline(int32_t decodes);

    int32_t step_tokens_;
    double stretch_, target_seconds_;
    std::array<Baseline, 12> baselines_{};
    double prompt_token_seconds_ = 0;  // what a prompt token adds to a step that decodes; 0: unknown
    double alone_token_seconds_ = 0;   // what one costs in a step of prompts alone
};

}  // namespace sluice::engine
