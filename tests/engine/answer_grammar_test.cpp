#include "engine/answer_grammar.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/grammar/json_schema.h"
#include "grammar/matching.h"

namespace sluice::engine {
namespace {

namespace json = boost::json;
using chat::ToolFormat;
using grammar::Match;

const json::array kTools = json::parse(R"([
  {"type": "function", "function": {"name": "weather", "strict": true, "parameters": {"type": "object",
   "properties": {
    "city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 9},
    "unit": {"type": "string", "enum": ["C", "F"]}, 
    "code": {"anyOf": [{"type": "string", "pattern": "^[a-z]{2}$"}, {"type": "null"}]},
    "places": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2}},
    "required": ["city", "days", "unit"], "additionalProperties": false}}},
  {"type": "function", "function": {"name": "clock"}}])")
                               .as_array();

AnswerRules rules(ToolFormat format, bool must_call = true, bool parallel = true) {
    AnswerRules out;
    out.options.format.tools = format;
    out.options.parallel = parallel;
    out.options.tools = kTools;
    out.must_call = must_call;
    return out;
}

std::shared_ptr<const grammar::Automaton> automaton(const AnswerRules& r) {
    grammar::Builder b;
    const auto start = add_answer(b, r);
    EXPECT_TRUE(start) << (start ? "" : start.error().message);
    auto made = b.finish(*start);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return *made;
}

struct Read {
    std::string content, reasoning;
    std::vector<std::pair<std::string, std::string>> calls;
    bool all_ended = true;
    int failures = 0;
};

Read read(const AnswerRules& r, const std::string& text) {
    chat::AnswerParser parser(r.options);
    std::vector<chat::AnswerPart> parts;
    parser.push(text, parts);
    parser.finish(parts);
    Read out;
    size_t ended = 0;
    for (const auto& part : parts) {
        if (const auto* c = std::get_if<chat::ContentDelta>(&part)) out.content += c->text;
        if (const auto* c = std::get_if<chat::ReasoningDelta>(&part)) out.reasoning += c->text;
        if (const auto* c = std::get_if<chat::CallBegun>(&part)) out.calls.emplace_back(c->name, "");
        if (const auto* c = std::get_if<chat::CallArguments>(&part)) out.calls.back().second += c->text;
        ended += std::holds_alternative<chat::CallEnded>(part);
    }
    out.all_ended = ended == out.calls.size();
    out.failures = parser.parse_failures();
    return out;
}

