// `sluice chat`: the engine in this process, a conversation in the terminal.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "net/commands/answer.h"
#include "net/commands/commands.h"

namespace sluice::net {

int run_chat(const ChatCommand& command) {
    auto engine =
        engine::Engine::load(command.engine, isatty(STDERR_FILENO) ? progress_bar() : engine::LoadProgress{});
    if (!engine) return report(engine.error(), load_status(engine.error()));
    std::fprintf(stderr, "%s. Ctrl-C stops an answer, Ctrl-D ends.\n", (*engine)->info().name.c_str());
    std::atomic<bool>& stop = catch_interrupt();
    boost::json::array messages = conversation(command.answer);
    for (std::string line;;) {
        std::fputs("> ", stderr);
        if (!std::getline(std::cin, line)) break;
        if (line.empty()) continue;
        messages.push_back(message("user", line));
        stop = false;
        auto result = answer(**engine, messages, command.answer, print, stop);
        print("\n");
        if (result) {
            messages.push_back(message("assistant", result->text));
        } else {
            report(result.error());
            messages.pop_back();
        }
    }
    return 0;
}

}  // namespace sluice::net
