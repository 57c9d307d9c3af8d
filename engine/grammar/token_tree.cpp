#include "engine/grammar/token_tree.h"

#include <algorithm>
#include <limits>

namespace sluice::grammar {

TokenTree::TokenTree(const tokenizer::Tokenizer& tokenizer) {
    constexpr size_t kLongest = std::numeric_limits<uint16_t>::max();
    for (int32_t t = 0; t < tokenizer.vocab_size(); ++t) {
        bytes_.emplace_back(tokenizer.bytes(t));
        const size_t length = bytes_.back().size();
        if (length > 0 && length <= kLongest) tokens_.push_back(t);  // a longer one is never allowed
        if (length <= kLongest) max_depth_ = std::max(max_depth_, length);
    }
    std::sort(tokens_.begin(), tokens_.end(), [this](int32_t a, int32_t b) {
        const std::string &x = bytes_[static_cast<size_t>(a)], &y = bytes_[static_cast<size_t>(b)];
        const bool long_x = x.size() > kBrief, long_y = y.size() > kBrief;
        if (long_x != long_y) return long_y;
        return x != y ? x < y : a < b;
    });
    std::vector<size_t> open;  // the nodes from the root to the last token's
    std::string_view last;
    const auto close = [&](size_t depth) {
        for (; open.size() > depth; open.pop_back())
            nodes_[open.back()].after = static_cast<int32_t>(nodes_.size());
    };
    for (size_t i = 0; i < tokens_.size(); ++i) {
        const std::string_view text = bytes(tokens_[i]);
        const auto [differ, unused] = std::mismatch(text.begin(), text.end(), last.begin(), last.end());
        const bool is_first_long = text.size() > kBrief && last.size() <= kBrief;
        const size_t common = is_first_long ? 0 : static_cast<size_t>(differ - text.begin());
        close(common);
        for (size_t d = common; d < text.size(); ++d) {
            open.push_back(nodes_.size());
            nodes_.push_back({0, 0, 0, static_cast<uint16_t>(d + 1), static_cast<uint8_t>(text[d])});
        }
        if (text.size() <= kBrief) brief_nodes_ = nodes_.size();
        Node& end = nodes_[open.back()];
        if (end.tokens++ == 0) end.first_token = static_cast<int32_t>(i);
        last = text;
    }
    close(0);
}

}  // namespace sluice::grammar
