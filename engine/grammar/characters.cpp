#include "engine/grammar/characters.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "engine/grammar/source.h"

namespace sluice::grammar {
namespace {

constexpr uint32_t kControls = 0x20;

bool needs_escape(uint32_t c) {
    return c < kControls || c == '"' || c == '\\';
}

bool contains(const CodePoints& set, uint32_t c) {
    return std::any_of(set.begin(), set.end(),
                       [c](const CodePointRange& r) { return c >= r.first && c <= r.second; });
}

std::string json_escape(uint32_t c) {
    constexpr std::string_view kNamed = "\"\\\n\t\r\b\f";
    constexpr std::string_view kNames = "\"\\ntrbf";
    const size_t at = kNamed.find(static_cast<char>(c));
    return at == kNamed.npos ? fmt::format("\\u{:04x}", c) : std::string{'\\', kNames[at]};
}

}  // namespace

void append_written(std::string& out, uint32_t c, Writing writing) {
    if (writing == Writing::json_string && needs_escape(c)) {
        out += json_escape(c);
    } else {
        append_utf8(out, c);
    }
}

Node Characters::one_of(const CodePoints& set) {
    const auto [at, is_new] = made_.try_emplace(set, 0);
    if (is_new) at->second = make(set);
    return at->second;
}

Node Characters::any() {
    return one_of({{0, kMaxCodePoint}});
}

Node Characters::any_text() {
    return builder_.repeat(any(), 0);
}

Node Characters::make(const CodePoints& set) {
    if (writing_ == Writing::raw) return builder_.code_point(set);
    CodePoints plain;
    const CodePoints safe = {{kControls, '"' - 1}, {'"' + 1, '\\' - 1}, {'\\' + 1, kMaxCodePoint}};
    for (const auto& [low, high] : set) {
        for (const auto& [first, last] : safe)
            if (low <= last && high >= first) plain.emplace_back(std::max(low, first), std::min(high, last));
    }
    std::vector<Node> options;
    if (!plain.empty()) options.push_back(builder_.code_point(plain));
    for (uint32_t c = 0; c <= '\\'; ++c)
        if (needs_escape(c) && contains(set, c)) options.push_back(builder_.literal(json_escape(c)));
    return builder_.either(options);
}

}  // namespace sluice::grammar
