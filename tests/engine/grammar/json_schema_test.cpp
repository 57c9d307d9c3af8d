#include "engine/grammar/json_schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <span>
#include <string>
#include <vector>

#include "matching.h"

namespace sluice::grammar {
namespace {

namespace json = boost::json;

Result<std::shared_ptr<const Automaton>> compile(const json::value& schema) {
    Builder b;
    const auto start = add_json_schema(b, schema);
    if (!start) return start.error();
    return b.finish(*start);
}
std::string error_of(const json::value& schema) {
    const auto made = compile(schema);
    return made ? "" : made.error().message;
}
std::string error_of(const char* schema) {
    return error_of(json::parse(schema));
}

struct Case {
    const char* schema;
    std::vector<const char*> fit, do_not;
};

void check(std::span<const Case> cases) {
    for (const Case& c : cases) {
        const auto made = compile(json::parse(c.schema));
        ASSERT_TRUE(made) << c.schema << ": " << made.error().message;
        for (const char* text : c.fit) EXPECT_TRUE(matches(*made, text)) << text << " for " << c.schema;
        for (const char* text : c.do_not) EXPECT_FALSE(matches(*made, text)) << text << " for " << c.schema;
    }
}

TEST(JsonSchema, ObjectsAndArrays) {
    const Case cases[] = {
        {"true",
         {"1", "{}", R"({"a": [1, {"b": null}]})", "\"\\ud83d\\ude00\"", "-0.5e-3"},
         {"01", "{a:1}", "[1,]", "\"\\ud83d\"", "1e999", "'x'"}},
        {R"({"type":"object"})",
         {"{}", R"({"a":1,"b":{"c":[]}})", "{\n  \"a\": 1\n}"},
         {"[]", "1", "{\"a\"}"}},
        {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"},"c":{"type":"null"}},
             "required":["b"]})",
         {R"({"b":"x"})", R"({"a":1,"b":""})", R"({"a": 1, "b": "y", "c": null})",
          R"({"b": "y", "c": null})"},
         {"{}", R"({"a":1})", R"({"b":"x","a":1})", R"({"b":"x","d":1})", R"({"a":1,,"b":""})",
          R"({,"b":""})"}},
        {R"({"type":"object","properties":{"a":true,"ab":true},"additionalProperties":{"type":"integer"}})",
         {"{}", R"({"a":"x","ab":[],"b":1,"abc":2,"":3})", R"({"b":1})"},
         {R"({"b":"x"})", R"({"b":1,"a":1})", R"({"b":1,"ab":1})", R"({"\u0061":1})"}},
        {R"({"type":"object","required":["x"],"additionalProperties":{"type":"boolean"}})",
         {R"({"x":true,"y":false})"},
         {"{}", R"({"y":false})"}},
        {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})",
         {"[1]", "[1,2, 3]"},
         {"[]", "[1,2,3,4]", "[\"a\"]"}},
        {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],
             "items":{"type":"null"},"minItems":1})",
         {"[1]", R"([1,"a"])", R"([1,"a",null,null])"},
         {"[]", "[null]", R"(["a"])", R"([1,null])"}},
        {R"({"type":"array","prefixItems":[{"const":1}],"items":false})", {"[]", "[1]"}, {"[1,1]", "[2]"}},
        {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
    };
    check(cases);
}