// A text at random that hurries to its end; of free text chance alone would not find the closing tag.
std::string random_text(const std::shared_ptr<const grammar::Automaton>& of, bool xml, std::mt19937& random) {
    grammar::Positions positions(of);
    std::string text;
    int32_t place = positions.start();
    const auto go = [&](std::string_view bytes) {
        int32_t to = place;
        for (const char c : bytes) to = positions.next(to, static_cast<uint8_t>(c));
        if (to == grammar::Positions::kNowhere) return false;
        text += bytes;
        place = to;
        return true;
    };
    while (positions.can_go_on(place)) {
        if (positions.can_end(place) && (text.size() > 300 || random() % 5 == 0)) break;
        if (text.size() > 5'000) return {};
        const bool hurry = text.size() > 300 || random() % 4 == 0;
        if (hurry && ((xml && go("</parameter>")) || go("\"") || go("}") || go("]"))) continue;
        std::string bytes;
        for (int b = 1; b < 128; ++b) {
            if (positions.next(place, static_cast<uint8_t>(b)) != grammar::Positions::kNowhere)
                bytes += static_cast<char>(b);
        }
        if (bytes.empty() || !go(std::string(1, bytes[random() % bytes.size()]))) return {};
    }
    return text;
}

TEST(AnswerGrammar, WhatTheModelsWroteIsTaken) {
    const std::string hermes =
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\", \"days\": 3, \"unit\": "
        "\"C\"}}\n</tool_call>";
    const std::string coder =
        "<tool_call>\n<function=weather>\n<parameter=city>\nOslo "
        "<b>\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
        "<parameter=unit>\nC\n</parameter>\n<parameter=code>\nno\n</parameter>\n</function>\n</tool_call>";
    const std::string llama =
        R"({"name": "weather", "parameters": {"city": "Oslo", "days": 3, "unit": "C"}})";
    struct Case {
        ToolFormat format;
        std::string call;
    };
    for (const auto& [format, call] :
         {Case{ToolFormat::hermes_json, hermes}, Case{ToolFormat::qwen3_coder_xml, coder},
          Case{ToolFormat::llama3_json, llama}}) {
        const auto must = automaton(rules(format)), may = automaton(rules(format, false));
        EXPECT_EQ(match(must, call), Match::whole) << call;
        EXPECT_EQ(match(may, call), Match::whole) << call;
        EXPECT_EQ(match(must, "Let me see."), Match::no);
        EXPECT_EQ(match(may, "Let me see."), Match::whole);
        EXPECT_EQ(match(must, ""), Match::begun);
        std::string wrong = call;
        wrong.replace(wrong.find("weather"), 7, "weathes");
        EXPECT_EQ(match(must, wrong), Match::no);
        EXPECT_EQ(match(may, wrong), Match::no);
        if (format == ToolFormat::llama3_json) continue;
        EXPECT_EQ(match(must, call + "\n" + call), Match::whole);
        EXPECT_EQ(match(may, "First: " + call + "\n" + call + " and more"), Match::whole);
        EXPECT_EQ(match(automaton(rules(format, true, false)), call + "\n"), Match::no);
        EXPECT_EQ(match(automaton(rules(format, false, false)), "First: " + call + "\n"), Match::no);
    }
}

// Whatever a grammar of calls allows is read as calls of the offered tools with arguments that fit.
TEST(AnswerGrammar, WhatItAllowsIsReadAsCalls) {
    const json::value root(kTools[0].at("function").at("parameters"));
    grammar::Builder b;
    const auto arguments = *b.finish(*grammar::add_json_schema(b, root));
    std::mt19937 random(5);
    for (const ToolFormat format :
         {ToolFormat::hermes_json, ToolFormat::qwen3_coder_xml, ToolFormat::llama3_json}) {
        const AnswerRules r = rules(format);
        const auto grammar = automaton(r);
        int texts = 0, weather = 0;
        for (int i = 0; i < 400; ++i) {
            const std::string text = random_text(grammar, format == ToolFormat::qwen3_coder_xml, random);
            if (text.empty()) continue;  // did not find its end
            ++texts;
            const Read out = read(r, text);
            ASSERT_TRUE(out.all_ended && out.failures == 0 && !out.calls.empty()) << text;
            EXPECT_EQ(out.content, "") << text;
            for (const auto& [name, values] : out.calls) {
                ASSERT_TRUE(name == "weather" || name == "clock") << text;
                boost::system::error_code ec;
                ASSERT_TRUE(json::parse(values, ec).is_object()) << values << " of " << text;
                if (name != "weather") continue;
                ++weather;
                EXPECT_EQ(match(arguments, values), Match::whole) << values << " of " << text;
            }
        }
        EXPECT_GT(texts, 150) << static_cast<int>(format);
        EXPECT_GT(weather, 30) << static_cast<int>(format);
    }
}

TEST(AnswerGrammar, ThoughtsComeFirst) {
    AnswerRules r = rules(ToolFormat::hermes_json);
    r.options.format.reasoning = true;
    const std::string call = "<tool_call>\n{\"name\": \"clock\", \"arguments\": {}}\n</tool_call>";
    EXPECT_EQ(match(automaton(r), "<think>\nwhich {tool}?\n</think>\n\n" + call), Match::whole);
    EXPECT_EQ(match(automaton(r), call), Match::whole);
    r.options.in_reasoning = true;
    EXPECT_EQ(match(automaton(r), "which?\n</think>\n\n" + call), Match::whole);
    EXPECT_EQ(match(automaton(r), "which? " + call), Match::begun) << "still thinking";
    EXPECT_EQ(match(automaton(r), "</think>Done."), Match::no);
}

TEST(AnswerGrammar, ContentOrCalls) {
    AnswerRules r = rules(ToolFormat::hermes_json, false);
    r.content = std::make_shared<ContentRule>(
        ContentRule{"yes", [](grammar::Builder& b) -> Result<grammar::Node> { return b.literal("yes"); }});
    EXPECT_EQ(match(automaton(r), "yes"), Match::whole);
    EXPECT_EQ(match(automaton(r), "<tool_call>\n{\"name\": \"clock\", \"arguments\": {}}\n</tool_call>"),
              Match::whole);
    EXPECT_EQ(match(automaton(r), "no"), Match::no);
    r.options.parse_tools = false;
    EXPECT_EQ(match(automaton(r), "<"), Match::no);
}

TEST(AnswerGrammar, KnowsWhenThereIsNothingToRule) {
    EXPECT_TRUE(rule(rules(ToolFormat::hermes_json, false)));  // a tool is strict
    AnswerRules r = rules(ToolFormat::hermes_json, false);
    r.options.tools = {kTools[1]};
    EXPECT_FALSE(rule(r));
    r.options.parallel = false;
    EXPECT_TRUE(rule(r));
    r.options.format.tools = ToolFormat::none;
    EXPECT_FALSE(rule(r));
    r.must_call = true;
    grammar::Builder b;
    const auto none = add_answer(b, r);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message, "this model's template has no form for tool calls");
}

TEST(AnswerGrammar, NamesTheToolThatCannotBeKept) {
    AnswerRules r = rules(ToolFormat::qwen3_coder_xml);
    const json::value unsupported[] = {
        json::parse(R"({"type": "object", "properties": {"a": {"type": "string", "not": {"const": "x"}}}})"),
        json::parse(R"({"type": "object", "not": {"required": ["a"]}})"),
        json::parse(R"({"patternProperties": {"^a": {"type": "string"}}})")};
    const ToolFormat formats[] = {ToolFormat::hermes_json, ToolFormat::qwen3_coder_xml};
    for (int i = 0; i < 12; ++i) {
        const bool strict = i % 2 == 0;
        json::object function{{"name", "f"}, {"strict", strict}, {"parameters", unsupported[i / 4]}};
        r.options.tools = {json::object{{"type", "function"}, {"function", std::move(function)}}};
        r.options.format.tools = formats[i / 2 % 2];
        grammar::Builder b;
        const auto made = add_answer(b, r);
        ASSERT_EQ(made.has_value(), !strict) << i;
        if (made) continue;
        EXPECT_NE(made.error().message.find("tool `f`: "), std::string::npos) << made.error().message;
    }
}

}  // namespace
}  // namespace sluice::engine
