// Filters, tests, methods and global functions: tables of named functions with Python's parameter names.
#pragma once
#include "engine/chat/jinja/interpreter.h"

namespace sluice::chat::jinja {

// The arguments of one built-in, bound to its parameters.
struct Call {
    Interpreter& in;
    const Value& self;                // what is filtered, tested, or has the method
    std::vector<const Value*> bound;  // one a parameter; null: not given
    Arguments& more;                  // everything, for those that take any arguments

    Meter& meter() const { return in.meter(); }
    bool has(size_t i) const { return i < bound.size() && bound[i] != nullptr; }
    bool given(size_t i) const { return has(i) && !bound[i]->is<None>(); }
    const Value& operator[](size_t i) const { return *bound[i]; }
    TextView text(size_t i, std::string_view otherwise = {}) const;
    int64_t integer(size_t i, int64_t otherwise = 0) const;
    bool flag(size_t i, bool otherwise = false) const { return has(i) ? truthy(*bound[i]) : otherwise; }
};

struct Builtin {
    std::string_view name;
    std::string_view params;  // separated by blanks; "*": any
    size_t required;
    Value (*run)(const Call& call);
};

Value run_builtin(Interpreter& in, const Builtin& builtin, const Value& self, Arguments&& arguments);

const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_method(const Value& value,
                           std::string_view name);  // null also for what the sandbox refuses
Value bind_method(const Value& self, const Builtin& method);
std::vector<std::pair<std::string, Value>> global_functions();

// Parts of the tables, one a file.
const Builtin* find_text_filter(std::string_view name);
const Builtin* find_sequence_filter(std::string_view name);
const Builtin* find_text_method(std::string_view name);

// self or str(self), as Jinja's filters on strings take it.
TextPtr soft_text(Meter& meter, const Value& value);
// "%s and %d" % argument, and "{} and {name}".format(...).
TextPtr format_percent(Meter& meter, TextView format, const Value& argument);
TextPtr format_braces(Meter& meter, TextView format, const Arguments& arguments);
// Padded to a width in code points.
enum class Align { left, center, right };
TextPtr pad(Meter& meter, TextView text, int64_t width, TextView fill, Align align);

}  // namespace sluice::chat::jinja
