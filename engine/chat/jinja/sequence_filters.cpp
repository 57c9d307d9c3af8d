// Filters on lists and mappings.
#include <algorithm>

#include "engine/chat/jinja/builtins.h"

namespace sluice::chat::jinja {

// The value that an `attribute` argument names: "a.b.0" walks.
static Value walk(const Call& c, const Value& item, const Value& attribute) {
    if (attribute.text() == nullptr) return c.in.item(item, attribute);
    Value value = item;
    for (TextView part : split(attribute.text()->view(), ".", -1)) {
        c.meter().charge(1);
        const bool number =
            !part.empty() && part.bytes.find_first_not_of("0123456789") == std::string_view::npos;
        value = c.in.item(value, number && part.size() < 18 ? Value{std::stoll(std::string(part.bytes))}
                                                            : Value::string(part));
    }
    return value;
}

// What sort, unique, min, max and groupby compare: lower case unless told otherwise.
static Value sort_key(const Call& c, const Value& item, const Value* attribute, bool case_sensitive) {
    c.meter().charge(1);
    Value key = attribute != nullptr && !attribute->is<None>() ? walk(c, item, *attribute) : item;
    if (!case_sensitive && key.text() != nullptr)
        return {change_case(c.meter(), key.text()->view(), Case::lower)};
    return key;
}

static const Value* attribute_of(const Call& c, size_t i) {
    return c.has(i) ? &c[i] : nullptr;
}

static Value run_first(const Call& c) {
    const SequencePtr items = c.in.iterate(c.self);
    return items->items.empty() ? Value::undefined("no first item, sequence was empty")
                                : items->items.front();
}

static Value run_last(const Call& c) {
    if (c.self.sequence() != nullptr && c.self.sequence()->kind == Kind::generator)
        throw Failure("'generator' object is not reversible");
    const SequencePtr items = c.in.iterate(c.self);
    return items->items.empty() ? Value::undefined("no last item, sequence was empty") : items->items.back();
}

static Value run_list(const Call& c) {
    return make_sequence(c.meter(), c.in.iterate(c.self)->items);
}

static Value run_items(const Call& c) {
    std::vector<Value> pairs;
    if (const Dict* dict = c.self.dict()) {
        for (const auto& [key, value] : dict->entries)
            pairs.push_back(make_sequence(c.meter(), {key, value}, Kind::tuple));
    } else if (!c.self.is<Undefined>()) {
        throw Failure("can only get item pairs from a mapping");
    }
    return make_sequence(c.meter(), std::move(pairs), Kind::generator);
}

static Value run_reverse(const Call& c) {
    if (const Text* text = c.self.text()) {
        c.meter().charge(text->bytes.size() / 4);
        std::vector<TextView> pieces = code_points(text->view());
        std::reverse(pieces.begin(), pieces.end());
        return {join(c.meter(), {}, pieces)};
    }
    std::vector<Value> items = c.in.iterate(c.self)->items;
    std::reverse(items.begin(), items.end());
    return make_sequence(c.meter(), std::move(items), Kind::generator);
}

static std::vector<Value> sorted(const Call& c, const std::vector<Value>& items, std::vector<Value> keys,
                                 bool reverse) {
    std::vector<size_t> order(items.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return reverse ? less(c.meter(), keys[b], keys[a]) : less(c.meter(), keys[a], keys[b]);
    });
    std::vector<Value> out;
    for (size_t i : order) out.push_back(items[i]);
    return out;
}

// "a,b" sorts by a, then by b.
static std::vector<Value> sort_attributes(const Call& c, size_t i) {
    if (!c.given(i)) return {Value{None{}}};
    if (c[i].text() == nullptr) return {c[i]};
    std::vector<Value> names;
    for (TextView name : split(c[i].text()->view(), ",", -1)) names.push_back(Value::string(name));
    return names;
}

static Value run_sort(const Call& c) {
    const SequencePtr items = c.in.iterate(c.self);
    const std::vector<Value> attributes = sort_attributes(c, 2);
    std::vector<Value> keys;
    for (const Value& item : items->items) {
        std::vector<Value> parts;
        for (const Value& attribute : attributes) parts.push_back(sort_key(c, item, &attribute, c.flag(1)));
        keys.push_back(make_sequence(c.meter(), std::move(parts), Kind::tuple));
    }
    return make_sequence(c.meter(), sorted(c, items->items, std::move(keys), c.flag(0)));
}

