// Arithmetic, comparison and slices with Python's rules; integers have 64 bits, and overflow fails.
#include <algorithm>
#include <cmath>

#include "engine/chat/jinja/builtins.h"

namespace sluice::chat::jinja {

[[noreturn]] static void fail_operands(std::string_view op, const Value& a, const Value& b) {
    throw Failure("unsupported operand type(s) for " + std::string(op) + ": '" + type_name(a) + "' and '" +
                  type_name(b) + "'");
}

static int64_t power(int64_t base, int64_t exponent) {
    int64_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
        if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result))
            throw Failure("integer overflow");
        if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) throw Failure("integer overflow");
    }
    return result;
}

static Value whole(std::string_view op, int64_t a, int64_t b) {
    int64_t result = 0;
    bool overflow = false;
    if (op == "+")
        overflow = __builtin_add_overflow(a, b, &result);
    else if (op == "-")
        overflow = __builtin_sub_overflow(a, b, &result);
    else if (op == "*")
        overflow = __builtin_mul_overflow(a, b, &result);
    else if (op == "**")
        return b < 0 ? Value{std::pow(static_cast<double>(a), static_cast<double>(b))} : Value{power(a, b)};
    else if (b == 0)
        throw Failure("integer division or modulo by zero");
    else if (op == "/")
        return {static_cast<double>(a) / static_cast<double>(b)};
    else if (b == -1)
        overflow = op == "//" && __builtin_sub_overflow(int64_t{0}, a, &result);
    else {  // rounds down, not towards zero
        const int64_t rest = a % b != 0 && (a % b < 0) != (b < 0) ? a % b + b : a % b;
        result = op == "%" ? rest : (a - a % b) / b - (a % b != rest ? 1 : 0);
    }
    if (overflow) throw Failure("integer overflow");
    return {result};
}

static Value real(std::string_view op, double a, double b) {
    if (op == "+") return {a + b};
    if (op == "-") return {a - b};
    if (op == "*") return {a * b};
    if (op == "**") {
        if (a == 0 && b < 0) throw Failure("0.0 cannot be raised to a negative power");
        return {std::pow(a, b)};
    }
    if (b == 0) throw Failure("float division by zero");
    if (op == "/") return {a / b};
    double rest = std::fmod(a, b);
    if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
    if (rest == 0) rest = std::copysign(0.0, b);
    if (op == "%") return {rest};
    const double quotient = (a - rest) / b, down = std::floor(quotient);
    if (quotient == 0) return {std::copysign(0.0, a / b)};
    return {quotient - down > 0.5 ? down + 1.0 : down};
}

static Value repeat(Meter& meter, const Value& value, int64_t times) {
    if (const Text* text = value.text()) {
        TextBuilder out(meter);
        if (!text->bytes.empty()) {
            for (int64_t i = 0; i < times; ++i) {
                if (text->bytes.size() < 64) meter.charge(1);
                out.append(text->view());
            }
        }
        return {out.take()};
    }
    const Sequence& list = *value.sequence();
    std::vector<Value> items;
    for (int64_t i = 0; i < times && !list.items.empty(); ++i) {
        meter.charge(list.items.size());
        items.insert(items.end(), list.items.begin(), list.items.end());
    }
    return make_sequence(meter, std::move(items), list.kind);
}

static bool repeats(const Value& value) {
    return value.text() != nullptr || (value.sequence() != nullptr && value.sequence()->kind <= Kind::tuple);
}

static Value add(Meter& meter, const Value& a, const Value& b) {
    if (a.text() && b.text()) return {join(meter, {}, {a.text()->view(), b.text()->view()})};
    const Sequence *left = a.sequence(), *right = b.sequence();
    if (left == nullptr || right == nullptr || left->kind != right->kind || left->kind > Kind::tuple)
        fail_operands("+", a, b);
    std::vector<Value> items = left->items;
    items.insert(items.end(), right->items.begin(), right->items.end());
    return make_sequence(meter, std::move(items), left->kind);
}

