// The commands behind main: each runs to its end and returns the exit status of the process.
#pragma once
#include "net/options.h"

namespace sluice::net {

// docs/command-line.md has the same table.
namespace exit_status {
inline constexpr int done = 0;
inline constexpr int failed = 1;     // a request that failed, or anything without a number of its own
inline constexpr int usage = 2;      // wrong arguments or settings
inline constexpr int bad_model = 3;  // the model file cannot be read, or is not one that we compute
inline constexpr int no_memory = 4;
inline constexpr int no_port = 5;  // the address cannot be listened on
}  // namespace exit_status

int run_serve(const ServeCommand& command);
int run_once(const RunCommand& command);
int run_chat(const ChatCommand& command);
int run_inspect(const InspectCommand& command);

// "sluice: message" on standard error, with the flag or field at fault; returns the status.
int report(const Error& error, int status = exit_status::failed);

// What a process ends with when Engine::load gave this error.
int load_status(const Error& error);

}  // namespace sluice::net
