// The commands behind main: each runs to its end and returns the exit status of the process.
#pragma once
#include "net/exit_status.h"
#include "net/options.h"

namespace sluice::net {

int run_serve(const ServeCommand& command);
int run_once(const RunCommand& command);
int run_chat(const ChatCommand& command);
int run_inspect(const InspectCommand& command);

// "sluice: message" on standard error, with the flag or field at fault; returns the status.
int report(const Error& error, int status = exit_status::failed);

// The status after standard output refused a write with this errno: a closed pipe quietly, else with a line.
int report_output(int error_number);

// The status of a command that has printed all it had to: `status`, unless standard output refused it.
int printed(int status);

// What a process ends with when Engine::load gave this error.
int load_status(const Error& error);

}  // namespace sluice::net
