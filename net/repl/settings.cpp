#include "net/repl/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "kernels/check.h"
#include "net/json.h"
#include "net/openai/fields.h"

namespace sluice::net::repl {
namespace {

namespace json = boost::json;
using openai::Dialect;
using openai::Field;

constexpr std::string_view kNames[] = {
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "max_tokens",
    "seed",
    "reasoning_effort",
    "enable_thinking",
};

const Field& field_of(std::string_view name) {
    const auto table = openai::fields(Dialect::chat);
    const auto field = std::ranges::find(table, name, &Field::name);
    SLUICE_CHECK(field != table.end());
    return *field;
}

Result<std::string> known_name(std::string_view given) {
    std::string name(given);
    std::ranges::replace(name, '-', '_');
    if (std::ranges::find(kNames, name) != std::end(kNames)) return name;
    return Error{ErrorKind::invalid_request, fmt::format("there is no setting `{}`; /set lists them", given)};
}

// What is no JSON stays text, for the field to say what it wants.
json::value value_of(const Field& field, std::string_view text) {
    if (field.kind != openai::Kind::text) {
        if (auto parsed = parse_json(text, 1)) return *parsed;
    }
    return json::string(text);
}

}  // namespace

std::span<const std::string_view> setting_names() {
    return kNames;
}

Result<void> Settings::set(std::string_view given, std::string_view text) {
    const auto name = known_name(given);
    if (!name) return name.error();
    if (text == "default") {
        fields_.erase(*name);
        return {};
    }
    json::object body{{"model", "default"}, {"messages", json::array()}};
    const json::value value = value_of(field_of(*name), text);
    body[*name] = value;
    if (const auto read = openai::read_values(body, Dialect::chat); !read) return read.error();
    if (value.is_null()) {
        fields_.erase(*name);
    } else {
        fields_[*name] = value;
    }
    return {};
}

Result<std::string> Settings::describe(std::string_view given) const {
    const auto name = known_name(given);
    if (!name) return name.error();
    const json::value* value = fields_.if_contains(*name);
    return fmt::format("  {:<20}{:<12}{}\n", *name, value ? json::serialize(*value) : "default",
                       field_of(*name).note);
}

std::string Settings::list() const {
    std::string out;
    for (const std::string_view name : kNames) out += *describe(name);
    return out;
}

}  // namespace sluice::net::repl
