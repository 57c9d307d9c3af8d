#include "net/openai/fields.h"

#include <fmt/format.h>

#include <cmath>

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

Result<int64_t> read_integer(const Field& field, const json::value& value) {
    const auto number = as_integer(value);
    if (!number || *number < field.low || *number > field.high)
        return bad_field(field.name, fmt::format("must be an integer from {} to {}", field.low, field.high));
    return *number;
}

Result<double> read_number(const Field& field, const json::value& value) {
    const auto low = static_cast<double>(field.low), high = static_cast<double>(field.high);
    const double number = value.is_number() ? value.to_number<double>() : high + 1;
    if (number >= low && number <= high && !(field.low_is_excluded && number == low)) return number;
    return bad_field(field.name,
                     fmt::format("must be a number {} {} and at most {}",
                                 field.low_is_excluded ? "above" : "of at least", field.low, field.high));
}

Result<bool> read_boolean(const Field& field, const json::value& value) {
    if (!value.is_bool()) return bad_field(field.name, "must be true or false");
    return value.get_bool();
}

Result<std::string> read_text(const Field& field, const json::value& value) {
    if (!value.is_string() || value.get_string().size() > static_cast<size_t>(field.high))
        return bad_field(field.name, fmt::format("must be a string of at most {} bytes", field.high));
    return std::string(value.get_string());
}

// Reads one kind of field into its place; the first error stays.
struct Store {
    const Field& field;
    const json::value& value;
    Values& out;
    std::optional<Error> error = std::nullopt;

    void operator()(std::monostate) {}
    void operator()(std::optional<int64_t> Values::*to) { put(to, read_integer(field, value)); }
    void operator()(std::optional<double> Values::*to) { put(to, read_number(field, value)); }
    void operator()(std::optional<bool> Values::*to) { put(to, read_boolean(field, value)); }
    void operator()(std::optional<std::string> Values::*to) { put(to, read_text(field, value)); }

    template <class T>
    void put(std::optional<T> Values::*to, Result<T> read) {
        if (read) {
            out.*to = std::move(*read);
        } else {
            error = read.error();
        }
    }
};

const Field* find(std::span<const Field> table, std::string_view name) {
    for (const Field& field : table) {
        if (field.name == name) return &field;
    }
    return nullptr;
}

}  // namespace

Error bad_field(std::string_view name, std::string_view what) {
    return {ErrorKind::invalid_request, fmt::format("`{}` {}", name, what), std::string(name)};
}

std::optional<int64_t> as_integer(const json::value& value) {
    if (value.is_int64()) return value.get_int64();
    if (!value.is_double()) return std::nullopt;  // a uint64 here is beyond int64
    const double d = value.get_double();
    constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double is no exact integer
    if (d != std::trunc(d) || std::abs(d) > kExact) return std::nullopt;
    return static_cast<int64_t>(d);
}

Result<Values> read_values(const json::object& body, Dialect dialect) {
    Values out;
    for (const auto& entry : body) {
        if (entry.value().is_null()) continue;
        const std::string_view name(entry.key().data(), entry.key().size());
        const Field* field = find(fields(dialect), name);
        if (!field) {
            ++out.unknown;
            continue;
        }
        if (field->treatment == Treatment::refused) {
            return Error{ErrorKind::unsupported, fmt::format("`{}` is not supported: {}", name, field->note),
                         std::string(name)};
        }
        if (field->treatment == Treatment::ignored) continue;
        Store store{*field, entry.value(), out};
        std::visit(store, field->value);
        if (store.error) return *store.error;
    }
    for (const Field& field : fields(dialect)) {
        if (!field.required) continue;
        const json::value* value = body.if_contains(field.name);
        if (!value || value->is_null()) return bad_field(field.name, "is required");
    }
    return out;
}

}  // namespace sluice::net::openai
