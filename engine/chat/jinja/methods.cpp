// Methods of mappings, lists and the loop, and the global functions. What changes a container is not here:
// the sandbox of chat templates refuses it, so such a name is undefined.
#include <algorithm>

#include "engine/chat/jinja/objects.h"

namespace sluice::chat::jinja {

static Value dict_get(const Call& c) {
    const Value* found = c.self.dict()->find(c.meter(), c[0]);
    if (found != nullptr) return *found;
    return c.has(1) ? c[1] : Value{None{}};
}

static Value dict_items(const Call& c) {
    std::vector<Value> pairs;
    for (const auto& [key, value] : c.self.dict()->entries)
        pairs.push_back(make_sequence(c.meter(), {key, value}, Kind::tuple));
    return make_sequence(c.meter(), std::move(pairs), Kind::items);
}

static Value dict_keys(const Call& c) {
    std::vector<Value> keys;
    for (const auto& [key, value] : c.self.dict()->entries) keys.push_back(key);
    return make_sequence(c.meter(), std::move(keys), Kind::keys);
}

static Value dict_values(const Call& c) {
    std::vector<Value> values;
    for (const auto& [key, value] : c.self.dict()->entries) values.push_back(value);
    return make_sequence(c.meter(), std::move(values), Kind::values);
}

static Value copy(const Call& c) {
    return c.self;
}

static Value list_count(const Call& c) {
    int64_t count = 0;
    for (const Value& item : c.self.sequence()->items) count += equal(c.meter(), item, c[0]) ? 1 : 0;
    return {count};
}

static Value list_index(const Call& c) {
    const auto& items = c.self.sequence()->items;
    for (size_t i = 0; i < items.size(); ++i) {
        if (equal(c.meter(), items[i], c[0])) return {static_cast<int64_t>(i)};
    }
    throw Failure(repr(c.meter(), c[0])->bytes + " is not in list");
}

static Value loop_cycle(const Call& c) {
    return static_cast<Loop&>(*c.self.object()).cycle(c.more);
}
static Value loop_changed(const Call& c) {
    return {static_cast<Loop&>(*c.self.object()).changed(c.meter(), c.more.positional)};
}
static Value cycler_next(const Call& c) {
    return static_cast<Cycler&>(*c.self.object()).next();
}
static Value cycler_reset(const Call& c) {
    static_cast<Cycler&>(*c.self.object()).reset();
    return {None{}};
}

template <size_t N>
static const Builtin* find_in(const Builtin (&table)[N], std::string_view name) {
    const auto* found = std::find_if(table, table + N, [&](const Builtin& b) { return b.name == name; });
    return found == table + N ? nullptr : found;
}

const Builtin* find_method(const Value& value, std::string_view name) {
    static constexpr Builtin kDict[] = {{"copy", "", 0, copy},
                                        {"get", "key default", 1, dict_get},
                                        {"items", "", 0, dict_items},
                                        {"keys", "", 0, dict_keys},
                                        {"values", "", 0, dict_values}};
    static constexpr Builtin kList[] = {
        {"count", "value", 1, list_count}, {"index", "value", 1, list_index}, {"copy", "", 0, copy}};
    static constexpr Builtin kLoop[] = {{"cycle", "*", 0, loop_cycle}, {"changed", "*", 0, loop_changed}};
    static constexpr Builtin kCycler[] = {{"next", "", 0, cycler_next}, {"reset", "", 0, cycler_reset}};
    if (value.text() != nullptr) return find_text_method(name);
    if (value.dict() != nullptr) return find_in(kDict, name);
    if (const Sequence* list = value.sequence()) {
        if (list->kind > Kind::tuple && list->kind != Kind::group && list->kind != Kind::range)
            return nullptr;
        return list->kind != Kind::list && name == "copy" ? nullptr : find_in(kList, name);
    }
    if (dynamic_cast<const Loop*>(value.object()) != nullptr) return find_in(kLoop, name);
    if (dynamic_cast<const Cycler*>(value.object()) != nullptr) return find_in(kCycler, name);
    return nullptr;
}

static Value make_range(const Call& c) {
    static constexpr int64_t kLongest = 100'000;  // as in Jinja's sandbox
    const int64_t start = c.has(1) ? c.integer(0) : 0, stop = c.has(1) ? c.integer(1) : c.integer(0);
    const int64_t step = c.integer(2, 1);
    if (step == 0) throw Failure("range() arg 3 must not be zero");
    std::vector<Value> items;
    for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
        if (static_cast<int64_t>(items.size()) == kLongest)
            throw Failure("a range may have " + std::to_string(kLongest) + " items at most");
        c.meter().charge(1);
        items.push_back({i});
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    auto range = std::make_shared<Sequence>(Sequence{Kind::range, std::move(items)});
    range->label = "range(" + std::to_string(start) + ", " + std::to_string(stop) +
                   (step != 1 ? ", " + std::to_string(step) : "") + ")";
    return {SequencePtr(std::move(range))};
}

static std::vector<std::pair<Value, Value>> dict_entries(const Call& c) {
    std::vector<std::pair<Value, Value>> entries;
    for (const Value& from : c.more.positional) {
        if (const Dict* dict = from.dict()) {
            entries.insert(entries.end(), dict->entries.begin(), dict->entries.end());
            continue;
        }
        const SequencePtr pairs = c.in.iterate(from);
        for (const Value& each : pairs->items) {
            const SequencePtr pair = c.in.iterate(each);
            if (pair->items.size() != 2) throw Failure("dict() needs pairs of key and value");
            entries.emplace_back(pair->items[0], pair->items[1]);
        }
    }
    for (const auto& [name, value] : c.more.named)
        entries.emplace_back(Value{Text::of(name, c.more.client_names)}, value);
    return entries;
}

static Value make_dict_object(const Call& c) {
    return make_dict(c.meter(), dict_entries(c));
}

static Value make_namespace_object(const Call& c) {
    std::vector<std::pair<std::string, Value>> attributes;
    for (auto& [key, value] : dict_entries(c)) {
        if (key.text() != nullptr) attributes.emplace_back(key.text()->bytes, std::move(value));
    }
    return c.in.make_namespace(std::move(attributes));
}

static Value make_joiner(const Call& c) {
    return {ObjectPtr(std::make_shared<Joiner>(c.has(0) ? c[0] : Value::string(", ")))};
}

static Value make_cycler(const Call& c) {
    return {ObjectPtr(std::make_shared<Cycler>(make_sequence(c.meter(), c.more.positional, Kind::tuple)))};
}

static Value raise_exception(const Call& c) {
    throw Failure(to_text(c.meter(), c[0])->bytes);
}

// In UTC: the same request gives the same prompt wherever it is served.
static Value strftime_now(const Call& c) {
    const TextView format = c.text(0);
    static constexpr size_t kLongest = 256;
    if (format.size() > kLongest) throw Failure("the format of strftime_now is too long");
    const std::time_t now = c.in.now();
    std::tm parts{};
    gmtime_r(&now, &parts);
    char buffer[4096];
    const std::string closed = std::string(format.bytes) + " ";  // so that an empty result is no failure
    const size_t size = std::strftime(buffer, sizeof buffer, closed.c_str(), &parts);
    if (size == 0) throw Failure("strftime_now cannot use this format");
    return {Text::of({buffer, size - 1}, format.from_client())};
}

namespace {

class Function final : public Object {
  public:
    explicit Function(const Builtin& code) : code_(code) {}
    std::string_view type() const override { return "function"; }
    bool callable() const override { return true; }
    Value call(Interpreter& in, Arguments&& arguments) override {
        return run_builtin(in, code_, Value{None{}}, std::move(arguments));
    }

  private:
    const Builtin& code_;
};

}  // namespace

std::vector<std::pair<std::string, Value>> global_functions() {
    static constexpr Builtin kFunctions[] = {
        {"cycler", "*", 1, make_cycler},
        {"dict", "*", 0, make_dict_object},
        {"joiner", "sep", 0, make_joiner},
        {"namespace", "*", 0, make_namespace_object},
        {"raise_exception", "message", 1, raise_exception},
        {"range", "start stop step", 1, make_range},
        {"strftime_now", "format", 1, strftime_now},
    };
    std::vector<std::pair<std::string, Value>> out;
    for (const Builtin& function : kFunctions)
        out.emplace_back(std::string(function.name), Value{ObjectPtr(std::make_shared<Function>(function))});
    return out;
}

}  // namespace sluice::chat::jinja
