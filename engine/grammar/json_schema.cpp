#include "engine/grammar/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "engine/grammar/all_of.h"
#include "engine/grammar/formats.h"
#include "engine/grammar/json_number.h"
#include "engine/grammar/json_text.h"
#include "engine/grammar/schema_algebra.h"

namespace sluice::grammar {
namespace {

namespace json = boost::json;

constexpr size_t kLongestPath = 300;  // in messages
constexpr int kDepth = 100;           // schemas within schemas, references not counted

constexpr std::string_view kTypes[] = {"object", "array", "string", "number", "integer", "boolean", "null"};
constexpr std::string_view kRefused[] = {"not",
                                         "if",
                                         "then",
                                         "else",
                                         "dependentRequired",
                                         "dependentSchemas",
                                         "dependencies",
                                         "patternProperties",
                                         "propertyNames",
                                         "minProperties",
                                         "maxProperties",
                                         "unevaluatedProperties",
                                         "unevaluatedItems",
                                         "contains",
                                         "minContains",
                                         "maxContains",
                                         "additionalItems",
                                         "$dynamicRef",
                                         "$recursiveRef"};
// Formats of the standard that are not written here. Others (int32, password, ...) say nothing about the
// text.
constexpr std::string_view kRefusedFormats[] = {"idn-email",    "idn-hostname",          "uri-reference",
                                                "iri",          "iri-reference",         "uri-template",
                                                "json-pointer", "relative-json-pointer", "regex"};
// Which keywords speak of which type.
struct Owner {
    std::string_view keyword, type;
};
constexpr Owner kOwners[] = {
    {"properties", "object"},
    {"required", "object"},
    {"additionalProperties", "object"},
    {"items", "array"},
    {"prefixItems", "array"},
    {"uniqueItems", "array"},
    {"minItems", "array"},
    {"maxItems", "array"},
    {"minLength", "string"},
    {"maxLength", "string"},
    {"pattern", "string"},
    {"format", "string"},
    {"minimum", "number"},
    {"maximum", "number"},
    {"exclusiveMinimum", "number"},
    {"exclusiveMaximum", "number"},
    {"multipleOf", "number"},
};

template <size_t N>
bool among(const std::string_view (&list)[N], std::string_view name) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

class Reader {
  public:
    Reader(Builder& b, const json::value& root) : b_(b), text_(b), all_of_(b), root_(root), algebra_(root) {}

    Result<Node> read(const json::value& schema) {
        auto start = &schema == &root_ ? reference("#") : convert(schema, 0);
        if (!start) return start;
        if (auto ok = define_rules(); !ok) return ok.error();
        return start;
    }

    Result<std::optional<Node>> read_unquoted(const json::value& schema) {
        auto start = unquoted(schema, 0);
        if (!start) return start;
        if (auto ok = define_rules(); !ok) return ok.error();
        return start;
    }

  private:
    // Names a place in the error of a schema.
    Error at(std::string message) const { return schema_error(fmt::format("{}: {}", path_, message)); }
    Error refusal(std::string_view keyword) const {
        return at(fmt::format("`{}` is not supported", keyword));
    }

    Result<void> define_rules() {
        while (!waiting_.empty()) {
            const Waiting next = std::move(waiting_.back());
            waiting_.pop_back();
            path_ = next.path;
            auto body = next.merged ? convert_merged(*next.schema, 0) : convert(*next.schema, 0);
            if (!body) return body.error();
            b_.define(next.rule, *body);
        }
        return {};
    }

    // Where a text needs no quotes; nothing: any text fits.
    Result<std::optional<Node>> unquoted(const json::value& schema, int depth) {
        if (depth > kDepth) return at("is nested too deeply");
        const auto flat = algebra_.flatten(schema);
        if (!flat) return at(flat.error().message);
        std::vector<Node> out;
        for (const char* keyword : {"anyOf", "oneOf"}) {
            if (!flat->contains(keyword)) continue;
            const auto options = options_of(*flat, keyword);
            if (!options) return options.error();
            for (const json::value& option : *options) {
                auto node = unquoted(option, depth + 1);
                if (!node || !*node) return node;
                out.push_back(**node);
            }
            return b_.either(out);
        }
        if (const json::value* values = flat->if_contains("enum"); values && values->is_array()) {
            for (const json::value& value : values->get_array())
                if (fits_type(*flat, value))
                    out.push_back(value.is_string() ? b_.literal(value.get_string()) : text_.exactly(value));
            return b_.either(out);
        }
        const auto types = types_of(*flat);
        if (!types) return types.error();
        if (types->empty()) return std::nullopt;
        for (const std::string& type : *types) {
            if (type != "string") {
                auto node = typed(*flat, type, depth);
                if (!node) return node.error();
                out.push_back(*node);
                continue;
            }
            auto node = inside(*flat, Writing::raw);
            if (!node || !*node) return node;
            out.push_back(**node);
        }
        return b_.either(out);
    }

