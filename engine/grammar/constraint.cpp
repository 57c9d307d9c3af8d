#include "engine/grammar/constraint.h"

#include <algorithm>

namespace sluice::grammar {

bool TokenMask::contains(int32_t token) const {
    if (many.empty()) return std::binary_search(few.begin(), few.end(), token);
    return (many[static_cast<size_t>(token) / 64] >> (token % 64) & 1) != 0;
}

void TokenMask::add(std::span<const int32_t> tokens, int32_t vocab) {
    few.insert(few.end(), tokens.begin(), tokens.end());
    if (many.empty() && few.size() <= kFew) {
        std::sort(few.begin(), few.end());
        return;
    }
    many.resize((static_cast<size_t>(vocab) + 63) / 64);
    for (const int32_t token : few) many[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
    few = {};
}

Constraint::Constraint(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTree> tokens)
    : tokens_(std::move(tokens)), positions_(std::move(automaton)), path_(tokens_->max_depth() + 1) {}

size_t Constraint::bytes() const {
    const std::lock_guard lock(mutex_);
    return positions_.bytes() + masks_.bytes() + brief_masks_.bytes();
}

// Between two uses of places only: they get new numbers.
void Constraint::tidy() {
    if (positions_.bytes() <= place_bytes_) return;
    positions_.keep(standing_);
    place_bytes_ = std::max(kPlaceBytes, 2 * positions_.bytes());
    masks_.clear();
    brief_masks_.clear();
}

static_assert(TokenTree::kBrief <= Automaton::kAlikeBytes);

std::shared_ptr<const TokenMask> Constraint::mask(int32_t place) {
    if (auto known = masks_.find(place)) return known;
    const int32_t shape = positions_.shape(place);
    auto brief = brief_masks_.find(shape);
    if (!brief) brief_masks_.put(shape, brief = find_mask(place, 0, tokens_->brief_nodes(), {}));
    auto whole = find_mask(place, tokens_->brief_nodes(), tokens_->nodes().size(), *brief);
    masks_.put(place, whole);
    return whole;
}

// Tries the tokens of some nodes; those that begin the same are tried together up to there.
std::shared_ptr<const TokenMask> Constraint::find_mask(int32_t place, size_t first, size_t last,
                                                       const TokenMask& known) {
    auto out = std::make_shared<TokenMask>(known);
    const auto nodes = tokens_->nodes();
    std::vector<int32_t> found;
    path_[0] = place;
    for (size_t i = first; i < last;) {
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
        found.insert(found.end(), here.begin(), here.end());
    }
    out->add(found, tokens_->vocab_size());
    return out;
}

std::shared_ptr<const TokenMask> MaskCache::find(int32_t key) {
    const auto known = at_.find(key);
    if (known == at_.end()) return nullptr;
    masks_.splice(masks_.begin(), masks_, known->second);
    return masks_.front().mask;
}

void MaskCache::put(int32_t key, std::shared_ptr<const TokenMask> mask) {
    bytes_ += mask->bytes();
    masks_.push_front({key, std::move(mask)});
    at_[key] = masks_.begin();
    while (bytes_ > kBytes && masks_.size() > 1) {
        bytes_ -= masks_.back().mask->bytes();
        at_.erase(masks_.back().key);
        masks_.pop_back();
    }
}

void MaskCache::clear() {
    masks_.clear();
    at_.clear();
    bytes_ = 0;
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
