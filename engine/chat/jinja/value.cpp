#include "engine/chat/jinja/value.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <cmath>

namespace sluice::chat::jinja {

std::optional<int64_t> Value::integer() const {
    if (const auto* i = as<int64_t>()) return *i;
    if (const auto* b = as<bool>()) return *b ? 1 : 0;
    return {};
}

std::optional<double> Value::number() const {
    if (const auto* d = as<double>()) return *d;
    if (const auto i = integer()) return static_cast<double>(*i);
    return {};
}

int32_t depth_of(const Value& value) {
    if (const auto* s = value.sequence()) return s->depth;
    if (const auto* d = value.dict()) return d->depth;
    if (const auto* o = value.object()) return o->depth();
    return 0;
}

static int32_t checked_depth(Meter& meter, int32_t inside) {
    if (inside >= meter.max_depth())
        throw Failure("values nest deeper than the budget of " + std::to_string(meter.max_depth()));
    return inside + 1;
}

Value make_sequence(Meter& meter, std::vector<Value> items, Kind kind) {
    meter.charge(items.size());
    int32_t inside = 0;
    for (const Value& item : items) inside = std::max(inside, depth_of(item));
    return {std::make_shared<const Sequence>(Sequence{kind, std::move(items), checked_depth(meter, inside)})};
}

void check_hashable(const Value& key) {
    const Sequence* list = key.sequence();
    if (key.dict() != nullptr || (list != nullptr && list->kind == Kind::list))
        throw Failure("unhashable type: '" + type_name(key) + "'");
    if (list == nullptr || (list->kind != Kind::tuple && list->kind != Kind::group)) return;
    for (const Value& item : list->items) check_hashable(item);
}

Value make_dict(Meter& meter, std::vector<std::pair<Value, Value>> entries) {
    auto dict = std::make_shared<Dict>();
    int32_t inside = 0;
    for (auto& [key, value] : entries) {
        check_hashable(key);
        inside = std::max({inside, depth_of(key), depth_of(value)});
        if (const Value* known = dict->find(meter, key))
            *const_cast<Value*>(known) = std::move(value);
        else
            dict->entries.emplace_back(std::move(key), std::move(value));
    }
    meter.charge(entries.size());
    dict->depth = checked_depth(meter, inside);
    return {DictPtr(std::move(dict))};
}

const Value* Dict::find(Meter& meter, const Value& key) const {
    meter.charge(entries.size() / 16);
    const Text* text = key.text();
    for (const auto& [name, value] : entries) {
        if (text != nullptr ? name.text() && name.text()->bytes == text->bytes : equal(meter, name, key))
            return &value;
    }
    return nullptr;
}

static Value convert(Meter& meter, const boost::json::value& json, int32_t level) {
    checked_depth(meter, level);
    namespace bj = boost::json;
    if (const auto* text = json.if_string()) return {Text::of({text->data(), text->size()}, true)};
    if (const auto* array = json.if_array()) {
        auto out = std::make_shared<Sequence>(Sequence{Kind::list, {}});
        out->items.reserve(array->size());
        for (const bj::value& item : *array) {
            out->items.push_back(convert(meter, item, level + 1));
            out->depth = std::max(out->depth, depth_of(out->items.back()) + 1);
        }
        return {SequencePtr(std::move(out))};
    }
    if (const auto* object = json.if_object()) {
        auto out = std::make_shared<Dict>();
        for (const auto& [key, item] : *object) {
            out->entries.emplace_back(Value{Text::of({key.data(), key.size()}, true)},
                                      convert(meter, item, level + 1));
            out->depth = std::max(out->depth, depth_of(out->entries.back().second) + 1);
        }
        return {DictPtr(std::move(out))};
    }
    if (const auto* flag = json.if_bool()) return {*flag, true};
    if (const auto* whole = json.if_int64()) return {*whole, true};
    if (json.is_uint64()) return {static_cast<double>(json.get_uint64()), true};
    if (const auto* real = json.if_double()) return {*real, true};
    return {None{}, true};
}

Value from_json(Meter& meter, const boost::json::value& json) {
    return convert(meter, json, 0);
}

std::string type_name(const Value& value) {
    static constexpr std::string_view kScalars[] = {"Undefined", "NoneType", "bool", "int", "float", "str"};
    static constexpr std::string_view kKinds[] = {"list",        "tuple", "dict_items", "dict_keys",
                                                  "dict_values", "range", "generator",  "_GroupTuple"};
    if (const auto* s = value.sequence()) return std::string(kKinds[static_cast<size_t>(s->kind)]);
    if (value.dict()) return "dict";
    if (const auto* o = value.object()) return std::string(o->type());
    return std::string(kScalars[value.data.index()]);
}

bool truthy(const Value& value) {
    if (value.is<Undefined>() || value.is<None>()) return false;
    if (const auto number = value.number()) return *number != 0;
    if (const auto* t = value.text()) return !t->bytes.empty();
    if (const auto* s = value.sequence()) return s->kind == Kind::generator || !s->items.empty();
    if (const auto* d = value.dict()) return !d->entries.empty();
    return true;
}

void fail_undefined(const Value& value) {
    const auto& why = value.as<Undefined>()->why;
    throw Failure(why ? *why : "a value is undefined");
}

static bool is_tuple(const Sequence& s) {
    return s.kind == Kind::tuple || s.kind == Kind::group;
}

static bool equal_sequences(Meter& meter, const Sequence& a, const Sequence& b) {
    if (&a == &b) return true;
    const bool comparable = (is_tuple(a) && is_tuple(b)) || (a.kind == b.kind && a.kind != Kind::generator);
    if (!comparable || a.items.size() != b.items.size()) return false;
    for (size_t i = 0; i < a.items.size(); ++i) {
        if (!equal(meter, a.items[i], b.items[i])) return false;
    }
    return true;
}

static bool equal_dicts(Meter& meter, const Dict& a, const Dict& b) {
    if (&a == &b) return true;
    if (a.entries.size() != b.entries.size()) return false;
    for (const auto& [key, value] : a.entries) {
        const Value* other = b.find(meter, key);
        if (other == nullptr || !equal(meter, value, *other)) return false;
    }
    return true;
}

bool equal(Meter& meter, const Value& a, const Value& b) {
    meter.charge(1);
    if (a.text() && b.text()) {
        const bool same_size = a.text()->bytes.size() == b.text()->bytes.size();
        if (same_size) meter.read(a.text()->bytes.size());
        return same_size && a.text()->bytes == b.text()->bytes;
    }
    if (a.integer() && b.integer()) return *a.integer() == *b.integer();
    if (a.number() && b.number()) return *a.number() == *b.number();
    if (a.sequence() && b.sequence()) return equal_sequences(meter, *a.sequence(), *b.sequence());
    if (a.dict() && b.dict()) return equal_dicts(meter, *a.dict(), *b.dict());
    if (a.object() && b.object()) return a.object() == b.object();
    return a.data.index() == b.data.index() && (a.is<None>() || a.is<Undefined>());
}

bool less(Meter& meter, const Value& a, const Value& b) {
    meter.charge(1);
    if (a.is<Undefined>()) fail_undefined(a);
    if (b.is<Undefined>()) fail_undefined(b);
    if (a.text() && b.text()) {
        meter.read(std::min(a.text()->bytes.size(), b.text()->bytes.size()));
        return a.text()->bytes < b.text()->bytes;  // UTF-8 sorts as its code points do
    }
    if (a.integer() && b.integer()) return *a.integer() < *b.integer();
    if (a.number() && b.number()) return *a.number() < *b.number();
    const Sequence *left = a.sequence(), *right = b.sequence();
    const bool ordered =
        left && right &&
        ((is_tuple(*left) && is_tuple(*right)) || (left->kind == Kind::list && right->kind == Kind::list));
    if (!ordered)
        throw Failure("'<' not supported between instances of '" + type_name(a) + "' and '" + type_name(b) +
                      "'");
    for (size_t i = 0; i < std::min(left->items.size(), right->items.size()); ++i) {
        if (!equal(meter, left->items[i], right->items[i]))
            return less(meter, left->items[i], right->items[i]);
    }
    return left->items.size() < right->items.size();
}

bool contains(Meter& meter, const Value& container, const Value& item) {
    if (const Text* text = container.text()) {
        if (item.is<Undefined>()) fail_undefined(item);
        if (!item.text())
            throw Failure("'in <string>' requires string as left operand, not " + type_name(item));
        meter.read(text->bytes.size());
        return text->bytes.find(item.text()->bytes) != std::string::npos;
    }
    if (const Dict* dict = container.dict()) {
        check_hashable(item);
        return dict->find(meter, item) != nullptr;
    }
    if (const Sequence* sequence = container.sequence()) {
        if (std::exchange(sequence->drained, sequence->kind == Kind::generator)) return false;
        return std::any_of(sequence->items.begin(), sequence->items.end(),
                           [&](const Value& v) { return equal(meter, v, item); });
    }
    if (container.is<Undefined>()) return false;
    throw Failure("argument of type '" + type_name(container) + "' is not iterable");
}

}  // namespace sluice::chat::jinja
