// One answer for the terminal commands: submits a conversation to an engine in this process and waits for the
// end, passing text on as it comes.
#pragma once
#include <atomic>
#include <boost/json/array.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "net/options.h"

namespace sluice::net {

struct Answer {
    std::string text;
    engine::Usage usage;
    engine::FinishReason reason = engine::FinishReason::stop;
};

// on_text runs on the calling thread. When *stop becomes true the request is cancelled: Error{cancelled}.
Result<Answer> answer(engine::Engine& engine, const boost::json::array& messages,
                      const AnswerOptions& options, const std::function<void(std::string_view)>& on_text,
                      const std::atomic<bool>& stop);

// A progress bar for loading on standard error when it is a terminal, else one line a tenth.
engine::LoadProgress progress_bar();

}  // namespace sluice::net
