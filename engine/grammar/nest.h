// Alternatives within groups, to any depth: the expression that a regex or a GBNF rule is, built while it is
// read, without recursion. One thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/builder.h"

namespace sluice::grammar {

class Nest {
  public:
    explicit Nest(Builder& builder) : builder_(builder) {}

    void text(std::string_view bytes) { text_ += bytes; }  // joins the text before it
    void item(Node node);
    bool is_option_empty() const { return text_.empty() && items_.size() == groups_.back().items; }
    void repeat(int32_t min, int32_t max);  // the last item; there must be one, and no text after it
    void end_option();
    void open();
    void close();  // ends the option; the group is an item of what it stands in
    size_t depth() const { return groups_.size() - 1; }
    Node finish();  // ends the option; depth() is 0. Empty again after

  private:
    struct Group {
        size_t items, options;  // where its own begin
    };
    void flush_text();

    Builder& builder_;
    std::string text_;
    std::vector<Node> items_;    // of the current option of each group
    std::vector<Node> options_;  // that have ended, of each group
    std::vector<Group> groups_{{0, 0}};
};

}  // namespace sluice::grammar