static Value run_dictsort(const Call& c) {
    const Dict* dict = c.self.dict();
    if (dict == nullptr) throw Failure("'" + type_name(c.self) + "' has no items to sort");
    const std::string by(c.text(1, "key").bytes);
    if (by != "key" && by != "value") throw Failure("you can only sort by either \"key\" or \"value\"");
    std::vector<Value> pairs, keys;
    for (const auto& [key, value] : dict->entries) {
        pairs.push_back(make_sequence(c.meter(), {key, value}, Kind::tuple));
        keys.push_back(sort_key(c, by == "key" ? key : value, nullptr, c.flag(0)));
    }
    return make_sequence(c.meter(), sorted(c, pairs, std::move(keys), c.flag(2)));
}

static Value run_unique(const Call& c) {
    std::vector<Value> seen, out;
    const SequencePtr items = c.in.iterate(c.self);
    for (const Value& item : items->items) {
        Value key = sort_key(c, item, attribute_of(c, 1), c.flag(0));
        check_hashable(key);
        if (std::any_of(seen.begin(), seen.end(), [&](const Value& v) { return equal(c.meter(), v, key); }))
            continue;
        seen.push_back(std::move(key));
        out.push_back(item);
    }
    return make_sequence(c.meter(), std::move(out), Kind::generator);
}

static Value extreme(const Call& c, bool largest) {
    const SequencePtr items = c.in.iterate(c.self);
    if (items->items.empty()) return Value::undefined("no aggregated item, sequence was empty");
    size_t best = 0;
    Value best_key = sort_key(c, items->items[0], attribute_of(c, 1), c.flag(0));
    for (size_t i = 1; i < items->items.size(); ++i) {
        Value key = sort_key(c, items->items[i], attribute_of(c, 1), c.flag(0));
        if (largest ? !less(c.meter(), best_key, key) : !less(c.meter(), key, best_key)) continue;
        best = i;
        best_key = std::move(key);
    }
    return items->items[best];
}
static Value run_min(const Call& c) {
    return extreme(c, false);
}
static Value run_max(const Call& c) {
    return extreme(c, true);
}

static Value run_sum(const Call& c) {
    Value total = c.has(1) ? c[1] : Value{int64_t{0}};
    const SequencePtr items = c.in.iterate(c.self);
    for (const Value& item : items->items) {
        c.meter().charge(1);
        total = arithmetic(c.meter(), "+", total, c.given(0) ? walk(c, item, c[0]) : item);
    }
    return total;
}

static Value run_batch(const Call& c) {
    const int64_t size = c.integer(0);
    std::vector<Value> rows, row;
    const SequencePtr items = c.in.iterate(c.self);
    for (const Value& item : items->items) {
        if (static_cast<int64_t>(row.size()) == size)
            rows.push_back(make_sequence(c.meter(), std::exchange(row, {})));
        row.push_back(item);
    }
    while (c.given(1) && !row.empty() && static_cast<int64_t>(row.size()) < size) {
        c.meter().charge(1);
        row.push_back(c[1]);
    }
    if (!row.empty()) rows.push_back(make_sequence(c.meter(), std::move(row)));
    return make_sequence(c.meter(), std::move(rows), Kind::generator);
}

static Value run_slice(const Call& c) {
    const SequencePtr items = c.in.iterate(c.self);
    const auto count = static_cast<int64_t>(items->items.size());
    const int64_t slices = c.integer(0);
    if (slices == 0) throw Failure("integer division or modulo by zero");
    std::vector<Value> rows;
    int64_t at = 0;
    for (int64_t i = 0; i < slices; ++i) {
        c.meter().charge(1);
        const int64_t size = count / slices + (i < count % slices ? 1 : 0);
        std::vector<Value> row(items->items.begin() + at, items->items.begin() + at + size);
        at += size;
        if (c.given(1) && i >= count % slices) row.push_back(c[1]);
        rows.push_back(make_sequence(c.meter(), std::move(row)));
    }
    return make_sequence(c.meter(), std::move(rows), Kind::generator);
}

static Value run_groupby(const Call& c) {
    const SequencePtr items = c.in.iterate(c.self);
    std::vector<Value> keys, shown;
    for (const Value& item : items->items) {
        Value key = walk(c, item, c[0]);
        if (key.is<Undefined>() && c.given(1)) key = c[1];
        shown.push_back(key);
        keys.push_back(sort_key(c, key, nullptr, c.flag(2)));
    }
    std::vector<Value> order;
    for (size_t i = 0; i < keys.size(); ++i) order.push_back({static_cast<int64_t>(i)});
    order = sorted(c, order, keys, false);
    std::vector<Value> groups, members;
    for (size_t i = 0; i < order.size(); ++i) {
        const auto at = static_cast<size_t>(*order[i].integer());
        members.push_back(items->items[at]);
        const bool ends = i + 1 == order.size() ||
                          !equal(c.meter(), keys[at], keys[static_cast<size_t>(*order[i + 1].integer())]);
        if (!ends) continue;
        const auto first = static_cast<size_t>(*order[i + 1 - members.size()].integer());
        Value list = make_sequence(c.meter(), std::exchange(members, {}));
        groups.push_back(make_sequence(c.meter(), {shown[first], std::move(list)}, Kind::group));
    }
    return make_sequence(c.meter(), std::move(groups));
}

