#include "engine/grammar/schema_algebra.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace sluice::grammar {
namespace {

namespace json = boost::json;

constexpr int kWork = 20'000;  // schemas looked at
constexpr int kDepth = 64;

constexpr std::string_view kAnnotations[] = {
    "title",    "description",   "default",         "examples",         "example",  "$schema",   "$id",
    "$comment", "$anchor",       "$defs",           "definitions",      "readOnly", "writeOnly", "deprecated",
    "nullable", "discriminator", "contentEncoding", "contentMediaType", "strict"};

json::object nothing() {
    return {{"enum", json::array()}};
}

bool is_integral(const json::value& v) {
    return v.is_int64() || v.is_uint64() || (v.is_double() && std::trunc(v.get_double()) == v.get_double());
}

bool is_type(std::string_view type, const json::value& v) {
    if (type == "integer") return is_integral(v);
    if (type == "number") return v.is_number();
    if (type == "string") return v.is_string();
    if (type == "boolean") return v.is_bool();
    if (type == "null") return v.is_null();
    if (type == "array") return v.is_array();
    return type == "object" && v.is_object();
}

json::array as_list(const json::value& v) {
    return v.is_array() ? v.get_array() : json::array{v};
}

bool holds(const json::array& list, const json::value& v) {
    return std::find(list.begin(), list.end(), v) != list.end();
}

// The types that both allow; integers are numbers.
json::array common_types(const json::array& a, const json::array& b) {
    json::array out;
    const auto add = [&out](const json::value& v) {
        if (!holds(out, v)) out.push_back(v);
    };
    for (const json::value& t : a) {
        if (holds(b, t) || (t == "integer" && holds(b, "number"))) add(t);
        if (t == "number" && holds(b, "integer")) add("integer");
    }
    return out;
}

json::array common_values(const json::array& a, const json::array& b) {
    json::array out;
    for (const json::value& v : a)
        if (holds(b, v)) out.push_back(v);
    return out;
}

bool says_nothing(const json::value& v) {
    return v == true || (v.is_object() && v.get_object().empty());
}

json::value both(const json::value& a, const json::value& b) {
    if (a == b || says_nothing(b)) return a;
    if (says_nothing(a)) return b;
    return json::object{{"allOf", json::array{a, b}}};
}

bool is_lower_bound(std::string_view k) {
    return k == "minimum" || k == "exclusiveMinimum" || k == "minLength" || k == "minItems";
}
bool is_upper_bound(std::string_view k) {
    return k == "maximum" || k == "exclusiveMaximum" || k == "maxLength" || k == "maxItems";
}
double number(const json::value& v) {
    return v.is_number() ? v.to_number<double>() : 0;
}

// Properties of either; those of both must fit both, and what only one names fits the other's
// additionalProperties.
json::object merge_properties(const json::object& a, const json::object& b) {
    const auto list = [](const json::object& o) {
        const json::value* p = o.if_contains("properties");
        return p && p->is_object() ? p->get_object() : json::object();
    };
    const json::object of_a = list(a), of_b = list(b);
    const auto others = [](const json::object& o, const json::value& v) {
        const json::value* rest = o.if_contains("additionalProperties");
        return rest ? both(v, *rest) : v;
    };
    json::object out;
    for (const auto& entry : of_a) {
        const json::value* same = of_b.if_contains(entry.key());
        out[entry.key()] = same ? both(entry.value(), *same) : others(b, entry.value());
    }
    for (const auto& entry : of_b)
        if (!of_a.contains(entry.key())) out[entry.key()] = others(a, entry.value());
    return out;
}

}  // namespace

Error schema_error(std::string message) {
    return {ErrorKind::invalid_request, std::move(message)};
}

bool is_annotation(std::string_view keyword) {
    return std::find(std::begin(kAnnotations), std::end(kAnnotations), keyword) != std::end(kAnnotations);
}

bool fits_type(const json::object& schema, const json::value& value) {
    const json::value* type = schema.if_contains("type");
    if (!type) return true;
    for (const json::value& t : as_list(*type))
        if (t.is_string() && is_type(t.get_string(), value)) return true;
    return false;
}

Result<void> SchemaAlgebra::work() {
    if (++work_ > kWork) return schema_error("the schema is too large");
    return {};
}

Result<const json::value*> SchemaAlgebra::resolve(std::string_view reference) {
    const Error missing = schema_error(fmt::format("`$ref` {:?} points to nothing in the schema", reference));
    if (!reference.starts_with('#'))
        return schema_error(fmt::format("`$ref` {:?} is outside of the schema", reference));
    std::string pointer;
    for (size_t i = 1; i < reference.size(); ++i) {  // as a URI fragment is written
        unsigned code = 0;
        const char* digits = reference.data() + i + 1;
        if (reference[i] == '%' && i + 2 < reference.size() &&
            std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
            pointer += static_cast<char>(code);
            i += 2;
        } else {
            pointer += reference[i];
        }
    }
    boost::system::error_code ec;
    const json::value* found = root_.find_pointer(pointer, ec);
    if (!found || ec) return missing;
    return found;
}

Result<json::object> SchemaAlgebra::flatten(const json::value& schema) {
    return flatten_within(schema, 0);
}

