#include "engine/answer_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <vector>

#include "engine/chat/tool_call.h"
#include "engine/grammar/free_text.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/json_text.h"
#include "engine/grammar/schema_algebra.h"

namespace sluice::engine {
namespace {

namespace json = boost::json;
using chat::ToolFormat;
using grammar::Builder;
using grammar::JsonText;
using grammar::Node;
using grammar::Stop;

constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>",
                           kFunction = "<function=", kThink = "<think>", kThinkEnd = "</think>",
                           kParameterEnd = "</parameter>";

const json::object& function_of(const json::value& tool) {
    return tool.at("function").as_object();
}
bool is_strict(const json::value& tool) {
    const json::value* strict = function_of(tool).if_contains("strict");
    return strict && *strict == true;
}

class AnswerGrammar {
  public:
    AnswerGrammar(Builder& b, const AnswerRules& rules) : b_(b), text_(b), rules_(rules) {}

    Result<Node> add() {
        auto body = add_body();
        if (!body) return body;
        const chat::AnswerFormat& format = rules_.options.format;
        const Node space = b_.repeat(text_.either({b_.literal("\n"), b_.literal(" ")}), 0, 4);
        const Stop end[] = {{kThinkEnd, text_.sequence({space, *body})}};
        if (rules_.options.in_reasoning) return grammar::add_text_until(b_, end, false);
        if (!format.reasoning) return body;
        const Node thought = text_.sequence({b_.literal(kThink), grammar::add_text_until(b_, end, false)});
        return text_.either({thought, *body});
    }

  private:
    Result<Node> add_body() {
        const bool calls = rules_.options.parse_tools && rules_.options.format.tools != ToolFormat::none;
        if (rules_.must_call && !calls) {
            return Error{ErrorKind::unsupported, "this model's template has no form for tool calls", "tools"};
        }
        std::vector<Node> options;
        if (rules_.content && !rules_.must_call) {
            auto content = rules_.content->add(b_);
            if (!content) return content;
            options.push_back(*content);
        } else if (!calls) {
            return grammar::add_any_text(b_);
        }
        if (!calls) return options.front();
        if (auto ok = add_tools(); !ok) return ok.error();
        if (!rules_.must_call && !rules_.content) return text_with_calls();
        options.push_back(only_calls());
        return b_.either(options);
    }

    // What every tool's call is, after "<tool_call>" or "<function=".
    Result<void> add_tools() {
        for (const json::value& tool : rules_.options.tools) {
            const json::object& function = function_of(tool);
            auto call = rules_.options.format.tools == ToolFormat::qwen3_coder_xml
                            ? xml_call(function, is_strict(tool))
                            : json_call(function, is_strict(tool));
            if (!call) {
                Error error = call.error();
                error.message = fmt::format("tool `{}`: {}",
                                            std::string_view(function.at("name").as_string()), error.message);
                error.param = "tools";
                return error;
            }
            calls_.push_back(*call);
        }
        return {};
    }

    Node line_break() { return b_.repeat(b_.literal("\n"), 0, 1); }
    Node one_call() {  // after "<tool_call>"
        const Node call = b_.either(calls_);
        const bool xml = rules_.options.format.tools == ToolFormat::qwen3_coder_xml;
        const Node inside = xml ? text_.sequence({b_.literal(kFunction), call}) : call;
        return text_.sequence({line_break(), inside, line_break(), b_.literal(kCallEnd)});
    }

    Node only_calls() {
        if (rules_.options.format.tools == ToolFormat::llama3_json) return b_.either(calls_);
        const Node call = text_.sequence({b_.literal(kCall), one_call()});
        if (!rules_.options.parallel) return call;
        return text_.sequence({call, b_.repeat(text_.sequence({line_break(), call}), 0)});
    }

    // Any text, in which whatever begins a call is one.
    Node text_with_calls() {
        const ToolFormat form = rules_.options.format.tools;
        if (form == ToolFormat::llama3_json) {
            const grammar::CodePointRange begins_call[] = {
                {'\t', '\n'}, {'\r', '\r'}, {' ', ' '}, {'{', '{'}};
            const Node prose = text_.sequence({b_.code_point(begins_call, true), grammar::add_any_text(b_)});
            return text_.either({b_.literal(""), prose, b_.either(calls_)});
        }
        const Node rest = rules_.options.parallel ? b_.rule("answer") : b_.literal("");
        std::vector<Stop> stops{{kCall, text_.sequence({one_call(), rest})}};
        // This model leaves out "<tool_call>" at times, and is understood.
        if (form == ToolFormat::qwen3_coder_xml) {
            const Node bare =
                text_.sequence({b_.either(calls_), line_break(), b_.repeat(b_.literal(kCallEnd), 0, 1)});
            stops.push_back({kFunction, text_.sequence({bare, rest})});
        }
        const Node answer = grammar::add_text_until(b_, stops, true);
        if (rules_.options.parallel) b_.define(rest, answer);
        return answer;
    }

