// Tests: `value is name`.
#include <algorithm>

#include "engine/chat/jinja/builtins.h"

namespace sluice::chat::jinja {

static Value is_defined(const Call& c) {
    return {!c.self.is<Undefined>()};
}
static Value is_undefined(const Call& c) {
    return {c.self.is<Undefined>()};
}
static Value is_none(const Call& c) {
    return {c.self.is<None>()};
}
static Value is_string(const Call& c) {
    return {c.self.text() != nullptr};
}
static Value is_number(const Call& c) {
    return {c.self.number().has_value()};
}
static Value is_integer(const Call& c) {
    return {c.self.is<int64_t>()};
}
static Value is_float(const Call& c) {
    return {c.self.is<double>()};
}
static Value is_boolean(const Call& c) {
    return {c.self.is<bool>()};
}
static Value is_mapping(const Call& c) {
    return {c.self.dict() != nullptr};
}
static Value is_true(const Call& c) {
    return {c.self.is<bool>() && *c.self.as<bool>()};
}
static Value is_false(const Call& c) {
    return {c.self.is<bool>() && !*c.self.as<bool>()};
}

static Value is_callable(const Call& c) {
    return {c.self.is<Undefined>() || (c.self.object() != nullptr && c.self.object()->callable())};
}

static Value is_iterable(const Call& c) {
    return {c.self.text() || c.self.sequence() || c.self.dict() || c.self.is<Undefined>()};
}

// What has a length and items by number or key.
static Value is_sequence(const Call& c) {
    const Sequence* list = c.self.sequence();
    const bool views = list != nullptr && (list->kind == Kind::generator || list->kind == Kind::items ||
                                           list->kind == Kind::keys || list->kind == Kind::values);
    return {c.self.text() || c.self.dict() || c.self.is<Undefined>() || (list != nullptr && !views)};
}

static Value is_equal(const Call& c) {
    return {compare(c.meter(), "==", c.self, c[0])};
}
static Value is_not_equal(const Call& c) {
    return {compare(c.meter(), "!=", c.self, c[0])};
}
static Value is_less(const Call& c) {
    return {compare(c.meter(), "<", c.self, c[0])};
}
static Value is_less_equal(const Call& c) {
    return {compare(c.meter(), "<=", c.self, c[0])};
}
static Value is_greater(const Call& c) {
    return {compare(c.meter(), ">", c.self, c[0])};
}
static Value is_greater_equal(const Call& c) {
    return {compare(c.meter(), ">=", c.self, c[0])};
}
static Value is_in(const Call& c) {
    return {contains(c.meter(), c[0], c.self)};
}

static Value is_same(const Call& c) {
    if (c.self.data.index() != c[0].data.index()) return {false};
    if (c.self.sequence()) return {c.self.sequence() == c[0].sequence()};
    if (c.self.dict()) return {c.self.dict() == c[0].dict()};
    return {equal(c.meter(), c.self, c[0])};
}

static bool divides(const Call& c, const Value& by, int64_t rest) {
    return equal(c.meter(), arithmetic(c.meter(), "%", c.self, by), {rest});
}
static Value is_even(const Call& c) {
    return {divides(c, {int64_t{2}}, 0)};
}
static Value is_odd(const Call& c) {
    return {divides(c, {int64_t{2}}, 1)};
}
static Value is_divisible(const Call& c) {
    return {divides(c, c[0], 0)};
}

static Value in_case(const Call& c, Class which) {
    const TextPtr text = to_text(c.meter(), c.self);
    c.meter().walk(text->bytes.size());
    return {is_class(text->bytes, which)};
}
static Value is_lower_case(const Call& c) {
    return in_case(c, Class::lower);
}
static Value is_upper_case(const Call& c) {
    return in_case(c, Class::upper);
}

static Value is_filter(const Call& c) {
    check_hashable(c.self);
    return {c.self.text() && find_filter(c.self.text()->bytes) != nullptr};
}
static Value is_test(const Call& c) {
    check_hashable(c.self);
    return {c.self.text() && find_test(c.self.text()->bytes) != nullptr};
}
static Value is_escaped(const Call&) {
    return {false};
}

const Builtin* find_test(std::string_view name) {
    static constexpr Builtin kTests[] = {
        {"boolean", "", 0, is_boolean},
        {"callable", "", 0, is_callable},
        {"defined", "", 0, is_defined},
        {"divisibleby", "num", 1, is_divisible},
        {"eq", "other", 1, is_equal},
        {"equalto", "other", 1, is_equal},
        {"==", "other", 1, is_equal},
        {"escaped", "", 0, is_escaped},
        {"even", "", 0, is_even},
        {"false", "", 0, is_false},
        {"filter", "", 0, is_filter},
        {"float", "", 0, is_float},
        {"ge", "other", 1, is_greater_equal},
        {">=", "other", 1, is_greater_equal},
        {"greaterthan", "other", 1, is_greater},
        {"gt", "other", 1, is_greater},
        {">", "other", 1, is_greater},
        {"in", "seq", 1, is_in},
        {"integer", "", 0, is_integer},
        {"iterable", "", 0, is_iterable},
        {"le", "other", 1, is_less_equal},
        {"<=", "other", 1, is_less_equal},
        {"lessthan", "other", 1, is_less},
        {"lower", "", 0, is_lower_case},
        {"lt", "other", 1, is_less},
        {"<", "other", 1, is_less},
        {"mapping", "", 0, is_mapping},
        {"ne", "other", 1, is_not_equal},
        {"!=", "other", 1, is_not_equal},
        {"none", "", 0, is_none},
        {"number", "", 0, is_number},
        {"odd", "", 0, is_odd},
        {"sameas", "other", 1, is_same},
        {"sequence", "", 0, is_sequence},
        {"string", "", 0, is_string},
        {"test", "", 0, is_test},
        {"true", "", 0, is_true},
        {"undefined", "", 0, is_undefined},
        {"upper", "", 0, is_upper_case},
    };
    for (const Builtin& test : kTests) {
        if (test.name == name) return &test;
    }
    return nullptr;
}

}  // namespace sluice::chat::jinja
