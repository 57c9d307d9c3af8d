// The tokens of a vocabulary by their bytes, for walks that share what tokens begin with. Made once a model.
// Immutable; any thread.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace sluice::grammar {

class TokenTree {
  public:
    // In preorder: a node's first child follows it, and the next node that is not below it is at `after`.
    struct Node {
        int32_t after;
        int32_t first_token, tokens;  // that end here, in tokens()
        uint16_t depth;               // bytes up to and with this one, from 1
        uint8_t byte;
    };
    // Tokens without bytes (control tokens) are in no node.
    explicit TokenTree(const tokenizer::Tokenizer& tokenizer);

    // Those of tokens of at most kBrief bytes come first.
    static constexpr size_t kBrief = 16;
    std::span<const Node> nodes() const { return nodes_; }
    size_t brief_nodes() const { return brief_nodes_; }
    std::span<const int32_t> tokens(const Node& n) const {
        return {tokens_.data() + n.first_token, static_cast<size_t>(n.tokens)};
    }
    std::string_view bytes(int32_t token) const { return bytes_[static_cast<size_t>(token)]; }
    int32_t vocab_size() const { return static_cast<int32_t>(bytes_.size()); }
    size_t max_depth() const { return max_depth_; }

  private:
    std::vector<std::string> bytes_;  // of each token
    std::vector<Node> nodes_;
    std::vector<int32_t> tokens_;
    size_t max_depth_ = 0, brief_nodes_ = 0;
};

}  // namespace sluice::grammar
