// The command line: flags, environment (SLUICE_*) and a config file, parsed once into plain structs.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/options.h"
#include "engine/result.h"
#include "engine/sampling/params.h"
#include "net/limits.h"

namespace sluice::net {

struct ServeCommand {
    engine::Options engine;
    std::string host = "127.0.0.1";
    uint16_t port = 8080;
    int io_threads = 1;
    int text_threads = 1;
    Limits limits;
    bool serve_load_errors = false;  // --on-load-error=serve: stay up and answer every request with the error
    std::vector<std::string> api_keys;
    std::string api_key_file;
    std::string log_level = "info";
};

struct AnswerOptions {
    sampling::Params sampling;
    int32_t max_tokens = 512;
    std::string system;  // system message; empty: none
};

struct RunCommand {
    engine::Options engine;
    AnswerOptions answer;
    std::string prompt;  // "-": standard input; so is an empty one when that is no terminal
    std::string schema;  // file of a JSON Schema that the answer is held to; empty: none
    bool json = false;
};
struct ChatCommand {
    engine::Options engine;
    AnswerOptions answer;
    std::vector<std::pair<std::string, std::string>> settings;  // what of `answer` was given: name, value
    std::string url;           // of a server; empty: the engine in this process
    std::string api_key;       // for that server
    std::string history_file;  // empty: there is no place for one
    bool colour = true;
    bool dumb_terminal = false;  // it knows no escape sequences
};
struct InspectCommand {
    engine::Options engine;
    int32_t concurrency = 1;  // requests of the whole context at once, for the sum of memory
    bool json = false;
};
struct VersionCommand {};
// What there is to print when nothing is to be run: help text, or what is wrong with the arguments.
struct PrintCommand {
    std::string text;
    int exit_code = 0;
};

using Invocation =
    std::variant<ServeCommand, RunCommand, ChatCommand, InspectCommand, VersionCommand, PrintCommand>;

// argv as main got it; reads the environment.
Invocation parse_command_line(int argc, const char* const* argv);

std::string version();

}  // namespace sluice::net
