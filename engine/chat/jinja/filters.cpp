// Filters on single values, and how built-ins get their arguments. Text and sequences have files of their
// own.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/chat/jinja/builtins.h"

namespace sluice::chat::jinja {

TextView Call::text(size_t i, std::string_view otherwise) const {
    if (!given(i)) return {otherwise};
    if (bound[i]->is<Undefined>()) fail_undefined(*bound[i]);
    if (bound[i]->text() == nullptr)
        throw Failure("a string is expected, not '" + type_name(*bound[i]) + "'");
    return bound[i]->text()->view();
}

int64_t Call::integer(size_t i, int64_t otherwise) const {
    if (!given(i)) return otherwise;
    if (bound[i]->is<Undefined>()) fail_undefined(*bound[i]);
    const auto value = bound[i]->integer();
    if (!value) throw Failure("an integer is expected, not '" + type_name(*bound[i]) + "'");
    return *value;
}

static std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> out;
    for (TextView word : split(TextView{text}, std::nullopt, -1)) out.push_back(word.bytes);
    return out;
}

Value run_builtin(Interpreter& in, const Builtin& builtin, const Value& self, Arguments&& arguments) {
    Call call{in, self, {}, arguments};
    const std::string name(builtin.name);
    if (builtin.params != "*") {
        const auto params = words(builtin.params);
        call.bound.resize(params.size());
        if (arguments.positional.size() > params.size())
            throw Failure(name + "() takes at most " + std::to_string(params.size()) + " argument(s)");
        for (size_t i = 0; i < arguments.positional.size(); ++i) call.bound[i] = &arguments.positional[i];
        for (const auto& [key, value] : arguments.named) {
            const auto at = std::find(params.begin(), params.end(), key);
            if (at == params.end())
                throw Failure(name + "() got an unexpected keyword argument '" + key + "'");
            const Value*& slot = call.bound[static_cast<size_t>(at - params.begin())];
            if (slot != nullptr) throw Failure(name + "() got multiple values for argument '" + key + "'");
            slot = &value;
        }
        for (size_t i = 0; i < builtin.required; ++i) {
            if (call.bound[i] == nullptr)
                throw Failure(name + "() is missing its argument '" + std::string(params[i]) + "'");
        }
    } else if (arguments.positional.size() < builtin.required) {
        throw Failure(name + "() is missing an argument");
    }
    return builtin.run(call);
}

TextPtr soft_text(Meter& meter, const Value& value) {
    return to_text(meter, value);
}

static Value run_default(const Call& c) {
    const bool replace = c.self.is<Undefined>() || (c.flag(1) && !truthy(c.self));
    if (!replace) return c.self;
    return c.has(0) ? c[0] : Value::string("");
}

static Value run_length(const Call& c) {
    if (const Text* text = c.self.text()) {
        c.meter().read(text->bytes.size());
        return {static_cast<int64_t>(length(text->bytes))};
    }
    if (c.self.is<Undefined>()) return {int64_t{0}};
    if (const Dict* dict = c.self.dict()) return {static_cast<int64_t>(dict->entries.size())};
    const Sequence* list = c.self.sequence();
    if (list == nullptr || list->kind == Kind::generator)
        throw Failure("object of type '" + type_name(c.self) + "' has no len()");
    return {static_cast<int64_t>(list->items.size())};
}

static std::optional<double> read_float(std::string_view text) {
    std::string plain(strip({text}, Side::both).bytes);
    for (size_t i = 1; i + 1 < plain.size(); ++i) {
        if (plain[i] == '_' && std::isdigit(static_cast<uint8_t>(plain[i - 1])) &&
            std::isdigit(static_cast<uint8_t>(plain[i + 1])))
            plain.erase(i, 1);
    }
    const char* begin = plain.data() + (plain.starts_with('+') && !plain.starts_with("+-") ? 1 : 0);
    double value = 0;
    const auto read = std::from_chars(begin, plain.data() + plain.size(), value);
    if (read.ec == std::errc::result_out_of_range) return std::strtod(begin, nullptr);
    if (read.ec != std::errc() || read.ptr != plain.data() + plain.size() || plain.find('(') != plain.npos)
        return {};
    return value;
}

static std::optional<int64_t> read_integer(std::string_view text, int64_t base) {
    std::string plain(strip({text}, Side::both).bytes);
    const bool minus = plain.starts_with('-');
    if (minus || plain.starts_with('+')) plain.erase(0, 1);
    const char mark = plain.size() > 2 && plain[0] == '0' ? static_cast<char>(plain[1] | 0x20) : '\0';
    if ((base == 16 && mark == 'x') || (base == 8 && mark == 'o') || (base == 2 && mark == 'b'))
        plain.erase(0, 2);
    if (plain.empty() || plain.front() == '_' || plain.back() == '_' || plain.find("__") != plain.npos)
        return {};
    plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
    if (minus) plain.insert(0, "-");
    if (base < 2 || base > 36 || plain.starts_with("--")) return {};
    int64_t value = 0;
    const auto read =
        std::from_chars(plain.data(), plain.data() + plain.size(), value, static_cast<int>(base));
    if (read.ec == std::errc::result_out_of_range) throw Failure("integer overflow");
    if (read.ec != std::errc() || read.ptr != plain.data() + plain.size()) return {};
    return value;
}

