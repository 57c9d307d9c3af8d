// Text on a terminal. What a model, a server or a file says must not steer the terminal: control characters
// come out as pictures of themselves.
#pragma once
#include <cstdio>
#include <string>
#include <string_view>

namespace sluice::net::repl {

// `text` is whole code points (others become U+FFFD). Line feeds and tabs stay, carriage returns go.
std::string printable(std::string_view text);

// Answers on a stream, at once. On a terminal thoughts are dimmed, or between tags where there are no
// colours; elsewhere they are left out, and the answer's bytes are as they came.
class AnswerPrinter {
  public:
    AnswerPrinter(std::FILE* out, bool terminal, bool colour)
        : out_(out), terminal_(terminal), colour_(terminal && colour) {}

    void show(std::string_view text, bool thought);
    void end();  // of the answer: back to plain text, and a line feed unless it has one

  private:
    void turn(bool thinking);
    void put(std::string_view text);

    std::FILE* const out_;
    const bool terminal_, colour_;
    bool thinking_ = false;
    bool line_begun_ = false;
};

}  // namespace sluice::net::repl
