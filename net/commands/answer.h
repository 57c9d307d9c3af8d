// One answer for the terminal commands: submits a conversation to an engine in this process and waits for the
// end, passing text on as it comes.
#pragma once
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "net/options.h"

namespace sluice::net {

struct Answer {
    std::string text;
    engine::Usage usage;
    engine::Timing timing;
    engine::FinishReason reason = engine::FinishReason::stop;
};

// on_text runs on the calling thread. When *stop becomes true the request is cancelled: Error{cancelled}.
Result<Answer> answer(engine::Engine& engine, const boost::json::array& messages,
                      const AnswerOptions& options, const std::function<void(std::string_view)>& on_text,
                      const std::atomic<bool>& stop);

// The same for a request that is ready, with the tokens of each piece.
using OnDelta = std::function<void(const engine::Delta&)>;
Result<Answer> generate(engine::Engine& engine, engine::Request request, const OnDelta& on_delta,
                        const std::atomic<bool>& stop);

boost::json::object message(const char* role, std::string_view content);

// What every conversation starts with: the system message, if there is one.
boost::json::array conversation(const AnswerOptions& options);

// From now on Ctrl-C only sets the flag.
std::atomic<bool>& catch_interrupt();

// On standard output, at once.
void print(std::string_view text);

// A progress bar for loading on standard error when it is a terminal, else one line a tenth.
engine::LoadProgress progress_bar();

}  // namespace sluice::net
