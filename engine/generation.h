// One request while it runs: turns sampled tokens into text events, decides when a choice ends, counts usage.
// Owned by the engine's core. Thread: engine.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/frontend.h"
#include "engine/pool.h"
#include "engine/request.h"
#include "engine/sampling/sampler.h"
#include "engine/sampling/stop_strings.h"
#include "kernels/backend.h"

namespace sluice::engine {

class Generation {
  public:
    Generation(RequestKey key, Request request, const tokenizer::Tokenizer& tokenizer,
               Clock::time_point submitted = {});

    const Request& request() const { return request_; }
    RequestKey key() const { return key_; }

    // Chooses the next token of `choice` from its logits row, which is put back as it was; changes nothing
    // else. An error ends the whole request. Any thread.
    Result<sampling::Choice> choose(const kernels::LogitOps& ops, int32_t choice,
                                    std::span<float> logits) const;
    // Goes on with the token that was chosen and queues the events of it. true: it ends the choice.
    bool take(int32_t choice, const sampling::Choice& chosen);

    // Logits of prompt positions first .. first + rows - 1, when the request asked for prompt logprobs.
    void score_prompt(kernels::Backend& backend, int32_t first, std::span<const float> logits, int32_t vocab);

    // The same of its hidden states, for requests with a pooling. An error ends the request.
    Result<void> pool_prompt(int32_t first, std::span<const float> states, int32_t hidden);

    // The prompt is computed and no token was asked for (max_tokens 0).
    void finish_without_tokens();

    bool started() const { return started_ != Clock::time_point{}; }  // left the queue
    void start(Clock::time_point when) { started_ = when; }
    Usage usage;  // completion tokens of all choices
    Timing timing(Clock::time_point end) const;
    bool all_choices_done() const { return open_choices_ == 0; }
    // Where a choice stands in its grammar; null: it has none, or is done.
    const grammar::Matcher* matcher(int32_t choice) const {
        const Choice& c = choices_[static_cast<size_t>(choice)];
        return c.matcher && !c.done ? &*c.matcher : nullptr;
    }
    bool choice_done(int32_t choice) const { return choices_[static_cast<size_t>(choice)].done; }
    FinishReason last_reason() const { return last_reason_; }

    // Events queued since the last call, in order, to the sink.
    void publish();
    // The one terminal event; nothing may follow.
    void end(Event terminal);

  private:
    struct Choice {
        sampling::Sampler sampler;
        tokenizer::Detokenizer text;
        sampling::StopStrings stop;
        std::optional<grammar::Matcher> matcher = std::nullopt;
        int32_t tokens = 0;
        bool done = false;
    };

    TokenLogprobs describe(const sampling::Choice& chosen) const;
    Logprob logprob(int32_t token, float value) const;
    bool is_end_token(int32_t token) const;
    void finish(int32_t choice, FinishReason reason, std::string stop_string);

    RequestKey key_;
    Request request_;
    const tokenizer::Tokenizer& tokenizer_;
    Clock::time_point submitted_, started_{}, first_token_{};
    std::vector<int32_t> end_tokens_;  // the model's and the request's; banned before min_tokens
    std::vector<Choice> choices_;
    int32_t open_choices_ = 0;
    FinishReason last_reason_ = FinishReason::stop;
    PromptScored prompt_scores_;
    Pool pool_;
    std::vector<Event> pending_;
    bool ended_ = false;
};

}  // namespace sluice::engine