static std::optional<int64_t> truncate(double value) {
    if (std::isinf(value)) throw Failure("cannot convert float infinity to integer");
    if (std::isnan(value)) return {};
    if (std::fabs(value) >= 9.2e18) throw Failure("integer overflow");
    return static_cast<int64_t>(value);
}

static Value run_int(const Call& c) {
    if (c.self.is<Undefined>()) fail_undefined(c.self);
    std::optional<int64_t> value;
    if (const Text* text = c.self.text()) {
        c.meter().walk(text->bytes.size());
        value = read_integer(text->bytes, c.integer(1, 10));
        if (!value) {
            if (const auto real = read_float(text->bytes)) value = truncate(*real);
        }
    } else if (c.self.number()) {
        value = c.self.integer() ? c.self.integer() : truncate(*c.self.number());
    }
    const bool client = c.self.client || (c.self.text() && c.self.text()->view().from_client());
    if (value) return {*value, client};
    return c.has(0) ? c[0] : Value{int64_t{0}};
}

static Value run_float(const Call& c) {
    if (c.self.is<Undefined>()) fail_undefined(c.self);
    const bool client = c.self.client || (c.self.text() && c.self.text()->view().from_client());
    if (c.self.text()) c.meter().walk(c.self.text()->bytes.size());
    if (const auto value = c.self.text() ? read_float(c.self.text()->bytes) : c.self.number())
        return {*value, client};
    return c.has(0) ? c[0] : Value{0.0};
}

static Value run_abs(const Call& c) {
    if (c.self.is<Undefined>()) fail_undefined(c.self);
    if (!c.self.number()) throw Failure("bad operand type for abs(): '" + type_name(c.self) + "'");
    if (c.self.integer())
        return *c.self.integer() < 0 ? negative(c.self) : Value{*c.self.integer(), c.self.client};
    return {std::fabs(*c.self.number()), c.self.client};
}

static double round_common(double value, int64_t digits) {
    if (!std::isfinite(value) || digits > 300) return value;
    if (digits < 0) {
        const double scale = std::pow(10.0, static_cast<double>(-digits));
        return std::nearbyint(value / scale) * scale;
    }
    char buffer[700];  // printf rounds the exact binary value, as Python does
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), value);
    return std::strtod(buffer, nullptr);
}

static Value run_round(const Call& c) {
    if (c.self.is<Undefined>()) fail_undefined(c.self);
    const int64_t digits = c.integer(0, 0);
    const std::string method(c.text(1, "common").bytes);
    if (method != "common" && method != "ceil" && method != "floor")
        throw Failure("method must be common, ceil or floor");
    if (!c.self.number()) throw Failure("type " + type_name(c.self) + " doesn't define __round__ method");
    if (method == "common") {
        if (c.self.integer() && digits >= 0) return {*c.self.integer(), c.self.client};
        const double rounded = round_common(*c.self.number(), digits);
        if (c.self.integer()) return {static_cast<int64_t>(rounded), c.self.client};
        return {rounded, c.self.client};
    }
    const double scale = std::pow(10.0, static_cast<double>(digits));
    const double scaled = *c.self.number() * scale;
    return {(method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale, c.self.client};
}

static Value run_tojson(const Call& c) {
    JsonStyle style;
    style.ensure_ascii = c.flag(0);
    if (c.given(1)) {
        if (c[1].text())
            style.indent = *c[1].text();
        else
            style.indent = *pad(c.meter(), {}, c.integer(1), {" "}, Align::left);
        style.item_separator = {","};
    }
    if (c.given(2)) {
        const SequencePtr pair = c.in.iterate(c[2]);
        if (pair->items.size() != 2 || !pair->items[0].text() || !pair->items[1].text())
            throw Failure("separators must be two strings");
        style.item_separator = *pair->items[0].text();
        style.key_separator = *pair->items[1].text();
    }
    style.sort_keys = c.flag(3);
    return {to_json(c.meter(), c.self, style)};
}

static Value run_string(const Call& c) {
    return {to_text(c.meter(), c.self)};
}

static Value run_attr(const Call& c) {
    const std::string name(c.text(0).bytes);
    if (c.self.is<Undefined>()) fail_undefined(c.self);
    if (c.self.dict() != nullptr) {  // attributes only, never keys
        if (const Builtin* method = find_method(c.self, name)) return bind_method(c.self, *method);
        return Value::undefined("'dict object' has no attribute '" + name + "'");
    }
    return c.in.attribute(c.self, name);
}

const Builtin* find_filter(std::string_view name) {
    static constexpr Builtin kFilters[] = {
        {"abs", "", 0, run_abs},
        {"attr", "name", 1, run_attr},
        {"count", "", 0, run_length},
        {"d", "default_value boolean", 0, run_default},
        {"default", "default_value boolean", 0, run_default},
        {"float", "default", 0, run_float},
        {"int", "default base", 0, run_int},
        {"length", "", 0, run_length},
        {"round", "precision method", 0, run_round},
        {"safe", "", 0, run_string},
        {"string", "", 0, run_string},
        {"tojson", "ensure_ascii indent separators sort_keys", 0, run_tojson},
    };
    for (const Builtin& filter : kFilters) {
        if (filter.name == name) return &filter;
    }
    if (const Builtin* filter = find_text_filter(name)) return filter;
    return find_sequence_filter(name);
}

}  // namespace sluice::chat::jinja
