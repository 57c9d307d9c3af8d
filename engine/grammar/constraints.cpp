#include "engine/grammar/constraints.h"

#include <algorithm>

namespace sluice::grammar {

std::shared_ptr<Constraint> Constraints::find(const std::string& key) {
    const auto known =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
    if (known == entries_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, known);
    return entries_.front().constraint;
}

std::shared_ptr<const TokenTree> Constraints::tokens() {
    const std::lock_guard lock(mutex_);  // others wait: they need it as well
    if (!tokens_) tokens_ = std::make_shared<const TokenTree>(*tokenizer_);
    return tokens_;
}

Result<std::shared_ptr<Constraint>> Constraints::get(const std::string& key,
                                                     const std::function<Result<Node>(Builder&)>& add) {
    {
        const std::lock_guard lock(mutex_);
        if (auto known = find(key)) return known;
    }
    Builder builder;
    const auto start = add(builder);
    if (!start) return start.error();
    auto automaton = builder.finish(*start);
    if (!automaton) return automaton.error();
    auto made = std::make_shared<Constraint>(std::move(*automaton), tokens());
    const std::lock_guard lock(mutex_);
    if (auto known = find(key)) return known;  // another thread was faster
    entries_.push_front({key, made});
    size_t bytes = 0, count = 0;
    const auto too_many = [&](const Entry& e) {
        bytes += e.constraint->bytes() + e.key.size();
        return ++count > 1 && (count > kKept || bytes > kBytes);
    };
    entries_.erase(std::find_if(entries_.begin(), entries_.end(), too_many), entries_.end());
    return made;
}

size_t Constraints::kept() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

}  // namespace sluice::grammar
