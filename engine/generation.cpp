#include "engine/generation.h"

#include <algorithm>
#include <utility>

#include "kernels/check.h"

namespace sluice::engine {

Generation::Generation(RequestKey key, Request request, const tokenizer::Tokenizer& tokenizer,
                       Clock::time_point submitted)
    : key_(key),
      request_(std::move(request)),
      tokenizer_(tokenizer),
      submitted_(submitted),
      pool_(request_.pooling) {
    end_tokens_ = request_.stop_tokens;
    if (!request_.ignore_eos) {
        const auto ends = tokenizer_.end_tokens();
        end_tokens_.insert(end_tokens_.end(), ends.begin(), ends.end());
    }
    usage.prompt_tokens = static_cast<int32_t>(request_.prompt.size());
    open_choices_ = request_.n;
    choices_.reserve(static_cast<size_t>(request_.n));
    for (int32_t i = 0; i < request_.n; ++i) {
        choices_.push_back({sampling::Sampler(request_.sampling, request_.prompt),
                            {},
                            sampling::StopStrings(request_.stop)});
        if (request_.constraint) choices_.back().matcher.emplace(request_.constraint);
    }
    if (request_.prompt_logprobs)
        prompt_scores_.logprobs.push_back({logprob(request_.prompt.front(), 0), {}, true});
}

Timing Generation::timing(Clock::time_point end) const {
    const auto first = usage.completion_tokens > 0 ? first_token_ : end;
    return {started_ - submitted_, first - started_, end - started_};
}

bool Generation::is_end_token(int32_t token) const {
    return std::find(end_tokens_.begin(), end_tokens_.end(), token) != end_tokens_.end();
}

Result<sampling::Choice> Generation::choose(const kernels::LogitOps& ops, int32_t choice,
                                            std::span<float> logits) const {
    const Choice& c = choices_[static_cast<size_t>(choice)];
    SLUICE_CHECK(!c.done);
    const std::span<const int32_t> ends = end_tokens_, none = {};
    const bool too_early_to_end = c.tokens < request_.min_tokens;
    if (!c.matcher) {
        return c.sampler.sample(ops, logits, static_cast<uint64_t>(choice), c.tokens,
                                too_early_to_end ? ends : none);
    }
    const auto mask = c.matcher->allowed();
    const bool may_end = c.matcher->can_end() && (!too_early_to_end || mask->empty());
    if (mask->empty() && (!may_end || ends.empty()))
        return Error{ErrorKind::invalid_request, "no token goes on with the grammar here: it is too deep"};
    const sampling::Allowed allowed{mask->few, mask->many, may_end ? ends : none};
    return c.sampler.sample(ops, logits, static_cast<uint64_t>(choice), c.tokens, may_end ? none : ends,
                            &allowed);
}

bool Generation::take(int32_t choice, const sampling::Choice& chosen) {
    Choice& c = choices_[static_cast<size_t>(choice)];
    const int32_t token = chosen.token;
    c.sampler.accept(token);
    ++c.tokens;
    if (usage.completion_tokens++ == 0) first_token_ = Clock::now();
    if (is_end_token(token)) {  // it ends the text and is no part of it
        finish(choice, FinishReason::stop, {});
        return true;
    }
    if (c.matcher) SLUICE_CHECK(c.matcher->accept(token));
    Delta delta{choice, {}, {token}, {}};
    if (request_.sampling.top_logprobs >= 0) delta.logprobs.push_back(describe(chosen));
    auto piece = c.stop.push(c.text.push(tokenizer_.bytes(token)));
    delta.text = std::move(piece.emit);
    pending_.emplace_back(std::move(delta));
    if (piece.stopped) {
        finish(choice, FinishReason::stop, std::move(piece.matched));
    } else if (c.matcher && !c.matcher->can_go_on()) {  // whole: there is nothing that an end token would add
        finish(choice, FinishReason::stop, {});
    } else if (c.tokens >= request_.max_tokens) {
        finish(choice, FinishReason::length, {});
    }
    return c.done;
}

// The text that was held back comes out before the end, unless a stop string has cut it.
void Generation::finish(int32_t choice, FinishReason reason, std::string stop_string) {
    Choice& c = choices_[static_cast<size_t>(choice)];
    c.done = true;
    --open_choices_;
    if (stop_string.empty()) {
        auto piece = c.stop.push(c.text.finish());
        std::string rest = std::move(piece.emit);
        if (piece.stopped) {
            reason = FinishReason::stop;
            stop_string = std::move(piece.matched);
        } else {
            rest += c.stop.finish();
        }
        if (!rest.empty()) pending_.emplace_back(Delta{choice, std::move(rest), {}, {}});
    }
    last_reason_ = reason;
    pending_.emplace_back(ChoiceFinished{choice, reason, std::move(stop_string)});
}

void Generation::finish_without_tokens() {
    for (int32_t i = 0; i < request_.n; ++i) finish(i, FinishReason::length, {});
}

void Generation::score_prompt(kernels::Backend& backend, int32_t first, std::span<const float> logits,
                              int32_t vocab) {
    const auto length = static_cast<int32_t>(request_.prompt.size());
    const auto rows = static_cast<int32_t>(logits.size() / static_cast<size_t>(vocab));
    // Row p predicts prompt token p + 1. Rows below what is scored come back after a preemption.
    const auto scored = static_cast<int32_t>(prompt_scores_.logprobs.size());
    const int32_t next = scored - 1 - first, end = std::min(rows, length - 1 - first);
    std::vector<sampling::Choice> scores(static_cast<size_t>(next < 0 ? 0 : std::max(0, end - next)));
    backend.parallel(static_cast<int64_t>(scores.size()), [&](int64_t i) {
        const auto at = static_cast<size_t>(i);
        const auto row = logits.subspan((static_cast<size_t>(next) + at) * static_cast<size_t>(vocab),
                                        static_cast<size_t>(vocab));
        scores[at] =
            sampling::score(backend.logit_ops(), row, request_.prompt[static_cast<size_t>(scored) + at],
                            std::max(request_.sampling.top_logprobs, 0));
    });
    for (const sampling::Choice& score : scores) prompt_scores_.logprobs.push_back(describe(score));
    if (static_cast<int32_t>(prompt_scores_.logprobs.size()) == length && first + rows >= length) {
        pending_.emplace_back(std::exchange(prompt_scores_, {}));
        request_.prompt_logprobs = false;
    }
}

Result<void> Generation::pool_prompt(int32_t first, std::span<const float> states, int32_t hidden) {
    pool_.add(first, states, hidden);
    if (pool_.positions() < static_cast<int32_t>(request_.prompt.size())) return {};
    auto values = pool_.unit();
    if (!values) return values.error();
    pending_.emplace_back(Embedded{std::move(*values)});
    return {};
}

Logprob Generation::logprob(int32_t token, float value) const {
    return {token, value, std::string(tokenizer_.bytes(token, true))};
}

TokenLogprobs Generation::describe(const sampling::Choice& chosen) const {
    TokenLogprobs out{logprob(chosen.token, chosen.logprob), {}, false};
    out.top.reserve(chosen.top.size());
    for (const auto& [token, value] : chosen.top) out.top.push_back(logprob(token, value));
    return out;
}

void Generation::publish() {
    for (Event& event : pending_) request_.sink->on_event(std::move(event));
    pending_.clear();
}

void Generation::end(Event terminal) {
    SLUICE_CHECK(!ended_);
    ended_ = true;
    publish();
    request_.sink->on_event(std::move(terminal));
    request_.sink.reset();
}

}  // namespace sluice::engine
