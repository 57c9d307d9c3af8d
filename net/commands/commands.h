// The commands behind main: each runs to its end and returns the exit status of the process.
// 0: done; 1: failed (one line on standard error says why); 2: wrong arguments.
#pragma once
#include "net/options.h"

namespace sluice::net {

int run_serve(const ServeCommand& command);
int run_once(const RunCommand& command);
int run_chat(const ChatCommand& command);
int run_inspect(const InspectCommand& command);

// "sluice: message" on standard error, with the flag or field at fault; returns 1.
int report(const Error& error);

}  // namespace sluice::net
