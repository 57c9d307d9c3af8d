#include "engine/tokenizer/special_tokens.h"

#include <algorithm>

namespace sluice::tokenizer {
namespace {

using Child = std::pair<uint8_t, int32_t>;

bool before(const Child& child, uint8_t byte) {
    return child.first < byte;
}

}  // namespace

int32_t SpecialTokens::child(int32_t node, char byte) const {
    const auto& children = nodes_[node].children;
    const auto it = std::lower_bound(children.begin(), children.end(), static_cast<uint8_t>(byte), before);
    return it != children.end() && it->first == static_cast<uint8_t>(byte) ? it->second : -1;
}

void SpecialTokens::add(std::string_view text, int32_t token, bool control) {
    int32_t node = 0;
    for (const char c : text) {
        int32_t next = child(node, c);
        if (next < 0) {
            next = static_cast<int32_t>(nodes_.size());
            auto& children = nodes_[node].children;
            const auto byte = static_cast<uint8_t>(c);
            children.insert(std::lower_bound(children.begin(), children.end(), byte, before), {byte, next});
            nodes_.emplace_back();
        }
        node = next;
    }
    nodes_[node].token = token;
    nodes_[node].control = control;
}

SpecialTokens::Match SpecialTokens::next(std::string_view text, std::string_view from_user,
                                         size_t from) const {
    for (size_t start = from; start < text.size(); ++start) {
        Match match{start, 0, -1};
        bool trusted = true;
        int32_t node = 0;
        for (size_t i = start; i < text.size() && (node = child(node, text[i])) >= 0; ++i) {
            trusted = trusted && (from_user.empty() || from_user[i] == 0);
            const Node& here = nodes_[node];
            if (here.token >= 0 && (trusted || !here.control)) match = {start, i + 1 - start, here.token};
        }
        if (match.token >= 0) return match;
    }
    return {text.size(), 0, -1};
}

int32_t SpecialTokens::find(std::string_view text) const {
    int32_t node = 0;
    for (const char c : text) {
        node = child(node, c);
        if (node < 0) return -1;
    }
    return nodes_[node].token;
}

}  // namespace sluice::tokenizer
