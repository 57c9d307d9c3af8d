// Answers read in pieces: whatever the pieces, the message is the same, and no text is lost.
#include "engine/chat/answer_parser.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <random>

namespace sluice::chat {
namespace {

struct Call {
    std::string name, arguments;
    bool ended = false;
    bool operator==(const Call&) const = default;
};
struct Read {
    std::string content, reasoning;
    std::vector<Call> calls;
    int32_t failures = 0;
    std::vector<size_t> order;  // the kinds of parts, neighbours joined
    bool operator==(const Read&) const = default;
};

const boost::json::array& tools() {
    static const boost::json::array made = boost::json::parse(R"([
      {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object",
        "$defs": {"unit": {"enum": ["C", "F"]}},
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "ratio": {"type": "number"},
          "flag": {"type": "boolean"}, "list": {"type": "array"}, "map": {"type": "object"},
          "unit": {"$ref": "#/$defs/unit"}, "maybe": {"type": ["integer", "null"]},
          "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
          "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}}}},
      {"type": "function", "function": {"name": "now"}}])")
                                               .as_array();
    return made;
}

AnswerOptions options(ToolFormat format, bool reasoning = false) {
    AnswerOptions out;
    out.format = {format, reasoning};
    out.tools = tools();
    return out;
}

Read read(const AnswerOptions& how, const std::vector<std::string>& pieces) {
    AnswerParser parser(how);
    std::vector<AnswerPart> parts;
    for (const std::string& piece : pieces) parser.push(piece, parts);
    parser.finish(parts);
    Read out;
    for (const AnswerPart& part : parts) {
        out.order.push_back(part.index());
        if (const auto* content = std::get_if<ContentDelta>(&part)) out.content += content->text;
        if (const auto* reasoning = std::get_if<ReasoningDelta>(&part)) out.reasoning += reasoning->text;
        if (const auto* begun = std::get_if<CallBegun>(&part)) {
            EXPECT_EQ(begun->index, static_cast<int32_t>(out.calls.size()));
            out.calls.push_back({begun->name, {}});
        }
        if (const auto* arguments = std::get_if<CallArguments>(&part))
            out.calls.at(static_cast<size_t>(arguments->index)).arguments += arguments->text;
        if (const auto* ended = std::get_if<CallEnded>(&part))
            out.calls.at(static_cast<size_t>(ended->index)).ended = true;
    }
    out.failures = parser.parse_failures();
    for (const Call& call : out.calls) {
        boost::json::error_code ec;
        if (!call.ended) continue;
        const auto value = boost::json::parse(call.arguments, ec);
        EXPECT_TRUE(!ec && value.is_object()) << call.arguments;
    }
    return out;
}

Read read(const AnswerOptions& how, const std::string& text) {
    return read(how, std::vector<std::string>{text});
}

std::string xml(const std::string& parameters, const std::string& name = "get_weather") {
    return "<tool_call>\n<function=" + name + ">\n" + parameters + "</function>\n</tool_call>";
}
std::string parameter(const std::string& name, const std::string& value) {
    return "<parameter=" + name + ">\n" + value + "\n</parameter>\n";
}
const std::string kHermes =
    "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call>";

TEST(Xml, OneCall) {
    const Read r =
        read(options(ToolFormat::qwen3_coder_xml), "Let me look.\n\n" + xml(parameter("city", "Bern")));
    EXPECT_EQ(r.content, "Let me look.");
    ASSERT_EQ(r.calls.size(), 1u);
    EXPECT_EQ(r.calls[0], (Call{"get_weather", R"({"city": "Bern"})", true}));
}

TEST(Xml, NoParametersAreAnEmptyObject) {
    const Read r = read(options(ToolFormat::qwen3_coder_xml), xml("", "now"));
    ASSERT_EQ(r.calls.size(), 1u);
    EXPECT_EQ(r.calls[0], (Call{"now", "{}", true}));
}

TEST(Xml, TypesFollowTheSchema) {
    const std::pair<std::pair<std::string, std::string>, std::string> rows[] = {
        {{"city", "007"}, R"("007")"},
        {{"city", "true"}, R"("true")"},
        {{"days", "3"}, "3"},
        {{"days", "three"}, R"("three")"},
        {{"days", "5.0"}, "5.0"},
        {{"days", "123456789012345678901234"}, "123456789012345678901234"},
        {{"either", "1e5"}, R"("1e5")"},
        {{"ratio", "1e5"}, "1e5"},
        {{"flag", "True"}, "true"},
        {{"flag", "false"}, "false"},
        {{"list", "['a', \"b\", None]"}, R"(["a", "b", null])"},
        {{"map", "{'it': 'it\\'s'}"}, R"({"it": "it's"})"},
        {{"maybe", "None"}, "null"},
        {{"maybe", "4"}, "4"},
        {{"note", "None"}, "null"},
        {{"note", "null"}, "null"},
        {{"note", "nullable"}, R"("nullable")"},
        {{"note", ""}, R"("")"},
        {{"either", "5"}, "5"},
        {{"either", "five"}, R"("five")"},
        {{"unit", "C"}, R"("C")"},
        {{"other", "[1]"}, "[1]"},
        {{"other", "words"}, R"("words")"}};
    for (const auto& [in, want] : rows) {
        const Read r = read(options(ToolFormat::qwen3_coder_xml), xml(parameter(in.first, in.second)));
        ASSERT_EQ(r.calls.size(), 1u) << in.second;
        EXPECT_EQ(r.calls[0].arguments, "{\"" + in.first + "\": " + want + "}");
    }
}

// A schema that refers to itself many times over: looking at all ways through it would never end.
TEST(Xml, SchemasInCirclesEnd) {
    std::string many = R"({"$ref": "#/$defs/a"})";
    for (int i = 0; i < 100; ++i) many += R"(, {"$ref": "#/$defs/a"})";
    AnswerOptions how = options(ToolFormat::qwen3_coder_xml);
    how.tools = boost::json::parse(R"([{"type": "function", "function": {"name": "f", "parameters": {
      "$defs": {"a": {"anyOf": [)" +
                                   many + R"(]}}, "properties": {"x": {"$ref": "#/$defs/a"}}}}}])")
                    .as_array();
    const Read r = read(how, xml(parameter("x", "[1]"), "f"));
    ASSERT_EQ(r.calls.size(), 1u);
    EXPECT_EQ(r.calls[0].arguments, R"({"x": [1]})");
}

TEST(Xml, ValuesMayHoldMarkup) {
    for (const std::string& value :
         std::vector<std::string>{"a </parameter> b", "<function=x>", "</tool_call>", "</function> and more",
                                  "<b>x</b> <![CDATA[ ]]>", "```\ncode\n```", "  indented\n\n  kept  ",
                                  "one\r\ntwo", "quote \" and \\ back", "<parameter=x> here",
                                  "a line\n<parameter=x>\nof no parameter", "one\n<parameter=city>\nagain"}) {
        const Read r = read(options(ToolFormat::qwen3_coder_xml), xml(parameter("city", value)));
        ASSERT_EQ(r.calls.size(), 1u) << value;
        EXPECT_EQ(boost::json::parse(r.calls[0].arguments).at("city").as_string(), value);
        EXPECT_EQ(r.content, "");
    }
}

TEST(Xml, ForgottenTags) {
    const AnswerOptions how = options(ToolFormat::qwen3_coder_xml);
    const Call want{"get_weather", R"({"city": "Bern", "days": 2})", true};
    const std::string days = parameter("days", "2");
    for (const std::string& text : std::vector<std::string>{
             "<function=get_weather>\n" + parameter("city", "Bern") + days + "</function>",
             "<tool_call>\n<function=get_weather>\n<parameter=city>\nBern\n" + days +
                 "</function>\n</tool_call>",
             "<tool_call><function=get_weather><parameter=city>Bern</parameter><parameter=days>2</parameter>"
             "</function></tool_call>"}) {
        const Read r = read(how, text);
        ASSERT_EQ(r.calls.size(), 1u) << text;
        EXPECT_EQ(r.calls[0], want) << text;
        EXPECT_EQ(r.content, "") << text;
    }
}

TEST(Xml, ForgottenTagsOfTwoCalls) {
    const Read r =
        read(options(ToolFormat::qwen3_coder_xml),
             "<function=get_weather>\n<parameter=city>\nBern\n</function>\n<function=now>\n</function>");
    ASSERT_EQ(r.calls.size(), 2u);
    EXPECT_EQ(r.calls[0], (Call{"get_weather", R"({"city": "Bern"})", true}));
    EXPECT_EQ(r.calls[1], (Call{"now", "{}", true}));
}

// A name is no call: nothing may be run that the model did not ask for.
TEST(Xml, AMentionIsNoCall) {
    for (const std::string& text : std::vector<std::string>{
             "The markup `<function=now>` calls a tool.", "<function=now> is how it begins",
             "<tool_call>\n<function=get_weather>\n{\"city\": \"Bern\"}\n</function>\n</tool_call>",
             "<tool_call>\n<function=get_weather>\n<parameter=city\nBern\n</parameter>\n</function>",
             "<tool_call>\n<function=nobody>\n</function>\n</tool_call>", "<function=now>"}) {
        const Read r = read(options(ToolFormat::qwen3_coder_xml), text);
        EXPECT_TRUE(r.calls.empty()) << text;
        EXPECT_EQ(r.content, text);
    }
}

TEST(Xml, CutValuesStayAsTheyAre) {
    const AnswerOptions how = options(ToolFormat::qwen3_coder_xml);
    const std::string head = "<tool_call>\n<function=get_weather>\n";
    EXPECT_EQ(read(how, head + "<parameter=list>\n[1, 2").calls.at(0),
              (Call{"get_weather", R"({"list": [1, 2)", false}));
    EXPECT_EQ(read(how, head + "<parameter=city>\nBe").calls.at(0),
              (Call{"get_weather", R"({"city": "Be)", false}));
}

TEST(Xml, TextThatMayBeNullIsStreamed) {
    AnswerParser parser(options(ToolFormat::qwen3_coder_xml));
    std::vector<AnswerPart> parts;
    parser.push("<tool_call>\n<function=get_weather>\n<parameter=note>\nnobody", parts);
    ASSERT_EQ(parts.size(), 2u);
    EXPECT_EQ(std::get<CallArguments>(parts[1]).text, "{\"note\": \"nobody");
}

TEST(Xml, TheFirstOfTwoCounts) {
    const Read r = read(options(ToolFormat::qwen3_coder_xml),
                        xml(parameter("city", "Bern") + parameter("city", "Rome") + parameter("days", "1")));
    EXPECT_EQ(r.calls.at(0).arguments, R"({"city": "Bern", "days": 1})");
}

TEST(Hermes, CallsAndTheirOrder) {
    const AnswerOptions how = options(ToolFormat::hermes_json);
    EXPECT_EQ(read(how, kHermes).calls.at(0), (Call{"get_weather", R"({"city": "Bern"})", true}));
    EXPECT_EQ(read(how, kHermes + "\n" + kHermes).calls.size(), 2u);
    const Read turned =
        read(how, "<tool_call>\n{\"arguments\": {\"days\": 1}, \"name\": \"get_weather\"}\n</tool_call>");
    EXPECT_EQ(turned.calls.at(0), (Call{"get_weather", R"({"days": 1})", true}));
    const Read quoted = read(how, R"(<tool_call>{"name": "now", "arguments": "{\"a\": 1}"}</tool_call>)");
    EXPECT_EQ(quoted.calls.at(0), (Call{"now", R"({"a": 1})", true}));
    EXPECT_EQ(read(how, R"(<tool_call>{"name": "now"}</tool_call>)").calls.at(0), (Call{"now", "{}", true}));
}

TEST(Hermes, OneBraceTooManyIsForgivenAndNoMore) {
    const AnswerOptions how = options(ToolFormat::hermes_json);
    for (const std::string& call : std::vector<std::string>{R"({"name": "now", "arguments": {}})",
                                                            R"({"arguments": {}, "name": "now"})"}) {
        EXPECT_EQ(read(how, "<tool_call>" + call + "}").content, "");
        const Read r = read(how, "<tool_call>" + call + "}}");
        EXPECT_EQ(r.calls.at(0), (Call{"now", "{}", true}));
        EXPECT_EQ(r.content, "}");
    }
    const std::string escaped = R"(<tool_call>{"argum\u0065nts": {"a": 1}, "name": "now"}</tool_call>)";
    EXPECT_EQ(read(how, escaped).content, escaped);
}

TEST(Hermes, WhatIsNoCallStaysText) {
    for (const std::string& text : std::vector<std::string>{
             "<tool_call>\n{\"name\": \"nobody\", \"arguments\": {}}\n</tool_call>",
             "<tool_call>\nnot JSON\n</tool_call>", "<tool_call>\n{\"name\": 3}\n</tool_call>",
             "a <tool_ca b", "<tool_call>{\"name\": \"get_weather\", ", "1 < 2"}) {
        const Read r = read(options(ToolFormat::hermes_json), text);
        EXPECT_TRUE(r.calls.empty()) << text;
        EXPECT_EQ(r.content, text);
    }
}

TEST(Hermes, ArgumentsStayAsWritten) {
    const std::string arguments =
        R"({"n": 123456789012345678901234,  "f": 1.50, "s": "\u00e9 \" }", "l": [{}]})";
    for (const std::string& text : std::vector<std::string>{
             R"({"name": "now", "arguments": )" + arguments + "}",
             R"({"arguments": )" + arguments + R"(, "name": "now"})",
             R"({"id": {"arguments": 1}, "arguments": )" + arguments + R"(, "name": "now"})"}) {
        const Read r = read(options(ToolFormat::hermes_json), "<tool_call>\n" + text + "\n</tool_call>");
        EXPECT_EQ(r.calls.at(0), (Call{"now", arguments, true})) << text;
        EXPECT_EQ(r.content, "") << text;
    }
}

TEST(Hermes, SmallMistakesAreForgiven) {
    const std::string head = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": ";
    const std::pair<std::string, std::string> rows[] = {
        {"{\"days\": 1}\n</tool_call>", R"({"days": 1})"},      // a brace is missing
        {"{\"days\": 1}}}\n</tool_call>\n", R"({"days": 1})"},  // one too many
        {"{\"days\": 1}}", R"({"days": 1})"},                   // no end
        {"{\"city\": \"a\nb\\\n\"}}</tool_call>", ""},          // an escaped line break is none of JSON's
        {"{\"city\": \"a\r\n\tb\"}}\n</tool_call>", R"({"city": "a\r\n\tb"})"}};
    for (const auto& [text, want] : rows) {
        const Read r = read(options(ToolFormat::hermes_json), head + text);
        if (want.empty()) {
            EXPECT_FALSE(r.calls.at(0).ended);
            continue;
        }
        EXPECT_EQ(r.calls.at(0), (Call{"get_weather", want, true})) << text;
        EXPECT_EQ(r.content, "") << text;
    }
}

TEST(Hermes, ACallMayFollowWhatIsNone) {
    for (const ToolFormat format : {ToolFormat::hermes_json, ToolFormat::qwen3_coder_xml}) {
        const std::string call = format == ToolFormat::hermes_json ? kHermes : xml(parameter("city", "Bern"));
        for (const std::string& before :
             std::vector<std::string>{"<tool_call>\n", "<tool_call>", "<tool_call>{"}) {
            const Read r = read(options(format), before + call);
            ASSERT_EQ(r.calls.size(), 1u) << before;
            EXPECT_EQ(r.calls[0], (Call{"get_weather", R"({"city": "Bern"})", true}));
            EXPECT_EQ(r.failures, 1);
        }
    }
}

TEST(Hermes, TextAfterACallIsKeptApart) {
    const AnswerOptions how = options(ToolFormat::hermes_json);
    EXPECT_EQ(read(how, "I look.\n" + kHermes + "\n\nDone.").content, "I look.\n\nDone.");
    EXPECT_EQ(read(how, kHermes + "\n\nDone.\n" + kHermes + "\n").content, "Done.");
}

TEST(Hermes, CutArgumentsStayAsTheyAre) {
    const Read r = read(options(ToolFormat::hermes_json),
                        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Be");
    EXPECT_EQ(r.calls.at(0), (Call{"get_weather", "{\"city\": \"Be", false}));
}

TEST(Hermes, ACutEndIsNoContent) {
    const AnswerOptions how = options(ToolFormat::hermes_json);
    for (size_t size = kHermes.rfind('<'); size <= kHermes.size(); ++size)
        EXPECT_EQ(read(how, kHermes.substr(0, size)).content, "") << size;
    EXPECT_EQ(read(how, kHermes + "\n<b").content, "<b");
}

TEST(Llama3, TheWholeAnswerIsACall) {
    const AnswerOptions how = options(ToolFormat::llama3_json);
    EXPECT_EQ(read(how, R"({"name": "get_weather", "parameters": {"city": "Bern"}})").calls.at(0),
              (Call{"get_weather", R"({"city": "Bern"})", true}));
    EXPECT_EQ(
        read(how, R"({"name": "now", "parameters": {}}; {"name": "now", "parameters": {}})").calls.size(),
        2u);
    EXPECT_EQ(read(how, R"({"answer": 4})").content, R"({"answer": 4})");
    EXPECT_EQ(read(how, R"( <|python_tag|> {"name": "now"})").calls.size(), 1u);
    for (const std::string text : {R"( <|python_tag|> print("x"))", "<|python", " <|python_tag|> {\"a\": 1}"})
        EXPECT_EQ(read(how, text).content, text);
}

TEST(Reasoning, IsSplitOff) {
    const AnswerOptions how = options(ToolFormat::hermes_json, true);
    const Read r = read(how, "<think>\nI wonder.\n</think>\n\nHello </think>there");
    EXPECT_EQ(r.reasoning, "I wonder.");
    EXPECT_EQ(r.content, "Hello there");
    EXPECT_EQ(read(how, "<think>\na\n</think>\n\n</think>\n\nb `</think>`").content, "b `</think>`");
    const Read after = read(how, "<think>\na\n" + kHermes + "\n</think>\n\nb");
    EXPECT_EQ(after.calls.size(), 1u);
    EXPECT_EQ(after.content, "b");
    EXPECT_EQ(read(how, "<think>never closed").reasoning, "never closed");
    const Read inside = read(how, "<think>so\n" + kHermes);
    EXPECT_EQ(inside.reasoning, "so");
    EXPECT_EQ(inside.calls.size(), 1u);
    AnswerOptions open = how;
    open.in_reasoning = true;
    const Read opened = read(open, "hm\n</think>\n\nyes");
    EXPECT_EQ(opened.reasoning + "|" + opened.content, "hm|yes");
}

TEST(Options, ToolsOffAndOneCall) {
    AnswerOptions off = options(ToolFormat::hermes_json);
    off.parse_tools = false;
    EXPECT_EQ(read(off, "a\n" + kHermes).content, "a\n" + kHermes);
    AnswerOptions one = options(ToolFormat::hermes_json);
    one.parallel = false;
    const Read r = read(one, kHermes + "\n" + kHermes + " more");
    EXPECT_EQ(r.calls.size(), 1u);
    EXPECT_EQ(r.content, "");
}

// Texts made of the pieces that matter, whole and mutilated.
std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> kPieces = {
        "<think>",
        "</think>",
        "<tool_call>",
        "</tool_call>",
        "\n",
        "\n\n",
        " ",
        "hello",
        "1 < 2",
        "<function=now>",
        "<function=get_weather>",
        "</function>",
        "<parameter=city>",
        "<parameter=days>",
        "</parameter>",
        "\r\n",
        "3",
        "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"B\\\"ern\"}}",
        "{\"name\": \"now\"}",
        "{",
        "}",
        "é",
        kHermes,
        xml(parameter("city", "a\n</parameter> b") + parameter("list", "[1, 'x']")),
        ";",
        "<tool_cal",
        "<",
        "<parameter=note>",
        "None",
        "\\",
        "\"",
        "<|python_tag|>"};
    std::string out;
    for (int i = static_cast<int>(random() % 12); i >= 0; --i) {
        std::string piece = kPieces[random() % kPieces.size()];
        if (random() % 6 == 0 && piece != "é") piece.resize(piece.size() / 2);
        out += piece;
    }
    return out;
}

TEST(Pieces, AnyCutGivesTheSameMessage) {
    std::mt19937 random(7);
    for (int round = 0; round < 20'000; ++round) {
        AnswerOptions how = options(static_cast<ToolFormat>(random() % 4), random() % 2 == 0);
        how.in_reasoning = how.format.reasoning && random() % 4 == 0;
        how.parallel = random() % 4 != 0;
        how.parse_tools = random() % 8 != 0;
        const std::string text = random_text(random);
        const Read whole = read(how, text);
        std::vector<std::string> bytes, cut(1);
        for (const char c : text) bytes.emplace_back(1, c);
        for (const char c : text) {
            if (random() % 3 == 0) cut.emplace_back();
            cut.back() += c;
        }
        ASSERT_EQ(read(how, bytes), whole) << text;
        ASSERT_EQ(read(how, cut), whole) << text;
    }
}

TEST(Pieces, WithoutToolsAndReasoningNothingIsLost) {
    std::mt19937 random(8);
    AnswerOptions how = options(ToolFormat::none);
    for (int round = 0; round < 2'000; ++round) {
        const std::string text = random_text(random);
        ASSERT_EQ(read(how, text).content, text);
    }
}

// Two hundred times the text may not take far more than two hundred times the work; a quadratic reader would
// not end within the test's time.
TEST(Pieces, LongTextsEnd) {
    for (const char* unit :
         {"\n", "<tool_call>", "<tool_call>{\"a\": \"", "<function=now>\n", "<function=<"}) {
        std::string text;
        while (text.size() < (1 << 20)) text += unit;
        for (const ToolFormat format : {ToolFormat::hermes_json, ToolFormat::qwen3_coder_xml}) {
            const Read r = read(options(format), text);
            EXPECT_TRUE(r.calls.empty());
            EXPECT_EQ(r.content, text);
        }
    }
    for (const std::string& unit :
         std::vector<std::string>{"<tool_cal", "\n</paramete", "</parameter> ", "\n", "<"}) {
        std::string text = "<tool_call>\n<function=get_weather>\n<parameter=city>\n";
        while (text.size() < (1 << 20)) text += unit;
        const Read r = read(options(ToolFormat::qwen3_coder_xml), text);
        ASSERT_EQ(r.calls.size(), 1u);
        EXPECT_GT(r.calls[0].arguments.size(), size_t{1} << 19) << unit;
    }
}

TEST(Pieces, LongSpaceInFrontEnds) {
    for (const ToolFormat format : {ToolFormat::hermes_json, ToolFormat::llama3_json}) {
        const std::string text = std::string(1 << 20, ' ') + "x";
        EXPECT_EQ(read(options(format, true), text).content.size(), text.size());
    }
}

// The model ended: it forgot the tags. The answer was cut: more would have come.
TEST(Xml, ForgottenClosingTagsEndACallUnlessItWasCut) {
    for (const char* text : {"<tool_call>\n<function=get_weather>\n<parameter=days>\n3\n</parameter>\n",
                             "<tool_call>\n<function=get_weather>\n<parameter=days>\n3\n</parameter>"}) {
        for (const bool cut : {false, true}) {
            AnswerParser parser(options(ToolFormat::qwen3_coder_xml));
            std::vector<AnswerPart> parts;
            parser.push(text, parts);
            parser.finish(parts, cut);
            std::string arguments;
            for (const AnswerPart& part : parts)
                if (const auto* more = std::get_if<CallArguments>(&part)) arguments += more->text;
            EXPECT_EQ(arguments, cut ? "{\"days\": 3" : "{\"days\": 3}") << text;
            EXPECT_EQ(std::holds_alternative<CallEnded>(parts.back()), !cut) << text;
        }
    }
}

TEST(Format, IsSeenInTheTemplate) {
    EXPECT_EQ(detect_answer_format("<tool_call>\\n<function=get_weather>\\n<parameter=p>").tools,
              ToolFormat::qwen3_coder_xml);
    EXPECT_EQ(detect_answer_format("<tool_call> <think>").tools, ToolFormat::hermes_json);
    EXPECT_TRUE(detect_answer_format("<tool_call> <think>").reasoning);
    EXPECT_EQ(detect_answer_format("{{ '<|python_tag|>' }}").tools, ToolFormat::llama3_json);
    EXPECT_EQ(detect_answer_format("{{ messages }}").tools, ToolFormat::none);
    EXPECT_EQ(detect_answer_format("<tool_call>{name}\\n<arg_key>").tools, ToolFormat::none);
}

}  // namespace
}  // namespace sluice::chat