    Result<Node> reference(std::string_view pointer) {
        const auto [known, is_new] = rules_.try_emplace(std::string(pointer), 0);
        if (is_new) {
            const auto target = algebra_.resolve(pointer);
            if (!target) return at(target.error().message);
            known->second = b_.rule(std::string(pointer));
            waiting_.push_back({known->second, std::string(pointer), *target, false});
        }
        return known->second;
    }

    // Schemas put together from others are rules as well, because what they are made of may recurse.
    Result<Node> merged(const json::value& schema) {
        const auto [known, is_new] = merged_.try_emplace(json::serialize(schema), 0);
        if (is_new) {
            known->second = b_.rule(path_);
            waiting_.push_back({known->second, path_, &kept_.emplace_back(schema), true});
        }
        return known->second;
    }

    // A schema below this one.
    Result<Node> below(const json::value& schema, std::string_view step, int depth) {
        const size_t size = path_.size();
        if (size < kLongestPath) path_ += fmt::format("/{}", step);
        auto node = convert(schema, depth + 1);
        path_.resize(size);
        return node;
    }

    Result<Node> convert(const json::value& schema, int depth) {
        if (depth > kDepth) return at("is nested too deeply");
        if (b_.failed()) return Node{0};  // finish() says why
        if (const json::object* object = schema.if_object()) {
            const json::value* ref = object->if_contains("$ref");
            const bool alone = std::all_of(object->begin(), object->end(), [](const auto& entry) {
                return entry.key() == "$ref" || is_annotation({entry.key().data(), entry.key().size()});
            });
            if (ref && ref->is_string() && alone) return reference(ref->get_string());
            if (ref || object->contains("allOf")) return merged(schema);
        }
        return convert_merged(schema, depth);
    }

    Result<Node> convert_merged(const json::value& schema, int depth) {
        auto flat = algebra_.flatten(schema);
        if (!flat) return at(flat.error().message);
        return convert_flat(*flat, depth);
    }

    Result<Node> convert_flat(const json::object& schema, int depth) {
        for (const auto& entry : schema) {
            const std::string_view k(entry.key().data(), entry.key().size());
            if (among(kRefused, k)) return refusal(k);
        }
        for (const char* keyword : {"anyOf", "oneOf"})
            if (schema.contains(keyword)) return alternatives(schema, keyword, depth);
        if (const json::value* values = schema.if_contains("enum")) return enumeration(schema, *values);
        auto types = types_of(schema);
        if (!types) return types.error();
        if (types->empty()) return text_.value();
        std::vector<Node> options;
        for (const std::string& type : *types) {
            auto option = typed(schema, type, depth);
            if (!option) return option;
            options.push_back(*option);
        }
        return b_.either(options);
    }

    // The types that a schema speaks of. Where it does not say which, those that its keywords speak of;
    // empty: it says nothing.
    Result<std::vector<std::string>> types_of(const json::object& schema) const {
        std::vector<std::string> out;
        const json::value* type = schema.if_contains("type");
        if (!type) {
            for (const Owner& owner : kOwners)
                if (schema.contains(owner.keyword) &&
                    std::find(out.begin(), out.end(), owner.type) == out.end())
                    out.emplace_back(owner.type);
            return out;
        }
        const json::array all = type->is_array() ? type->get_array() : json::array{*type};
        for (const json::value& one : all) {
            if (!one.is_string() || !among(kTypes, one.get_string()))
                return at("`type` is none that there is");
            out.emplace_back(one.get_string());
        }
        if (out.empty()) return at("`type` is empty");
        return out;
    }

