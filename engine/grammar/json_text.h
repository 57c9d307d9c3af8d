// JSON as an answer may write it: on one line or indented, strings with every escape, but no unpaired
// surrogate, and no number that overflows a double. Nodes of one Builder. One thread.
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/builder.h"

namespace sluice::grammar {

class JsonText {
  public:
    explicit JsonText(Builder& builder) : b_(builder) {}

    // Between tokens: nothing, a space, or line breaks with up to 20 spaces or tabs. Without a bound a model
    // can stay in it for ever.
    Node space();
    Node character();  // within a string: one code point, plain or escaped
    Node string();
    Node quoted(Node inside);
    Node key(std::string_view name);                       // the name in quotes
    Node key_outside(std::span<const std::string> names);  // any but these, without escapes
    Node integer();                                        // at most 15 digits
    Node number();                                         // at most 15 digits before and behind the point
    Node exactly(const boost::json::value& value);
    Node value();   // anything
    Node object();  // {"key": value, ...}
    Node array();

    // {member, ...}: pairs in this order, those that are not required may be left out; then any number of
    // `others`, when given.
    struct Member {
        Node pair;
        bool required;
    };
    Node members(std::span<const Member> members, std::optional<Node> others);
    Node pair(Node key, Node value);
    // [first..., rest, rest ...]: at least min, at most max elements.
    Node elements(std::span<const Node> first, std::optional<Node> rest, int32_t min, int32_t max);

    Builder& builder() { return b_; }
    Node sequence(std::initializer_list<Node> parts) { return b_.sequence({parts.begin(), parts.size()}); }
    Node either(std::initializer_list<Node> options) { return b_.either({options.begin(), options.size()}); }

  private:
    Node plain_character(std::span<const uint32_t> without);

    Builder& b_;
    std::optional<Node> value_;
};

}  // namespace sluice::grammar