TEST(JsonSchema, TextsNumbersAndCombinations) {
    const Case cases[] = {
        {R"({"type":"string","minLength":2,"maxLength":3})",
         {R"("ab")", R"("é☃")", R"("\n\"\u0041")"},
         {R"("a")", R"("abcd")"}},
        {R"({"type":"string","pattern":"^[A-Z]\\d+$"})", {R"("A1")"}, {R"("A")", R"("xA1")", R"("A1 ")"}},
        {R"({"type":"string","pattern":"b\"c"})", {R"("b\"c")", R"("aab\"cdd")"}, {R"("bc")", R"("ab")"}},
        {R"({"type":"string","format":"date"})",
         {R"("2024-02-29")", R"("2023-12-31")"},
         {R"("2023-02-29")", R"("2023-13-01")", R"("today")"}},
        {R"({"type":"string","format":"int32"})", {R"("anything")"}, {"1"}},
        {R"({"type":"integer","minimum":-5,"exclusiveMaximum":120})",
         {"-5", "0", "-1", "119", "99"},
         {"-6", "120", "-0", "1.0", "00", "1e1"}},
        {R"({"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991})",
         {"-9007199254740991", "9007199254740991"},
         {"9007199254740992", "10000000000000000"}},
        {R"({"type":"number","exclusiveMinimum":0,"maximum":2.5})",
         {"0.1", "2.5", "2.50", "1", "0.000001"},
         {"0", "0.0", "2.51", "3", "-1", "1e0"}},
        {R"({"type":"number","maximum":-0.25})", {"-0.25", "-0.3", "-7"}, {"0", "-0.2", "-0.0", "1"}},
        {R"({"type":"integer","multipleOf":7,"minimum":0})", {"0", "7", "84", "700007"}, {"1", "15", "-7"}},
        {R"({"type":"number","multipleOf":0.25,"minimum":1})",
         {"1", "1.5", "2.25", "100.75"},
         {"1.3", "0.75", "1.125"}},
        {R"({"enum":["a",1,null,[1,{"b":2}],1.5]})",
         {R"("a")", "1", "null", R"([1, {"b": 2}])", "1.5"},
         {"2", R"("b")", "[1]"}},
        {R"({"type":"string","enum":["a",1]})", {R"("a")"}, {"1"}},
        {R"({"const":"q\"\n"})", {R"("q\"\n")"}, {R"("q")"}},
        {R"({"type":["integer","null"],"minimum":3})", {"3", "null"}, {"2", "\"a\""}},
        {R"({"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#"}}]})",
         {"1", "[1,[2,[]]]"},
         {"null", "[null]"}},
        {R"({"type":"object","properties":{"k":{"type":"integer"}},
             "anyOf":[{"required":["k"]},{"properties":{"k":{"const":2}}}]})",
         {R"({"k":5})", "{}", R"({"k":2})"},
         {R"({"k":"x"})"}},
        {R"({"oneOf":[{"type":"object","properties":{"t":{"const":"a"},"v":{"type":"integer"}},
                       "required":["t","v"]},
                      {"type":"object","properties":{"t":{"const":"b"}},"required":["t"]},{"type":"null"}]})",
         {R"({"t":"a","v":1})", R"({"t":"b"})", "null"},
         {R"({"t":"a"})", R"({"t":"c"})"}},
        {R"({"allOf":[{"type":"object","properties":{"a":{"minimum":2}}},
                      {"properties":{"a":{"type":"integer"},"b":{"type":"null"}},"required":["a"]}]})",
         {R"({"a":2})", R"({"a":3,"b":null})"},
         {R"({"a":1})", R"({"b":null})"}},
        {R"({"$defs":{"a/b":{"type":"integer"},
             "l":{"type":"object","properties":{"v":{"$ref":"#/$defs/a~1b"},
             "n":{"anyOf":[{"$ref":"#/$defs/l"},{"type":"null"}]}},
             "required":["v","n"],"additionalProperties":false}},"$ref":"#/$defs/l"})",
         {R"({"v":1,"n":null})", R"({"v":1,"n":{"v":2,"n":{"v":3,"n":null}}})"},
         {R"({"v":1})", R"({"v":1,"n":{}})"}},
    };
    check(cases);
}

TEST(JsonSchema, WhiteSpaceEnds) {
    const auto made = compile(
        json::parse(R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}}}})"));
    ASSERT_TRUE(made);
    for (const char* text :
         {R"({"a":[1,2]})", R"({"a": [1, 2]})", "{\n    \"a\": [\n        1,\n        2\n    ]\n}"})
        EXPECT_TRUE(matches(*made, text)) << text;
    EXPECT_EQ(match(*made, "{" + std::string(3, '\n')), Match::no);
    EXPECT_EQ(match(*made, "{\n" + std::string(21, ' ')), Match::no);
    EXPECT_EQ(match(*made, " {"), Match::no);
}

