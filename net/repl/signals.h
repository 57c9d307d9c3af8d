// What signals ask of the conversation. The handlers only set flags; any thread may run them.
#pragma once
#include <atomic>

namespace sluice::net::repl {

struct Signals {
    std::atomic<bool> interrupted{false};  // SIGINT: stop what is going on. Whoever does so takes it back
    std::atomic<bool> ended{false};        // SIGTERM, SIGHUP: leave; interrupted is set too
    std::atomic<bool> resized{false};      // SIGWINCH
    std::atomic<bool> resumed{false};      // SIGCONT: the terminal is as the shell left it
};

// From now on these signals only set the flags.
Signals& catch_signals();

}  // namespace sluice::net::repl
