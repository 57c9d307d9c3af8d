// Puts the lines that belong together into one input: from """ to """, or while a line ends in a backslash.
// Pure.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::net::repl {

inline constexpr size_t kInputBytes = 1 << 20;  // of one input

struct Input {
    std::string text;
    bool quoted = false;  // it began with """: a message, whatever it looks like
};

class Assembler {
  public:
    // The input that is complete with this line (without its line feed). invalid_request when it is too long:
    // all of it is dropped.
    Result<std::optional<Input>> push(std::string_view line);

    // What a line that is too long by itself comes to: the same error, and all of the input is dropped.
    Error refuse();

    bool open() const { return state_ != State::none; }  // more lines belong to it
    std::optional<Input> finish();                       // what there is when no more lines come
    void drop() { *this = {}; }

  private:
    enum class State : uint8_t { none, block, continued };

    std::optional<Input> push_block(std::string_view line);
    Input take();

    State state_ = State::none;
    bool quoted_ = false;
    std::string text_;
};

}  // namespace sluice::net::repl
