#include "engine/chat/jinja/objects.h"

#include <algorithm>

namespace sluice::chat::jinja {

std::optional<Value> Namespace::attribute(std::string_view name) const {
    for (const auto& [key, value] : attributes_) {
        if (key == name) return value;
    }
    return {};
}

void Namespace::set(std::string_view name, Value value) {
    for (auto& [key, known] : attributes_) {
        if (key == name) {
            known = std::move(value);
            return;
        }
    }
    attributes_.emplace_back(std::string(name), std::move(value));
}

std::optional<Value> Loop::attribute(std::string_view name) const {
    const size_t count = items_->items.size();
    const auto whole = [](size_t n) { return Value{static_cast<int64_t>(n)}; };
    if (name == "index") return whole(index_ + 1);
    if (name == "index0") return whole(index_);
    if (name == "revindex") return whole(count - index_);
    if (name == "revindex0") return whole(count - index_ - 1);
    if (name == "first") return Value{index_ == 0};
    if (name == "last") return Value{index_ + 1 == count};
    if (name == "length") return whole(count);
    if (name == "depth") return whole(1);  // more only in recursive loops, which we do not have
    if (name == "depth0") return whole(0);
    if (name == "previtem")
        return index_ > 0 ? items_->items[index_ - 1] : Value::undefined("there is no previous item");
    if (name == "nextitem")
        return index_ + 1 < count ? items_->items[index_ + 1] : Value::undefined("there is no next item");
    return {};
}

bool Loop::changed(Meter& meter, std::vector<Value> now) {
    const bool same = last_ && last_->size() == now.size() &&
                      std::equal(now.begin(), now.end(), last_->begin(),
                                 [&](const Value& a, const Value& b) { return equal(meter, a, b); });
    last_ = std::move(now);
    return !same;
}

const Value& Loop::cycle(const Arguments& arguments) const {
    if (arguments.positional.empty()) throw Failure("no items for cycling given");
    return arguments.positional[index_ % arguments.positional.size()];
}

std::optional<Value> Macro::attribute(std::string_view name) const {
    if (name == "name") return Value::string(code_.name);
    return {};
}

Value Macro::call(Interpreter& in, Arguments&& arguments) {
    const auto around = around_.lock();
    if (!around) throw Failure("macro '" + code_.name + "' is called after its block ended");
    return in.call_macro(code_, around, std::move(arguments));
}

Value bind_method(const Value& self, const Builtin& method) {
    return {ObjectPtr(std::make_shared<BoundMethod>(self, method))};
}

}  // namespace sluice::chat::jinja