Result<json::object> SchemaAlgebra::flatten_within(const json::value& schema, int depth) {
    if (auto ok = work(); !ok) return ok.error();
    if (depth > kDepth) return schema_error("the schema's references and `allOf` are nested too deeply");
    if (schema.is_bool()) return schema.get_bool() ? json::object() : nothing();
    if (!schema.is_object()) return schema_error("a schema must be an object or true or false");
    json::object out;
    std::vector<const json::value*> parts;
    for (const auto& entry : schema.get_object()) {
        if (entry.key() == "$ref") {
            if (!entry.value().is_string()) return schema_error("`$ref` must be a string");
            const auto target = resolve(entry.value().get_string());
            if (!target) return target.error();
            parts.push_back(*target);
        } else if (entry.key() == "allOf") {
            if (!entry.value().is_array()) return schema_error("`allOf` must be a list");
            for (const json::value& part : entry.value().get_array()) parts.push_back(&part);
        } else if (entry.key() == "const") {
            parts.push_back(nullptr);
        } else {
            out[entry.key()] = entry.value();
        }
    }
    for (const json::value* part : parts) {
        auto flat = part ? flatten_within(*part, depth + 1)
                         : Result<json::object>(json::object{{"enum", json::array{schema.at("const")}}});
        if (!flat) return flat.error();
        auto merged = merge(std::move(out), *flat);
        if (!merged) return merged.error();
        out = std::move(*merged);
    }
    return out;
}

Result<json::object> SchemaAlgebra::merge(json::object a, const json::object& b) {
    if (auto ok = work(); !ok) return ok.error();
    if (a.contains("properties") || b.contains("properties")) a["properties"] = merge_properties(a, b);
    for (const auto& entry : b) {
        const std::string_view k(entry.key().data(), entry.key().size());
        json::value* mine = a.if_contains(k);
        if (k == "properties") continue;
        if (!mine) {
            a[k] = entry.value();
        } else if (is_annotation(k) || *mine == entry.value()) {
            continue;
        } else if (k == "type") {
            *mine = common_types(as_list(*mine), as_list(entry.value()));
            if (mine->get_array().empty()) return nothing();
        } else if (k == "enum" && mine->is_array() && entry.value().is_array()) {
            *mine = common_values(mine->get_array(), entry.value().get_array());
        } else if (k == "required" && mine->is_array() && entry.value().is_array()) {
            for (const json::value& name : entry.value().get_array())
                if (!holds(mine->get_array(), name)) mine->get_array().push_back(name);
        } else if (k == "additionalProperties" || k == "items") {
            *mine = both(*mine, entry.value());
        } else if (is_lower_bound(k)) {
            if (number(entry.value()) > number(*mine)) *mine = entry.value();
        } else if (is_upper_bound(k)) {
            if (number(entry.value()) < number(*mine)) *mine = entry.value();
        } else {
            return schema_error(fmt::format("`{}` twice with different values is not supported", k));
        }
    }
    return a;
}

Result<bool> SchemaAlgebra::disjoint(const json::value& a, const json::value& b) {
    return disjoint_within(a, b, 0);
}

Result<bool> SchemaAlgebra::disjoint_within(const json::value& a, const json::value& b, int depth) {
    const auto x = flatten(a), y = flatten(b);
    if (!x) return x.error();
    if (!y) return y.error();
    if (depth > 4) return false;
    for (const auto& [one, other] : {std::pair(&*x, &b), std::pair(&*y, &a)}) {
        for (const char* keyword : {"anyOf", "oneOf"}) {
            const json::value* options = one->if_contains(keyword);
            if (!options || !options->is_array()) continue;
            for (const json::value& option : options->get_array()) {
                const auto apart = disjoint_within(option, *other, depth + 1);
                if (!apart || !*apart) return apart;
            }
            return true;
        }
    }
    const json::value *type_x = x->if_contains("type"), *type_y = y->if_contains("type");
    if (type_x && type_y && common_types(as_list(*type_x), as_list(*type_y)).empty()) return true;
    const json::value *enum_x = x->if_contains("enum"), *enum_y = y->if_contains("enum");
    const auto none_fits = [](const json::value* values, const json::object& schema) {
        if (!values || !values->is_array()) return false;
        const auto& all = values->get_array();
        return std::none_of(all.begin(), all.end(),
                            [&](const json::value& v) { return fits_type(schema, v); });
    };
    if (none_fits(enum_x, *y) || none_fits(enum_y, *x)) return true;
    if (enum_x && enum_y && enum_x->is_array() && enum_y->is_array())
        return common_values(enum_x->get_array(), enum_y->get_array()).empty();
    // Objects on both sides: a property that one requires and the other cannot have or has otherwise.
    if (!type_x || !type_y || *type_x != "object" || *type_y != "object") return false;
    const auto apart_by = [&](const json::object& one, const json::object& other) -> Result<bool> {
        const json::value *required = one.if_contains("required"), *mine = one.if_contains("properties");
        const json::value *theirs = other.if_contains("properties"),
                          *rest = other.if_contains("additionalProperties");
        if (!required || !required->is_array()) return false;
        for (const json::value& name : required->get_array()) {
            if (!name.is_string()) continue;
            const json::value* there =
                theirs && theirs->is_object() ? theirs->get_object().if_contains(name.get_string()) : nullptr;
            if (!there && rest && rest->is_bool() && !rest->get_bool()) return true;
            const json::value* here =
                mine && mine->is_object() ? mine->get_object().if_contains(name.get_string()) : nullptr;
            if (!there || !here) continue;
            // Only required on one side: the other may leave it out, so it must be required there as well.
            const json::value* needed = other.if_contains("required");
            if (!needed || !needed->is_array() || !holds(needed->get_array(), name)) continue;
            const auto apart = disjoint_within(*here, *there, depth + 1);
            if (!apart) return apart.error();
            if (*apart) return true;
        }
        return false;
    };
    const auto first = apart_by(*x, *y);
    if (!first || *first) return first;
    return apart_by(*y, *x);
}

}  // namespace sluice::grammar
