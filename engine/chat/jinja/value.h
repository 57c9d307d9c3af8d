// What an expression can be: Python's values as far as templates see them. Containers never change once made
// (the sandbox of chat templates is immutable), so values are shared freely within a rendering; one thread.
#pragma once
#include <boost/json/value.hpp>
#include <variant>

#include "engine/chat/jinja/text.h"

namespace sluice::chat::jinja {

struct Undefined {
    std::shared_ptr<const std::string> why;  // the sentence to fail with when it is used; may be null
};
struct None {};
struct Sequence;
struct Dict;
class Object;
using SequencePtr = std::shared_ptr<const Sequence>;
using DictPtr = std::shared_ptr<const Dict>;
using ObjectPtr = std::shared_ptr<Object>;

struct Value {
    std::variant<Undefined, None, bool, int64_t, double, TextPtr, SequencePtr, DictPtr, ObjectPtr> data;
    bool client = false;  // a scalar that a client sent: the text it prints as is the client's

    template <class T>
    const T* as() const {
        return std::get_if<T>(&data);
    }
    template <class T>
    bool is() const {
        return std::holds_alternative<T>(data);
    }
    const Text* text() const { return is<TextPtr>() ? as<TextPtr>()->get() : nullptr; }
    const Sequence* sequence() const { return is<SequencePtr>() ? as<SequencePtr>()->get() : nullptr; }
    const Dict* dict() const { return is<DictPtr>() ? as<DictPtr>()->get() : nullptr; }
    Object* object() const { return is<ObjectPtr>() ? as<ObjectPtr>()->get() : nullptr; }
    std::optional<int64_t> integer() const;  // of an integer or a boolean, as in Python
    std::optional<double> number() const;

    static Value undefined(std::string why) {
        return {Undefined{std::make_shared<const std::string>(std::move(why))}};
    }
    static Value string(std::string_view bytes) { return {Text::of(bytes)}; }
    static Value string(TextView text) {
        return {std::make_shared<const Text>(Text{std::string(text.bytes), std::string(text.marks)})};
    }
};

enum class Kind { list, tuple, items, keys, values, range, generator, group };

struct Sequence {
    Kind kind;
    std::vector<Value> items;
    int32_t depth = 1;             // levels of containers inside, so that walks and destructors stay shallow
    std::string label = {};        // how a range prints
    mutable bool drained = false;  // a generator gives its items once
};

struct Dict {
    std::vector<std::pair<Value, Value>> entries;  // in order of insertion
    int32_t depth = 1;

    const Value* find(Meter& meter, const Value& key) const;
};

struct Arguments {
    std::vector<Value> positional = {};
    std::vector<std::pair<std::string, Value>> named = {};
    bool client_names = false;  // a client wrote some of the names: they came from ** and a mapping
};
class Interpreter;

// Namespaces, loops and everything that can be called.
class Object {
  public:
    virtual ~Object() = default;
    virtual std::string_view type() const = 0;
    virtual std::optional<Value> attribute(std::string_view) const { return {}; }
    virtual bool callable() const { return false; }
    virtual Value call(Interpreter&, Arguments&&) {
        throw Failure("'" + std::string(type()) + "' is not callable");
    }
    virtual int32_t depth() const { return 0; }
    virtual std::string repr() const { return "<" + std::string(type()) + ">"; }
};

// Both pay for their items and fail where values nest deeper than the budget.
Value make_sequence(Meter& meter, std::vector<Value> items, Kind kind = Kind::list);
Value make_dict(Meter& meter, std::vector<std::pair<Value, Value>> entries);  // later keys win
void check_hashable(const Value& key);  // fails for lists and mappings, also inside of tuples
int32_t depth_of(const Value& value);
Value from_json(Meter& meter, const boost::json::value& json);  // marked as the client's

std::string type_name(const Value& value);  // Python's
bool truthy(const Value& value);
bool equal(Meter& meter, const Value& a, const Value& b);
bool less(Meter& meter, const Value& a, const Value& b);  // fails where Python has no order
bool contains(Meter& meter, const Value& container, const Value& item);
[[noreturn]] void fail_undefined(const Value& value);

std::string print_float(double value);              // as repr()
TextPtr to_text(Meter& meter, const Value& value);  // str()
TextPtr repr(Meter& meter, const Value& value);     // repr()

struct JsonStyle {
    bool ensure_ascii = false;
    std::optional<Text> indent = {};
    Text item_separator{", "}, key_separator{": "};
    bool sort_keys = false;
};
TextPtr to_json(Meter& meter, const Value& value, const JsonStyle& style);  // json.dumps()

}  // namespace sluice::chat::jinja
