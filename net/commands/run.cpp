// `sluice run`: the engine in this process, one answer on standard output.
#include <unistd.h>

#include <iostream>
#include <iterator>
#include <string>

#include "net/commands/answer.h"
#include "net/commands/commands.h"

namespace sluice::net {

int run_once(const RunCommand& command) {
    auto engine =
        engine::Engine::load(command.engine, isatty(STDERR_FILENO) ? progress_bar() : engine::LoadProgress{});
    if (!engine) return report(engine.error(), load_status(engine.error()));
    std::string prompt = command.prompt;
    if (prompt == "-") prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
    const std::atomic<bool>& stop = catch_interrupt();
    boost::json::array messages = conversation(command.answer);
    messages.push_back(message("user", prompt));
    const auto result = answer(**engine, messages, command.answer, print, stop);
    print("\n");
    if (!result) return report(result.error());
    return 0;
}

}  // namespace sluice::net