TEST(JsonSchema, SaysWhatItCannotKeep) {
    EXPECT_EQ(error_of(R"({"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}})"),
              "#/properties/a: `uniqueItems` is not supported");
    EXPECT_EQ(error_of(R"({"not":{}})"), "#: `not` is not supported");
    EXPECT_EQ(error_of(R"({"$defs":{"x":{"if":true}},"items":{"$ref":"#/$defs/x"}})"),
              "#/$defs/x: `if` is not supported");
    EXPECT_EQ(error_of(R"({"type":"strin"})"), "#: `type` is none that there is");
    EXPECT_EQ(error_of(R"({"type":"string","pattern":"\\b"})").substr(0, 12), "#: `pattern`");
    EXPECT_EQ(error_of(R"({"type":"string","format":"regex"})"), "#: the format \"regex\" is not supported");
    EXPECT_EQ(error_of(R"({"type":"string","format":"date","maxLength":4})"), "no text matches the grammar");
    EXPECT_EQ(error_of(R"({"type":"string","format":"uri","maxLength":5000})"),
              "#: `format`: patterns, formats and lengths together need more than 16384 states");
    EXPECT_EQ(error_of(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})").substr(0, 33),
              "#: `oneOf` 0 and 1 may both fit; ");
    EXPECT_EQ(error_of(R"({"anyOf":[]})"), "#: `anyOf` must be a list");
    EXPECT_EQ(error_of(R"([1])"), "#: a schema must be an object or true or false");
    EXPECT_EQ(error_of("false"), "no text matches the grammar");
    EXPECT_EQ(error_of(R"({"type":"integer","minimum":3,"maximum":2})"), "no text matches the grammar");
    EXPECT_EQ(error_of(R"({"type":"integer","minimum":"3"})"), "#: `minimum` must be a number");
    EXPECT_EQ(error_of(R"({"type":"string","minLength":-1})"),
              "#: `minLength` must be a whole number of at least 0 and at most 10^9");
    EXPECT_EQ(error_of(R"({"enum":["a"],"minLength":3})"), "#: `enum` with `minLength` is not supported");
}

// reliability.md's C05 to C11: each ends soon, with a grammar or with a reason.
TEST(JsonSchema, HostileSchemasEndSoon) {
    EXPECT_EQ(error_of(R"({"$ref":"#"})"), "the rule `#` can begin with itself");
    EXPECT_EQ(
        error_of(
            R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"items":{"$ref":"#/$defs/a"}})"),
        "the rule `#/$defs/a` can begin with itself");
    EXPECT_EQ(error_of(R"({"items":{"$ref":"#/nothing"}})"),
              "#/items: `$ref` \"#/nothing\" points to nothing in the schema");
    EXPECT_EQ(error_of(R"({"items":{"$ref":"http://localhost/x"}})"),
              "#/items: `$ref` \"http://localhost/x\" is outside of the schema");
    EXPECT_EQ(error_of(R"({"a":[{"type":"null"}],"items":{"$ref":"#/a/0"}})"), "");
    for (const char* bound : {"minItems", "maxItems", "minLength", "maxLength"})
        EXPECT_EQ(error_of(json::object{{bound, 1'000'000}}), "the grammar needs more than 200000 states")
            << bound;

    json::value nested = {{"type", "integer"}};
    for (int depth = 0; depth < 12; ++depth) {
        json::object other{{"type", "object"}, {"properties", {{"k", nested}}}, {"required", {"k"}}};
        nested = json::object{{"oneOf", json::array{{{"type", "string"}}, other}}};
    }
    EXPECT_EQ(error_of(nested), "");

    json::array many;
    for (int i = 0; i < 100'000; ++i) many.push_back(json::string(fmt::format("value {}", i)));
    EXPECT_EQ(error_of(json::object{{"enum", many}}), "the grammar is too large");

    json::object properties, chain, fan;
    for (int i = 0; i < 10'000; ++i) {
        properties[fmt::format("p{}", i)] = {{"type", "integer"}};
        chain[fmt::format("d{}", i)] = {{"$ref", fmt::format("#/$defs/d{}", i + 1)}};
    }
    chain["d10000"] = {{"type", "null"}};
    EXPECT_EQ(error_of(json::object{{"properties", properties}}),
              "the grammar needs more than 200000 states");
    EXPECT_EQ(error_of(json::object{{"$defs", chain}, {"items", {{"$ref", "#/$defs/d0"}}}}), "");

    // each definition names the next one twice: 2^30 paths
    for (int i = 0; i < 30; ++i) {
        const json::object next{{"$ref", fmt::format("#/$defs/f{}", i + 1)}};
        fan[fmt::format("f{}", i)] = {{"allOf", {next, next}}};
    }
    fan["f30"] = {{"type", "null"}};
    EXPECT_EQ(error_of(json::object{{"$defs", fan}, {"$ref", "#/$defs/f0"}}),
              "#/$defs/f0: the schema is too large");
}

}  // namespace
}  // namespace sluice::grammar
