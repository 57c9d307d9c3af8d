#include "net/repl/assembler.h"

#include <cstdint>
#include <utility>

namespace sluice::net::repl {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";
constexpr std::string_view kSystem = "/system ";

}  // namespace

Input Assembler::take() {
    Input out{std::move(text_), quoted_};
    drop();
    return out;
}

std::optional<Input> Assembler::push_block(std::string_view line) {
    if (!line.ends_with(kQuotes)) {
        (text_ += line) += '\n';
        return std::nullopt;
    }
    line.remove_suffix(kQuotes.size());
    text_ += line;
    if (line.empty() && text_.ends_with('\n')) text_.pop_back();  // the quotes stand alone
    return take();
}

Error Assembler::refuse() {
    drop();
    return {ErrorKind::invalid_request,
            "a message has at most " + std::to_string(kInputBytes >> 20) + " MiB; it was dropped"};
}

Result<std::optional<Input>> Assembler::push(std::string_view line) {
    if (text_.size() + line.size() >= kInputBytes) return refuse();
    if (state_ == State::none) {
        const size_t at = line.starts_with(kSystem) ? kSystem.size() : 0;
        quoted_ = at == 0 && line.starts_with(kQuotes);
        if (line.substr(at).starts_with(kQuotes)) {
            state_ = State::block;
            text_ = line.substr(0, at);
            line.remove_prefix(at + kQuotes.size());
            if (line.empty()) return std::optional<Input>();
        }
    }
    if (state_ == State::block) return push_block(line);
    if (line.ends_with('\\')) {
        state_ = State::continued;
        (text_ += line.substr(0, line.size() - 1)) += '\n';
        return std::optional<Input>();
    }
    text_ += line;
    return std::optional<Input>(take());
}

std::optional<Input> Assembler::finish() {
    if (!open()) return std::nullopt;
    return take();
}

}  // namespace sluice::net::repl
