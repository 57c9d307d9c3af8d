#include "engine/grammar/constraint.h"

#include <algorithm>

namespace sluice::grammar {

bool TokenMask::contains(int32_t token) const {
    if (many.empty()) return std::binary_search(few.begin(), few.end(), token);
    return (many[static_cast<size_t>(token) / 64] >> (token % 64) & 1) != 0;
}

Constraint::Constraint(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTree> tokens)
    : tokens_(std::move(tokens)), positions_(std::move(automaton)), path_(tokens_->max_depth() + 1) {}

size_t Constraint::bytes() const {
    const std::lock_guard lock(mutex_);
    return positions_.bytes() + mask_bytes_;
}

// Between two uses of places only: they get new numbers.
void Constraint::tidy() {
    if (positions_.bytes() <= place_bytes_) return;
    positions_.keep(standing_);
    place_bytes_ = std::max(kPlaceBytes, 2 * positions_.bytes());
    masks_.clear();
    mask_at_.clear();
    mask_bytes_ = 0;
}

std::shared_ptr<const TokenMask> Constraint::mask(int32_t place) {
    const auto known = mask_at_.find(place);
    if (known != mask_at_.end()) {
        masks_.splice(masks_.begin(), masks_, known->second);
        return masks_.front().mask;
    }
    masks_.push_front({place, find_mask(place)});
    mask_at_[place] = masks_.begin();
    mask_bytes_ += masks_.front().mask->bytes();
    while (mask_bytes_ > kMaskBytes && masks_.size() > 1) {
        mask_bytes_ -= masks_.back().mask->bytes();
        mask_at_.erase(masks_.back().place);
        masks_.pop_back();
    }
    return masks_.front().mask;
}

// Tries all tokens; those that begin the same are tried together up to there.
std::shared_ptr<const TokenMask> Constraint::find_mask(int32_t place) {
    auto out = std::make_shared<TokenMask>();
    const auto nodes = tokens_->nodes();
    path_[0] = place;
    for (size_t i = 0; i < nodes.size();) {
        const TokenTree::Node& node = nodes[i];
        const int32_t next = positions_.next(path_[node.depth - size_t{1}], node.byte);
        if (next == Positions::kNowhere) {
            i = static_cast<size_t>(node.after);
            continue;
        }
        path_[node.depth] = next;
        ++i;
        if (node.tokens == 0) continue;
        const auto here = tokens_->tokens(node);
        out->few.insert(out->few.end(), here.begin(), here.end());
    }
    if (out->few.size() <= TokenMask::kFew) {
        std::sort(out->few.begin(), out->few.end());
        return out;
    }
    out->many.resize((static_cast<size_t>(tokens_->vocab_size()) + 63) / 64);
    for (const int32_t token : out->few)
        out->many[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
    out->few = {};
    return out;
}

Matcher::Standing::Standing(std::shared_ptr<Constraint> of) : constraint(std::move(of)), place(0) {
    const std::lock_guard lock(constraint->mutex_);
    place = constraint->positions_.start();
    constraint->standing_.push_back(&place);
}

Matcher::Standing::~Standing() {
    const std::lock_guard lock(constraint->mutex_);
    std::erase(constraint->standing_, &place);
}

Matcher::Matcher(std::shared_ptr<Constraint> constraint)
    : at_(std::make_shared<Standing>(std::move(constraint))) {}

std::shared_ptr<const TokenMask> Matcher::allowed() const {
    Constraint& c = *at_->constraint;
    const std::lock_guard lock(c.mutex_);
    c.tidy();
    return c.mask(at_->place);
}

bool Matcher::accept(int32_t token) {
    Constraint& c = *at_->constraint;
    const std::lock_guard lock(c.mutex_);
    c.tidy();
    const std::string_view bytes = c.tokens_->bytes(token);
    int32_t place = at_->place;
    for (const char byte : bytes) place = c.positions_.next(place, static_cast<uint8_t>(byte));
    if (bytes.empty() || place == Positions::kNowhere) return false;
    at_->place = place;
    return true;
}

bool Matcher::can_end() const {
    const std::lock_guard lock(at_->constraint->mutex_);
    return at_->constraint->positions_.can_end(at_->place);
}

bool Matcher::can_go_on() const {
    const std::lock_guard lock(at_->constraint->mutex_);
    return at_->constraint->positions_.can_go_on(at_->place);
}

}  // namespace sluice::grammar
