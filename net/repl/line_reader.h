// Lines from a person: edited, with a history, on a terminal; plain from a pipe. One thread.
#pragma once
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "net/repl/signals.h"

namespace sluice::net::repl {

enum class Got : uint8_t { line, end, interrupted, too_long };

class LineReader {
  public:
    virtual ~LineReader() = default;
    // Without its line feed; pasted text may have some inside. interrupted: Ctrl-C, and `line` is what was
    // typed before. too_long: more than kInputBytes, and dropped.
    virtual Got read(const char* prompt, std::string& line) = 0;
    virtual void remember(const std::string& /*input*/) {}  // for the history
};

std::unique_ptr<LineReader> make_plain_reader(std::FILE* in);

struct Terminal {
    std::FILE* screen = stderr;  // where lines are edited
    bool dumb = false;           // it knows no escape sequences
    std::string history_file = {};
};
// On the terminal of standard input. The history is read from the file and written to it after each input; an
// empty name, or a file that cannot be used, only means that nothing is kept.
std::unique_ptr<LineReader> make_editor(const Terminal& terminal, Signals& signals);

}  // namespace sluice::net::repl
