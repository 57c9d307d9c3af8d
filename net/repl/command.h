// What a person typed: a message, or a command that begins with a slash. Pure.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "engine/result.h"

namespace sluice::net::repl {

enum class Verb : uint8_t { help, set, system, clear, retry, undo, save, load, stats, exit };

struct CommandEntry {
    std::string_view name;  // without the slash
    Verb verb;
    std::string_view argument;  // as help shows it
    std::string_view note;      // empty: another name, which help leaves out
};
std::span<const CommandEntry> commands();

struct Command {
    Verb verb = Verb::help;
    std::string argument = {};  // without spaces around it
};
struct Message {
    std::string text;
};
using Typed = std::variant<Message, Command>;

// A word of letters after a slash is a command, or invalid_request when there is none of that name; `//` is
// a message with one slash.
Result<Typed> read_typed(std::string_view text);

std::string help_text();

// What a tab adds to the beginning of a line: the rest of the one command or setting that it can be.
std::string completion(std::string_view typed);

std::string_view trim(std::string_view text);

}  // namespace sluice::net::repl