    // The arguments' schema, which speaks of an object.
    static json::object parameters(const json::object& function) {
        const json::value* parameters = function.if_contains("parameters");
        json::object schema =
            parameters && parameters->is_object() ? parameters->get_object() : json::object();
        if (!schema.contains("type") && !schema.contains("$ref") && !schema.contains("allOf"))
            schema["type"] = "object";
        return schema;
    }

    Result<Node> json_call(const json::object& function, bool strict) {
        auto arguments = grammar::add_json_schema(b_, parameters(function));
        if (!arguments && strict) return arguments;
        const bool llama = rules_.options.format.tools == ToolFormat::llama3_json;
        const Node name = text_.pair(text_.key("name"), text_.exactly(function.at("name")));
        const Node values = text_.pair(text_.key(llama ? "parameters" : "arguments"),
                                       arguments ? *arguments : text_.object());
        const JsonText::Member members[] = {{name, true}, {values, true}};
        return text_.members(members, std::nullopt);
    }

    // NAME> <parameter=P> VALUE </parameter> ... </function>: parameters in the schema's order.
    Result<Node> xml_call(const json::object& function, bool strict) {
        const json::object schema = parameters(function);
        if (strict) {  // what this form does not write (`not`, `patternProperties`, ...) must not be lost
            if (auto whole = grammar::add_json_schema(b_, schema); !whole) return whole;
        }
        std::vector<Node> parts{b_.literal(std::string(function.at("name").as_string()) + ">\n")};
        const json::value root(schema);
        auto flat = grammar::SchemaAlgebra(root).flatten(root);
        if (!flat && strict) return flat.error();
        const json::value* listed = flat ? flat->if_contains("properties") : nullptr;
        const json::value* required = flat ? flat->if_contains("required") : nullptr;
        if (!flat) parts.push_back(b_.repeat(any_parameter(), 0));
        if (listed && listed->is_object()) {
            for (const auto& entry : listed->get_object()) {
                const std::string_view name(entry.key().data(), entry.key().size());
                auto value = xml_value(entry.value(), root, strict);
                if (!value) return value;
                const Node one = text_.sequence(
                    {b_.literal(fmt::format("<parameter={}>\n", name)), *value, b_.literal("\n")});
                const bool needed =
                    required && required->is_array() &&
                    std::ranges::find(required->get_array(), json::value(json::string(name))) !=
                        required->get_array().end();
                parts.push_back(needed ? one : b_.repeat(one, 0, 1));
            }
        }
        parts.push_back(b_.literal("</function>"));
        return b_.sequence(parts);
    }

    Node any_parameter() {
        const grammar::CodePointRange ends[] = {{'\n', '\n'}, {'<', '<'}, {'>', '>'}};
        const Node name = b_.repeat(b_.code_point(ends, true), 1, 64);
        return text_.sequence(
            {b_.literal("<parameter="), name, b_.literal(">\n"), raw_text(), b_.literal("\n")});
    }
    Node raw_text() {
        const Stop end[] = {{kParameterEnd, b_.literal("")}};
        return grammar::add_text_until(b_, end, false);
    }

    // A value with its closing tag. Where text is allowed it is written as it is, else as JSON.
    Result<Node> xml_value(const json::value& schema, const json::value& root, bool strict) {
        const chat::ArgumentType type(&schema, &root);
        const Node end = text_.sequence({b_.literal("\n"), b_.literal(kParameterEnd)});
        if (!type.allows_text()) {
            auto value = grammar::add_json_schema(b_, schema, root);
            if (value) return text_.sequence({*value, end});
            if (strict) return value;
            return raw_text();
        }
        auto written = grammar::add_unquoted(b_, schema, root);
        if (!written && strict) return written.error();
        if (!written || !*written) return raw_text();
        return text_.sequence({**written, end});
    }

    Builder& b_;
    JsonText text_;
    const AnswerRules& rules_;
    std::vector<Node> calls_;
};

}  // namespace

bool rule(const AnswerRules& rules) {
    if (rules.must_call || rules.content) return true;
    const chat::AnswerOptions& o = rules.options;
    if (!o.parse_tools || o.format.tools == ToolFormat::none) return false;
    return !o.parallel || std::ranges::any_of(o.tools, is_strict);
}

Result<Node> add_answer(Builder& builder, const AnswerRules& rules) {
    return AnswerGrammar(builder, rules).add();
}

Result<std::shared_ptr<grammar::Constraint>> constrain(const AnswerRules& rules,
                                                       grammar::Constraints& constraints) {
    const chat::AnswerOptions& o = rules.options;
    const std::string key =
        fmt::format("answer {} {} {} {} {} {}\n{}\n{}", static_cast<int>(o.format.tools), o.format.reasoning,
                    o.in_reasoning, o.parse_tools, o.parallel, rules.must_call,
                    rules.content ? rules.content->key : "", json::serialize(o.tools));
    return constraints.get(key, [&](Builder& b) { return add_answer(b, rules); });
}

}  // namespace sluice::engine
