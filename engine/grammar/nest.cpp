#include "engine/grammar/nest.h"

#include <span>

#include "kernels/check.h"

namespace sluice::grammar {

static std::span<const Node> tail(const std::vector<Node>& all, size_t begin) {
    return std::span(all).subspan(begin);
}

void Nest::flush_text() {
    if (text_.empty()) return;
    items_.push_back(builder_.literal(text_));
    text_.clear();
}

void Nest::item(Node node) {
    flush_text();
    items_.push_back(node);
}

void Nest::repeat(int32_t min, int32_t max) {
    SLUICE_CHECK(text_.empty() && !is_option_empty());
    items_.back() = builder_.repeat(items_.back(), min, max);
}

void Nest::end_option() {
    flush_text();
    const size_t begin = groups_.back().items;
    options_.push_back(builder_.sequence(tail(items_, begin)));
    items_.resize(begin);
}

void Nest::open() {
    flush_text();
    groups_.push_back({items_.size(), options_.size()});
}

void Nest::close() {
    SLUICE_CHECK(depth() > 0);
    end_option();
    const size_t begin = groups_.back().options;
    const Node group = builder_.either(tail(options_, begin));
    options_.resize(begin);
    groups_.pop_back();
    items_.push_back(group);
}

Node Nest::finish() {
    SLUICE_CHECK(depth() == 0);
    end_option();
    const Node whole = builder_.either(options_);
    options_.clear();
    return whole;
}

}  // namespace sluice::grammar
