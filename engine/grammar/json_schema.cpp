#include "engine/grammar/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "engine/grammar/schema_reader.h"

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

}  // namespace

Result<Node> SchemaReader::read(const json::value& schema) {
    auto start = &schema == &root_ ? reference("#") : convert(schema, 0);
    if (!start) return start;
    if (auto ok = define_rules(); !ok) return ok.error();
    return start;
}

Result<std::optional<Node>> SchemaReader::read_unquoted(const json::value& schema) {
    auto start = unquoted(schema, 0);
    if (!start) return start;
    if (auto ok = define_rules(); !ok) return ok.error();
    return start;
}

Result<void> SchemaReader::define_rules() {
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

Result<std::optional<Node>> SchemaReader::unquoted(const json::value& schema, int depth) {
    if (depth > kDepth) return at("is nested too deeply");
    const auto flat = algebra_.flatten(schema);
    if (!flat) return at(flat.error().message);
    if (auto ok = check_keywords(*flat); !ok) return ok.error();
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
    if (const json::value* values = flat->if_contains("enum")) {
        auto node = enumeration(*flat, *values, Writing::raw);
        if (!node) return node.error();
        return *node;
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

Result<Node> SchemaReader::reference(std::string_view pointer) {
    const auto [known, is_new] = rules_.try_emplace(std::string(pointer), 0);
    if (is_new) {
        const auto target = algebra_.resolve(pointer);
        if (!target) return at(target.error().message);
        known->second = b_.rule(std::string(pointer));
        waiting_.push_back({known->second, std::string(pointer), *target, false});
    }
    return known->second;
}

Result<Node> SchemaReader::merged(const json::value& schema) {
    const auto [known, is_new] = merged_.try_emplace(json::serialize(schema), 0);
    if (is_new) {
        known->second = b_.rule(path_);
        waiting_.push_back({known->second, path_, &kept_.emplace_back(schema), true});
    }
    return known->second;
}

Result<Node> SchemaReader::below(const json::value& schema, std::string_view step, int depth) {
    const size_t size = path_.size();
    if (size < kLongestPath) path_ += fmt::format("/{}", step);
    auto node = convert(schema, depth + 1);
    path_.resize(size);
    return node;
}

Result<Node> SchemaReader::convert(const json::value& schema, int depth) {
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

Result<Node> SchemaReader::convert_merged(const json::value& schema, int depth) {
    auto flat = algebra_.flatten(schema);
    if (!flat) return at(flat.error().message);
    return convert_flat(*flat, depth);
}

Result<Node> SchemaReader::convert_flat(const json::object& schema, int depth) {
    if (auto ok = check_keywords(schema); !ok) return ok.error();
    for (const char* keyword : {"anyOf", "oneOf"})
        if (schema.contains(keyword)) return alternatives(schema, keyword, depth);
    if (const json::value* values = schema.if_contains("enum"))
        return enumeration(schema, *values, Writing::json_string);
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

Result<std::vector<std::string>> SchemaReader::types_of(const json::object& schema) const {
    std::vector<std::string> out;
    const json::value* type = schema.if_contains("type");
    if (!type) {
        for (const Owner& owner : kOwners)
            if (schema.contains(owner.keyword) && std::find(out.begin(), out.end(), owner.type) == out.end())
                out.emplace_back(owner.type);
        return out;
    }
    const json::array all = type->is_array() ? type->get_array() : json::array{*type};
    for (const json::value& one : all) {
        if (!one.is_string() || !among(kTypes, one.get_string())) return at("`type` is none that there is");
        out.emplace_back(one.get_string());
    }
    if (out.empty()) return at("`type` is empty");
    return out;
}

Result<void> SchemaReader::check_keywords(const json::object& schema) const {
    for (const auto& entry : schema) {
        const std::string_view k(entry.key().data(), entry.key().size());
        if (among(kRefused, k)) return refusal(k);
        if (schema.contains("enum") && k != "enum" && k != "type" && k != "anyOf" && k != "oneOf" &&
            !is_annotation(k))
            return at(fmt::format("`enum` with `{}` is not supported", k));
    }
    return {};
}

Result<Node> SchemaReader::enumeration(const json::object& schema, const json::value& values,
                                       Writing writing) {
    if (!values.is_array()) return at("`enum` must be a list");
    if (auto types = types_of(schema); !types) return types.error();
    std::vector<Node> options;
    for (const json::value& value : values.get_array()) {
        if (!fits_type(schema, value)) continue;
        const bool bare = writing == Writing::raw && value.is_string();
        options.push_back(bare ? b_.literal(value.get_string()) : text_.exactly(value));
    }
    return b_.either(options);
}

Result<std::vector<json::value>> SchemaReader::options_of(const json::object& schema,
                                                          std::string_view keyword) {
    const json::value& list = schema.at(keyword);
    if (!list.is_array() || list.get_array().empty()) return at(fmt::format("`{}` must be a list", keyword));
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

Result<Node> SchemaReader::alternatives(const json::object& schema, std::string_view keyword, int depth) {
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

Result<void> SchemaReader::check_apart(const json::array& options) {
    for (size_t i = 0; i < options.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
            const auto apart = algebra_.disjoint(options[j], options[i]);
            if (!apart) return at(apart.error().message);
            if (!*apart)
                return at(
                    fmt::format("`oneOf` {} and {} may both fit; use `anyOf`, or a property with different "
                                "constants that both require",
                                j, i));
        }
    }
    return {};
}

Result<Node> add_json_schema(Builder& builder, const json::value& schema) {
    return SchemaReader(builder, schema).read(schema);
}

Result<Node> add_json_schema(Builder& builder, const json::value& schema, const json::value& root) {
    return SchemaReader(builder, root).read(schema);
}

Result<std::optional<Node>> add_unquoted(Builder& builder, const json::value& schema,
                                         const json::value& root) {
    return SchemaReader(builder, root).read_unquoted(schema);
}

Node add_json_object(Builder& builder) {
    return JsonText(builder).object();
}

}  // namespace sluice::grammar
