#include "net/commands/engine_answerer.h"

#include <chrono>
#include <random>
#include <utility>
#include <vector>

#include "net/commands/answer.h"
#include "net/openai/call.h"

namespace sluice::net {
namespace {

uint64_t random_seed() {
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
}

double in_seconds(engine::Clock::duration time) {
    return std::chrono::duration<double>(time).count();
}

// One answer: pieces of text become thoughts and content, and are counted.
class Reading {
  public:
    Reading(const openai::Call& call, const repl::OnText& on_text)
        : parser_(call.answer), on_text_(on_text) {}

    void take(const engine::Delta& delta) {
        if (!delta.tokens.empty() && !reply_.figures.to_first) reply_.figures.to_first = seconds();
        tokens_.insert(tokens_.end(), delta.tokens.begin(), delta.tokens.end());
        parser_.push(delta.text, parts_);
        take_parts();
    }
    repl::Reply end(bool cut) {
        parser_.finish(parts_, cut);
        take_parts();
        reply_.figures.tokens = static_cast<int64_t>(tokens_.size());
        reply_.figures.seconds = seconds();
        return std::move(reply_);
    }
    const std::vector<int32_t>& tokens() const { return tokens_; }

  private:
    double seconds() const { return std::chrono::duration<double>(engine::Clock::now() - start_).count(); }
    void take_parts() {
        for (const chat::AnswerPart& part : parts_) {
            if (const auto* thought = std::get_if<chat::ReasoningDelta>(&part)) on_text_(thought->text, true);
            const auto* content = std::get_if<chat::ContentDelta>(&part);
            if (!content) continue;  // there are no calls where no tools are offered
            reply_.content += content->text;
            on_text_(content->text, false);
        }
        parts_.clear();
    }

    chat::AnswerParser parser_;
    const repl::OnText& on_text_;
    const engine::Clock::time_point start_ = engine::Clock::now();
    std::vector<chat::AnswerPart> parts_;
    std::vector<int32_t> tokens_;
    repl::Reply reply_;
};

class EngineAnswerer final : public repl::Answerer {
  public:
    explicit EngineAnswerer(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}

    std::string name() const override { return engine_->info().name; }

    Result<repl::Reply> answer(boost::json::object body, const repl::OnText& on_text,
                               const std::atomic<bool>& stop) override {
        body["model"] = "default";
        auto call = openai::read_call(openai::Dialect::chat, body,
                                      {engine_->info(), engine_->frontend(), limits_, random_seed()});
        if (!call) return call.error();
        Reading reading(*call, on_text);
        const auto on_delta = [&reading](const engine::Delta& delta) { reading.take(delta); };
        const auto answer = generate(*engine_, std::move(call->requests.front()), on_delta, stop);
        const bool stopped = !answer && answer.error().kind == ErrorKind::cancelled;
        if (!answer && !stopped) return answer.error();
        repl::Reply out = reading.end(stopped || answer->reason == engine::FinishReason::length);
        out.stopped = stopped;
        if (stopped) return out;
        if (call->remember) call->remember(reading.tokens());
        out.finish = to_string(answer->reason);
        const auto& [queued, prefill, inference] = answer->timing;
        out.figures.to_first = in_seconds(queued + prefill);
        out.figures.seconds = in_seconds(queued + prefill + inference);
        out.figures.tokens = answer->usage.completion_tokens;
        out.figures.prompt_tokens = answer->usage.prompt_tokens;
        out.figures.cached_tokens = answer->usage.cached_tokens;
        return out;
    }

  private:
    const std::unique_ptr<engine::Engine> engine_;
    const Limits limits_;
};

}  // namespace

std::unique_ptr<repl::Answerer> make_engine_answerer(std::unique_ptr<engine::Engine> engine) {
    return std::make_unique<EngineAnswerer>(std::move(engine));
}

}  // namespace sluice::net