    Result<Node> typed(const json::object& schema, std::string_view type, int depth) {
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

    Result<Node> enumeration(const json::object& schema, const json::value& values) {
        if (!values.is_array()) return at("`enum` must be a list");
        for (const auto& entry : schema) {
            const std::string_view k(entry.key().data(), entry.key().size());
            if (k != "enum" && k != "type" && !is_annotation(k))
                return at(fmt::format("`enum` with `{}` is not supported", k));
        }
        if (auto types = types_of(schema); !types) return types.error();
        std::vector<Node> options;
        for (const json::value& value : values.get_array())
            if (fits_type(schema, value)) options.push_back(text_.exactly(value));
        return b_.either(options);
    }

    // The alternatives, each with what stands beside them.
    Result<std::vector<json::value>> options_of(const json::object& schema, std::string_view keyword) {
        const json::value& list = schema.at(keyword);
        if (!list.is_array() || list.get_array().empty())
            return at(fmt::format("`{}` must be a list", keyword));
        if (keyword == "oneOf") {
            if (auto ok = check_apart(list.get_array()); !ok) return ok.error();
        }
        json::object shared = schema;
        shared.erase(keyword);
        const bool bare = std::all_of(shared.begin(), shared.end(), [](const auto& entry) {
            return is_annotation({entry.key().data(), entry.key().size()});
        });
        std::vector<json::value> out;
        for (const json::value& option : list.get_array())
            out.push_back(bare ? option : json::value(json::object{{"allOf", json::array{shared, option}}}));
        return out;
    }

    Result<Node> alternatives(const json::object& schema, std::string_view keyword, int depth) {
        const auto options = options_of(schema, keyword);
        if (!options) return options.error();
        std::vector<Node> out;
        for (size_t i = 0; i < options->size(); ++i) {
            auto node = below((*options)[i], fmt::format("{}/{}", keyword, i), depth);
            if (!node) return node;
            out.push_back(*node);
        }
        return b_.either(out);
    }

    Result<void> check_apart(const json::array& options) {
        for (size_t i = 0; i < options.size(); ++i) {
            for (size_t j = 0; j < i; ++j) {
                const auto apart = algebra_.disjoint(options[j], options[i]);
                if (!apart) return at(apart.error().message);
                if (!*apart)
                    return at(fmt::format(
                        "`oneOf` {} and {} may both fit; use `anyOf`, or a property with different "
                        "constants that both require",
                        j, i));
            }
        }
        return {};
    }

    Result<int32_t> count(const json::object& schema, const char* keyword, int32_t absent) const {
        const json::value* v = schema.if_contains(keyword);
        if (!v) return absent;
        const double d = v->is_number() ? v->to_number<double>() : -1;
        if (d < 0 || d > 1e9 || d != static_cast<double>(static_cast<int32_t>(d)))
            return at(fmt::format("`{}` must be a whole number of at least 0 and at most 10^9", keyword));
        return static_cast<int32_t>(d);
    }

    // What a text may be, without its quotes; nothing: anything.
    Result<std::optional<Node>> inside(const json::object& schema, Writing writing) {
        const auto min = count(schema, "minLength", 0), max = count(schema, "maxLength", kUnbounded);
        if (!min) return min.error();
        if (!max) return max.error();
        const bool measured = *min > 0 || *max != kUnbounded;
        const json::value *pattern = schema.if_contains("pattern"), *format = schema.if_contains("format");
        std::optional<std::string_view> known;
        if (format) {
            if (!format->is_string()) return at("`format` must be a string");
            if (among(kRefusedFormats, format->get_string()))
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

    Result<Node> string(const json::object& schema) {
        const auto made = inside(schema, Writing::json_string);
        if (!made) return made.error();
        return *made ? text_.quoted(**made) : text_.string();
    }

    Result<Node> object(const json::object& schema, int depth) {
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
            if (auto ok = add({entry.key().data(), entry.key().size()}, entry.value()); !ok)
                return ok.error();
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

    Result<Node> array(const json::object& schema, int depth) {
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
        if (items && items->is_array())
            return at("`items` must be one schema; lists of them are `prefixItems`");
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

    Builder& b_;
    JsonText text_;
    AllOf all_of_;
    const json::value& root_;
    SchemaAlgebra algebra_;
    std::string path_ = "#";
    std::map<std::string, Node> rules_, merged_;  // by what they refer to; by what they say
    struct Waiting {                              // to be defined
        Node rule;
        std::string path;
        const json::value* schema;
        bool merged;
    };
    std::vector<Waiting> waiting_;
    std::deque<json::value> kept_;
};

}  // namespace

Result<Node> add_json_schema(Builder& builder, const json::value& schema) {
    return Reader(builder, schema).read(schema);
}

Result<Node> add_json_schema(Builder& builder, const json::value& schema, const json::value& root) {
    return Reader(builder, root).read(schema);
}

Result<std::optional<Node>> add_unquoted(Builder& builder, const json::value& schema,
                                         const json::value& root) {
    return Reader(builder, root).read_unquoted(schema);
}

Node add_json_object(Builder& builder) {
    return JsonText(builder).object();
}

}  // namespace sluice::grammar