Value arithmetic(Meter& meter, std::string_view op, const Value& a, const Value& b) {
    if (a.is<Undefined>()) fail_undefined(a);
    if (op == "%" && a.text() != nullptr) return {format_percent(meter, a.text()->view(), b)};
    if (b.is<Undefined>()) fail_undefined(b);
    if (a.number() && b.number()) {
        Value result = a.integer() && b.integer() ? whole(op, *a.integer(), *b.integer())
                                                  : real(op, *a.number(), *b.number());
        result.client = a.client || b.client;
        return result;
    }
    if (op == "*" && repeats(a) && b.integer()) return repeat(meter, a, *b.integer());
    if (op == "*" && repeats(b) && a.integer()) return repeat(meter, b, *a.integer());
    if (op == "+") return add(meter, a, b);
    fail_operands(op, a, b);
}

Value negative(const Value& value) {
    if (value.is<Undefined>()) fail_undefined(value);
    if (const auto i = value.integer()) {
        Value result = whole("-", 0, *i);
        result.client = value.client;
        return result;
    }
    if (value.is<double>()) return {-*value.as<double>(), value.client};
    throw Failure("bad operand type for unary -: '" + type_name(value) + "'");
}

bool compare(Meter& meter, std::string_view op, const Value& a, const Value& b) {
    if (op == "==") return equal(meter, a, b);
    if (op == "!=") return !equal(meter, a, b);
    if (op == "in") return contains(meter, b, a);
    if (op == "not in") return !contains(meter, b, a);
    const bool unordered = a.number() && b.number() && (std::isnan(*a.number()) || std::isnan(*b.number()));
    if (unordered) return false;
    if (op == "<") return less(meter, a, b);
    if (op == ">") return less(meter, b, a);
    return op == "<=" ? !less(meter, b, a) : !less(meter, a, b);
}

namespace {
struct Range {
    int64_t start, stop, step;
};
}  // namespace

static Range slice_range(int64_t count, const Value& start, const Value& stop, const Value& step) {
    const int64_t by = step.integer().value_or(1);
    if (by == 0) throw Failure("slice step cannot be zero");
    const int64_t low = by < 0 ? -1 : 0, high = by < 0 ? count - 1 : count;
    const auto clamp = [&](const Value& part, int64_t otherwise) {
        if (part.is<None>()) return otherwise;
        const int64_t i = *part.integer();
        return std::clamp(i < 0 ? i + count : i, low, high);
    };
    return {clamp(start, by < 0 ? high : low), clamp(stop, by < 0 ? low : high), by};
}

Value slice(Meter& meter, const Value& value, const Value& start, const Value& stop, const Value& step) {
    if (value.is<Undefined>()) fail_undefined(value);
    for (const Value* part : {&start, &stop, &step}) {
        if (!part->is<None>() && !part->integer()) throw Failure("slice indices must be integers or None");
    }
    const Sequence* list = value.sequence();
    if (list != nullptr && (list->kind <= Kind::tuple || list->kind >= Kind::range) &&
        list->kind != Kind::generator) {
        const Range range = slice_range(static_cast<int64_t>(list->items.size()), start, stop, step);
        std::vector<Value> items;
        for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop;) {
            items.push_back(list->items[static_cast<size_t>(i)]);
            if (__builtin_add_overflow(i, range.step, &i)) break;
        }
        return make_sequence(
            meter, std::move(items),
            list->kind == Kind::list || list->kind == Kind::range ? Kind::list : Kind::tuple);
    }
    if (value.text() == nullptr) throw Failure("'" + type_name(value) + "' object cannot be sliced");
    const TextView text = value.text()->view();
    meter.read(text.size() * 2);
    const Range range = slice_range(static_cast<int64_t>(length(text.bytes)), start, stop, step);
    TextBuilder out(meter);
    if (range.step == 1) {
        const size_t from = byte_offset(text.bytes, static_cast<size_t>(range.start));
        const size_t to = byte_offset(text.bytes, static_cast<size_t>(std::max(range.start, range.stop)));
        out.append(text.substr(from, to - from));
        return {out.take()};
    }
    meter.charge(text.size() / 4);
    const std::vector<TextView> pieces = code_points(text);
    for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop;) {
        out.append(pieces[static_cast<size_t>(i)]);
        if (__builtin_add_overflow(i, range.step, &i)) break;
    }
    return {out.take()};
}

}  // namespace sluice::chat::jinja
