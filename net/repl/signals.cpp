#include "net/repl/signals.h"

#include <csignal>

namespace sluice::net::repl {
namespace {

Signals flags;
static_assert(std::atomic<bool>::is_always_lock_free);  // set from signal handlers

void on_signal(int number) {
    switch (number) {
        case SIGWINCH:
            flags.resized = true;
            break;
        case SIGCONT:
            flags.resumed = true;
            break;
        case SIGINT:
            flags.interrupted = true;
            break;
        default:
            flags.ended = true;
            flags.interrupted = true;
    }
}

}  // namespace

Signals& catch_signals() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT}) std::signal(number, on_signal);
    return flags;
}

}  // namespace sluice::net::repl
