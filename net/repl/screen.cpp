#include "net/repl/screen.h"

#include "net/json.h"

namespace sluice::net::repl {
namespace {

constexpr std::string_view kUnknown = "\xef\xbf\xbd";  // U+FFFD
constexpr unsigned char kDelete = 0x7f;

// U+2400 and on: a picture of each control character.
std::string picture(unsigned char c) {
    return {'\xe2', '\x90', static_cast<char>(0x80 + (c == kDelete ? 0x21 : c))};
}

bool is_c1(std::string_view two) {  // U+0080 to U+009F, which some terminals obey as ESC and a letter
    return two.size() == 2 && two[0] == '\xc2' && static_cast<unsigned char>(two[1]) < 0xa0;
}

}  // namespace

std::string printable(std::string_view text) {
    const std::string valid = valid_utf8(text);
    std::string out;
    out.reserve(valid.size());
    for (size_t i = 0; i < valid.size(); ++i) {
        const auto c = static_cast<unsigned char>(valid[i]);
        if (is_c1(std::string_view(valid).substr(i, 2))) {
            out += kUnknown;
            ++i;
        } else if (c == '\n' || c == '\t' || (c >= 0x20 && c != kDelete)) {
            out += valid[i];
        } else if (c != '\r') {
            out += picture(c);
        }
    }
    return out;
}

void AnswerPrinter::put(std::string_view text) {
    if (text.empty()) return;
    std::fwrite(text.data(), 1, text.size(), out_);
    line_begun_ = text.back() != '\n';
}

void AnswerPrinter::turn(bool thinking) {
    if (thinking_ == thinking) return;
    thinking_ = thinking;
    if (colour_) {
        std::fputs(thinking ? "\x1b[2m" : "\x1b[0m", out_);
        if (!thinking) put(line_begun_ ? "\n\n" : "\n");
    } else {
        if (!thinking && line_begun_) put("\n");
        put(thinking ? "<think>\n" : "</think>\n\n");
    }
}

void AnswerPrinter::show(std::string_view text, bool thought) {
    if (thought && !terminal_) return;
    turn(thought);
    put(terminal_ ? printable(text) : std::string(text));
    std::fflush(out_);
}

void AnswerPrinter::end() {
    turn(false);
    if (line_begun_ || !terminal_) put("\n");
    line_begun_ = false;
    std::fflush(out_);
}

}  // namespace sluice::net::repl
