#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/unicode.h"

namespace sluice::tokenizer {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string Detokenizer::push(std::string_view token_bytes) {
    pending_ += token_bytes;
    std::string text;
    std::string_view rest = pending_;
    while (!rest.empty()) {
        const CodePoint c = decode_utf8(rest);
        if (c.state == CodePoint::State::incomplete) break;
        text += c.state == CodePoint::State::valid ? rest.substr(0, c.length) : kReplacement;
        rest.remove_prefix(c.length);
    }
    pending_.erase(0, pending_.size() - rest.size());
    return text;
}

std::string Detokenizer::finish() {
    const bool cut_short = !pending_.empty();  // one begun code point: push() leaves nothing else
    pending_.clear();
    return cut_short ? std::string(kReplacement) : std::string();
}

}  // namespace sluice::tokenizer
