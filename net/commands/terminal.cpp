// `sluice run` and `sluice chat`: the engine in this process, text on standard output.
#include <unistd.h>

#include <atomic>
#include <boost/json/object.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "net/commands/answer.h"
#include "net/commands/commands.h"

namespace sluice::net {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // set from a signal handler

void on_interrupt(int) {
    interrupted = true;
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

boost::json::object message(const char* role, std::string_view content) {
    return {{"role", role}, {"content", boost::json::string(content)}};
}

boost::json::array conversation(const AnswerOptions& options) {
    boost::json::array messages;
    if (!options.system.empty()) messages.push_back(message("system", options.system));
    return messages;
}

}  // namespace

int run_once(const RunCommand& command) {
    auto engine =
        engine::Engine::load(command.engine, isatty(STDERR_FILENO) ? progress_bar() : engine::LoadProgress{});
    if (!engine) return report(engine.error(), load_status(engine.error()));
    std::string prompt = command.prompt;
    if (prompt == "-") prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
    std::signal(SIGINT, on_interrupt);
    boost::json::array messages = conversation(command.answer);
    messages.push_back(message("user", prompt));
    const auto result = answer(**engine, messages, command.answer, print, interrupted);
    print("\n");
    if (!result) return report(result.error());
    return 0;
}

int run_chat(const ChatCommand& command) {
    auto engine =
        engine::Engine::load(command.engine, isatty(STDERR_FILENO) ? progress_bar() : engine::LoadProgress{});
    if (!engine) return report(engine.error(), load_status(engine.error()));
    std::fprintf(stderr, "%s. Ctrl-C stops an answer, Ctrl-D ends.\n", (*engine)->info().name.c_str());
    std::signal(SIGINT, on_interrupt);
    boost::json::array messages = conversation(command.answer);
    for (std::string line;;) {
        std::fputs("> ", stderr);
        if (!std::getline(std::cin, line)) break;
        if (line.empty()) continue;
        messages.push_back(message("user", line));
        interrupted = false;
        auto result = answer(**engine, messages, command.answer, print, interrupted);
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
