// One answer for the terminal commands: submits a request to an engine in this process and waits for the end,
// passing text on as it comes.
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace sluice::net {

struct Answer {
    std::string text;
    engine::Usage usage;
    engine::Timing timing;
    engine::FinishReason reason = engine::FinishReason::stop;
};

// on_delta runs on the calling thread. When *stop becomes true the request is cancelled: Error{cancelled}.
using OnDelta = std::function<void(const engine::Delta&)>;
Result<Answer> generate(engine::Engine& engine, engine::Request request, const OnDelta& on_delta,
                        const std::atomic<bool>& stop);

// On standard output, at once. False when it takes no more; errno says why.
bool print(std::string_view text);

// A progress bar for loading on standard error when it is a terminal, else one line a tenth.
engine::LoadProgress progress_bar();

}  // namespace sluice::net
