#include "net/openai/structured.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <optional>
#include <vector>

#include "engine/grammar/all_of.h"
#include "engine/grammar/gbnf.h"
#include "engine/grammar/json_schema.h"
#include "net/json.h"
#include "net/openai/call.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;
using engine::ContentRule;
using grammar::Builder;
using grammar::Node;

constexpr int kSchemaDepth = 100;
constexpr size_t kChoices = 10'000;

Structured ruled(std::string param, std::string key, std::function<Result<Node>(Builder&)> add) {
    const auto rule = std::make_shared<ContentRule>(ContentRule{std::move(key), std::move(add)});
    return {std::move(param), rule};
}

Structured any_object(std::string param) {
    return ruled(std::move(param), "object",
                 [](Builder& b) -> Result<Node> { return grammar::add_json_object(b); });
}

Structured by_schema(std::string param, const json::value& schema) {
    return ruled(std::move(param), "schema " + json::serialize(schema),
                 [schema](Builder& b) { return grammar::add_json_schema(b, schema); });
}

Result<Structured> by_text(const std::string& param, const json::value& value, const char* kind,
                           Result<Node> (*add)(Builder&, std::string_view)) {
    if (!value.is_string()) return bad_field(param, "must be a string");
    std::string text(value.get_string());
    return ruled(param, fmt::format("{} {}", kind, text), [text, add](Builder& b) { return add(b, text); });
}

Result<Node> add_whole_regex(Builder& b, std::string_view pattern) {
    const grammar::Regex whole[] = {{pattern}};
    return grammar::AllOf(b).add(whole, grammar::Writing::raw);
}

Result<Structured> by_choice(const std::string& param, const json::value& value) {
    const Error error = bad_field(param, fmt::format("must be a list of 1 to {} strings", kChoices));
    if (!value.is_array() || value.get_array().empty() || value.get_array().size() > kChoices) return error;
    std::vector<std::string> choices;
    for (const json::value& one : value.get_array()) {
        if (!one.is_string() || one.get_string().empty()) return error;
        choices.emplace_back(one.get_string());
    }
    return ruled(param, "choice " + json::serialize(value), [choices](Builder& b) -> Result<Node> {
        std::vector<Node> options;
        for (const std::string& choice : choices) options.push_back(b.literal(choice));
        return b.either(options);
    });
}

// A schema, or its text.
Result<Structured> by_schema_or_text(const std::string& param, const json::value& value) {
    if (!value.is_string()) return by_schema(param, value);
    const auto parsed = parse_json(value.get_string(), kSchemaDepth);
    if (!parsed) return bad_field(param, "must be a JSON Schema");
    return by_schema(param, *parsed);
}

Result<Structured> by_name(std::string_view name, const std::string& param, const json::value& value) {
    if (name == "json") return by_schema_or_text(param, value);
    if (name == "regex") return by_text(param, value, "regex", add_whole_regex);
    if (name == "choice") return by_choice(param, value);
    if (name == "grammar") return by_text(param, value, "gbnf", grammar::add_gbnf);
    if (name == "json_object") {
        if (!value.is_bool()) return bad_field(param, "must be true or false");
        return value.get_bool() ? any_object(param) : Structured{};
    }
    return Error{ErrorKind::unsupported, fmt::format("`{}` is not supported", param), param};
}

Result<Structured> read_response_format(const json::value& format) {
    const json::object* object = format.if_object();
    const json::value* type = object ? present(*object, "type") : nullptr;
    if (!type || !type->is_string()) return bad_field("response_format", "must be an object with a `type`");
    if (*type == "text") return Structured{};
    if (*type == "json_object") {
        // llama.cpp and others take a schema here.
        const json::value* schema = present(*object, "schema");
        return schema ? by_schema("response_format.schema", *schema) : any_object("response_format");
    }
    if (*type != "json_schema") {
        return Error{ErrorKind::unsupported,
                     fmt::format("`response_format` of type `{}` is not supported",
                                 std::string_view(type->get_string())),
                     "response_format"};
    }
    const json::value* inner = present(*object, "json_schema");
    if (!inner || !inner->is_object()) return bad_field("response_format.json_schema", "must be an object");
    const json::value* name = present(inner->get_object(), "name");
    if (name && !name->is_string()) return bad_field("response_format.json_schema.name", "must be a string");
    const json::value* schema = present(inner->get_object(), "schema");
    return schema ? by_schema("response_format.json_schema.schema", *schema) : any_object("response_format");
}

// vLLM: an object with one of json, regex, choice, grammar, json_object.
Result<Structured> read_structured_outputs(const json::value& value) {
    if (!value.is_object()) return bad_field("structured_outputs", "must be an object");
    Structured out;
    for (const auto& entry : value.get_object()) {
        if (entry.value().is_null()) continue;
        const std::string_view name(entry.key().data(), entry.key().size());
        if (name == "disable_any_whitespace" || name == "disable_additional_properties" ||
            name == "whitespace_pattern" || name == "disable_fallback")
            continue;  // of vLLM's own engines
        auto one = by_name(name, fmt::format("structured_outputs.{}", name), entry.value());
        if (!one) return one;
        if (out.rule && one->rule) return bad_field("structured_outputs", "asks for two things at once");
        if (one->rule) out = std::move(*one);
    }
    return out;
}

}  // namespace

Result<Structured> read_structured(const json::object& body) {
    Structured out;
    const auto take = [&out](Result<Structured> one) -> Result<void> {
        if (!one) return one.error();
        if (out.rule && one->rule)
            return bad_field(one->param, fmt::format("cannot be combined with `{}`", out.param));
        if (one->rule) out = std::move(*one);
        return {};
    };
    if (const json::value* format = present(body, "response_format")) {
        if (auto ok = take(read_response_format(*format)); !ok) return ok.error();
    }
    if (const json::value* value = present(body, "structured_outputs")) {
        if (auto ok = take(read_structured_outputs(*value)); !ok) return ok.error();
    }
    struct Name {
        const char *field, *meaning;
    };
    for (const Name& name :
         {Name{"guided_json", "json"}, Name{"guided_regex", "regex"}, Name{"guided_choice", "choice"},
          Name{"guided_grammar", "grammar"}, Name{"grammar", "grammar"}}) {
        const json::value* value = present(body, name.field);
        if (!value) continue;
        if (auto ok = take(by_name(name.meaning, name.field, *value)); !ok) return ok.error();
    }
    return out;
}

Result<void> constrain(engine::Request& request, const engine::AnswerRules& rules, const std::string& param,
                       const engine::Frontend& frontend) {
    if (!engine::rule(rules)) return {};
    auto made = engine::constrain(rules, frontend.constraints());
    if (!made) {
        Error error = made.error();
        if (error.param.empty()) error.param = rules.content ? param : "tools";
        if (rules.content) error.message = fmt::format("`{}`: {}", error.param, error.message);
        return error;
    }
    request.constraint = std::move(*made);
    return {};
}

}  // namespace sluice::net::openai
