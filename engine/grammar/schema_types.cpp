// Schemas of one type: objects, lists, texts, numbers.
#include <fmt/format.h>

#include <algorithm>

#include "engine/grammar/formats.h"
#include "engine/grammar/json_number.h"
#include "engine/grammar/schema_reader.h"

namespace sluice::grammar {
namespace {

namespace json = boost::json;

// Formats of the standard that are not written here. Others (int32, password, ...) say nothing about the
// text.
constexpr std::string_view kRefusedFormats[] = {"idn-email",    "idn-hostname",          "uri-reference",
                                                "iri",          "iri-reference",         "uri-template",
                                                "json-pointer", "relative-json-pointer", "regex"};

}  // namespace

Result<Node> SchemaReader::typed(const json::object& schema, std::string_view type, int depth) {
    if (type == "object") return object(schema, depth);
    if (type == "array") return array(schema, depth);
    if (type == "string") return string(schema);
    if (type == "boolean") return text_.either({b_.literal("true"), b_.literal("false")});
    if (type == "null") return b_.literal("null");
    NumberBounds bounds;
    bounds.integer = type == "integer";
    for (const auto& [name, to] :
         {std::pair("minimum", &bounds.minimum), std::pair("exclusiveMinimum", &bounds.exclusive_minimum),
          std::pair("maximum", &bounds.maximum), std::pair("exclusiveMaximum", &bounds.exclusive_maximum),
          std::pair("multipleOf", &bounds.multiple_of)}) {
        if (const json::value* v = schema.if_contains(name)) *to = *v;
    }
    if (!bounds.any()) return bounds.integer ? text_.integer() : text_.number();
    auto node = add_number(b_, bounds);
    if (!node) return at(node.error().message);
    return node;
}

Result<int32_t> SchemaReader::count(const json::object& schema, const char* keyword, int32_t absent) const {
    const json::value* v = schema.if_contains(keyword);
    if (!v) return absent;
    const double d = v->is_number() ? v->to_number<double>() : -1;
    if (d < 0 || d > 1e9 || d != static_cast<double>(static_cast<int32_t>(d)))
        return at(fmt::format("`{}` must be a whole number of at least 0 and at most 10^9", keyword));
    return static_cast<int32_t>(d);
}

Result<std::optional<Node>> SchemaReader::inside(const json::object& schema, Writing writing) {
    const auto min = count(schema, "minLength", 0), max = count(schema, "maxLength", kUnbounded);
    if (!min) return min.error();
    if (!max) return max.error();
    const bool measured = *min > 0 || *max != kUnbounded;
    const json::value *pattern = schema.if_contains("pattern"), *format = schema.if_contains("format");
    std::optional<std::string_view> known;
    if (format) {
        if (!format->is_string()) return at("`format` must be a string");
        if (std::ranges::find(kRefusedFormats, std::string_view(format->get_string())) !=
            std::end(kRefusedFormats))
            return at(
                fmt::format("the format {:?} is not supported", std::string_view(format->get_string())));
        known = format_pattern(format->get_string());
    }
    if (pattern && !pattern->is_string()) return at("`pattern` must be a string");
    if (measured && !pattern && !known) {
        if (*max != kUnbounded && *max < *min) return b_.either({});
        const CodePointRange markup[] = {{'<', '<'}};  // what ends a text without quotes begins so
        const Node one = writing == Writing::raw ? b_.code_point(markup, true) : text_.character();
        return b_.repeat(one, *min, *max);
    }
    if (!pattern && !known) return std::nullopt;
    std::vector<Regex> all;
    if (pattern) all.push_back({pattern->get_string(), false});
    if (known) all.push_back({*known, true});
    const auto made = all_of_.add(all, writing, *min, *max);
    if (!made) return at(fmt::format("`{}`: {}", pattern ? "pattern" : "format", made.error().message));
    return *made;
}

Result<Node> SchemaReader::string(const json::object& schema) {
    const auto made = inside(schema, Writing::json_string);
    if (!made) return made.error();
    return *made ? text_.quoted(**made) : text_.string();
}

Result<Node> SchemaReader::object(const json::object& schema, int depth) {
    const json::value *properties = schema.if_contains("properties"),
                      *required = schema.if_contains("required");
    const json::value* rest = schema.if_contains("additionalProperties");
    if (properties && !properties->is_object()) return at("`properties` must be an object");
    if (required && !required->is_array()) return at("`required` must be a list");
    std::vector<std::string> needed;
    for (const json::value& name : required ? required->get_array() : json::array()) {
        if (!name.is_string()) return at("`required` must be a list of names");
        needed.emplace_back(name.get_string());
    }
    const json::object listed = properties ? properties->get_object() : json::object();
    const json::value any(json::object{});
    std::vector<std::string> names;
    std::vector<JsonText::Member> members;
    const auto add = [&](std::string_view name, const json::value& value) -> Result<void> {
        auto node = below(value, fmt::format("properties/{}", name), depth);
        if (!node) return node.error();
        const bool is_needed = std::find(needed.begin(), needed.end(), name) != needed.end();
        members.push_back({text_.pair(text_.key(name), *node), is_needed});
        names.emplace_back(name);
        return {};
    };
    for (const auto& entry : listed) {
        if (auto ok = add({entry.key().data(), entry.key().size()}, entry.value()); !ok) return ok.error();
    }
    for (const std::string& name : needed) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        if (auto ok = add(name, rest ? *rest : any); !ok) return ok.error();
    }
    std::optional<Node> others;
    const bool open = rest ? !(rest->is_bool() && !rest->get_bool()) : !properties;
    if (open) {
        auto value = below(rest ? *rest : any, "additionalProperties", depth);
        if (!value) return value;
        others = text_.pair(names.empty() ? text_.string() : text_.key_outside(names), *value);
    }
    return text_.members(members, others);
}

Result<Node> SchemaReader::array(const json::object& schema, int depth) {
    const auto min = count(schema, "minItems", 0), max = count(schema, "maxItems", kUnbounded);
    if (!min) return min.error();
    if (!max) return max.error();
    if (*max != kUnbounded && *max < *min) return b_.either({});
    if (const json::value* unique = schema.if_contains("uniqueItems"); unique && *unique != false)
        return refusal("uniqueItems");
    std::vector<Node> first;
    if (const json::value* prefix = schema.if_contains("prefixItems")) {
        if (!prefix->is_array()) return at("`prefixItems` must be a list");
        for (size_t i = 0; i < prefix->get_array().size(); ++i) {
            auto node = below(prefix->get_array()[i], fmt::format("prefixItems/{}", i), depth);
            if (!node) return node;
            first.push_back(*node);
        }
    }
    const json::value* items = schema.if_contains("items");
    if (items && items->is_array()) return at("`items` must be one schema; lists of them are `prefixItems`");
    std::optional<Node> rest;
    const bool closed = items && items->is_bool() && !items->get_bool();
    const bool needs_more = *min > static_cast<int32_t>(first.size());
    if (!closed && (items || first.empty() || needs_more)) {
        auto node = items ? below(*items, "items", depth) : Result<Node>(text_.value());
        if (!node) return node;
        rest = *node;
    }
    if (!rest && needs_more) return b_.either({});
    return text_.elements(first, rest, *min, *max);
}

}  // namespace sluice::grammar