// What map, select and the like go over: anything that is false counts as empty for them, None too.
static SequencePtr some(const Call& c) {
    return truthy(c.self) ? c.in.iterate(c.self) : std::make_shared<const Sequence>(Sequence{Kind::list, {}});
}

static Value run_map(const Call& c) {
    const SequencePtr items = some(c);
    if (items->items.empty()) return make_sequence(c.meter(), {}, Kind::generator);
    const Arguments& given = c.more;
    std::vector<Value> out;
    const auto named = [&](std::string_view name) -> const Value* {
        for (const auto& [key, value] : given.named) {
            if (key == name) return &value;
        }
        return nullptr;
    };
    const Value* attribute = given.positional.empty() ? named("attribute") : nullptr;
    if (attribute == nullptr && given.positional.empty()) throw Failure("map requires a filter argument");
    for (const Value& item : items->items) {
        c.meter().charge(1);
        if (attribute != nullptr) {
            Value value = walk(c, item, *attribute);
            const Value* otherwise = named("default");
            out.push_back(value.is<Undefined>() && otherwise != nullptr ? *otherwise : std::move(value));
            continue;
        }
        if (given.positional[0].text() == nullptr) throw Failure("map requires the name of a filter");
        Arguments rest{{given.positional.begin() + 1, given.positional.end()}, given.named};
        out.push_back(c.in.filter(given.positional[0].text()->bytes, item, std::move(rest)));
    }
    return make_sequence(c.meter(), std::move(out), Kind::generator);
}

// select, reject, selectattr, rejectattr: keep the items whose test gives `wanted`.
static Value choose(const Call& c, bool by_attribute, bool wanted) {
    const SequencePtr items = some(c);
    const std::vector<Value>& given = c.more.positional;
    const size_t name_at = by_attribute ? 1 : 0;
    std::vector<Value> out;
    for (const Value& item : items->items) {
        c.meter().charge(1);
        const Value value = by_attribute ? walk(c, item, given[0]) : item;
        bool holds = false;
        if (given.size() <= name_at) {
            holds = truthy(value);
        } else {
            if (given[name_at].text() == nullptr) throw Failure("the name of a test is expected");
            Arguments rest{{given.begin() + static_cast<ptrdiff_t>(name_at) + 1, given.end()}, c.more.named};
            holds = c.in.test(given[name_at].text()->bytes, value, std::move(rest));
        }
        if (holds == wanted) out.push_back(item);
    }
    return make_sequence(c.meter(), std::move(out), Kind::generator);
}
static Value run_select(const Call& c) {
    return choose(c, false, true);
}
static Value run_reject(const Call& c) {
    return choose(c, false, false);
}
static Value run_selectattr(const Call& c) {
    return choose(c, true, true);
}
static Value run_rejectattr(const Call& c) {
    return choose(c, true, false);
}

const Builtin* find_sequence_filter(std::string_view name) {
    static constexpr Builtin kFilters[] = {
        {"batch", "linecount fill_with", 1, run_batch},
        {"dictsort", "case_sensitive by reverse", 0, run_dictsort},
        {"first", "", 0, run_first},
        {"groupby", "attribute default case_sensitive", 1, run_groupby},
        {"items", "", 0, run_items},
        {"last", "", 0, run_last},
        {"list", "", 0, run_list},
        {"map", "*", 0, run_map},
        {"max", "case_sensitive attribute", 0, run_max},
        {"min", "case_sensitive attribute", 0, run_min},
        {"reject", "*", 0, run_reject},
        {"rejectattr", "*", 1, run_rejectattr},
        {"reverse", "", 0, run_reverse},
        {"select", "*", 0, run_select},
        {"selectattr", "*", 1, run_selectattr},
        {"slice", "slices fill_with", 1, run_slice},
        {"sort", "reverse case_sensitive attribute", 0, run_sort},
        {"sum", "attribute start", 0, run_sum},
        {"unique", "case_sensitive attribute", 0, run_unique},
    };
    for (const Builtin& filter : kFilters) {
        if (filter.name == name) return &filter;
    }
    return nullptr;
}

}  // namespace sluice::chat::jinja
