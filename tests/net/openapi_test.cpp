// The OpenAPI document says what the tables say: every route, every field, and nothing that is not there.
#include "net/openapi/openapi.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "net/openai/fields.h"
#include "net/router.h"

namespace sluice::net {
namespace {

namespace json = boost::json;
using openai::Dialect;
using openai::Field;
using openai::Kind;
using openai::Treatment;

engine::ModelInfo model() {
    engine::ModelInfo info;
    info.name = "own";
    info.aliases = {"other/name"};
    info.vocab = 1000;
    return info;
}

json::value document(bool keys = false) {
    return json::parse(openapi::document(model(), Limits{}, keys));
}

const json::object& schema(const json::value& document, std::string_view name) {
    const json::value* found = document.at("components").at("schemas").as_object().if_contains(name);
    EXPECT_NE(found, nullptr) << name;
    static const json::object kNone;
    return found ? found->as_object() : kNone;
}

// As a key of the document.
std::string method(const RouteEntry& entry) {
    std::string out(entry.method);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

void collect_references(const json::value& value, std::set<std::string>& out) {
    if (value.is_array()) {
        for (const json::value& one : value.get_array()) collect_references(one, out);
    } else if (value.is_object()) {
        for (const auto& entry : value.get_object()) {
            if (entry.key() == "$ref") out.emplace(entry.value().as_string());
            collect_references(entry.value(), out);
        }
    }
}

TEST(OpenApi, HasEveryRouteWithItsBodyAndAnswer) {
    const json::value doc = document();
    size_t operations = 0;
    for (const RouteEntry& entry : routes()) {
        const json::value* path = doc.at("paths").as_object().if_contains(entry.path);
        ASSERT_NE(path, nullptr) << entry.path;
        const json::object& operation = path->at(method(entry)).as_object();
        EXPECT_EQ(operation.at("summary").as_string(), entry.summary);
        EXPECT_EQ(operation.contains("requestBody"), has_body(entry.route)) << entry.path;
        EXPECT_EQ(operation.contains("parameters"), entry.path.find('{') != std::string_view::npos)
            << entry.path;
        for (const char* status : {"200", "400", "503"})
            EXPECT_TRUE(operation.at("responses").as_object().contains(status)) << entry.path << status;
        const json::object& types = operation.at("responses").at("200").at("content").as_object();
        EXPECT_EQ(types.contains("text/event-stream"),
                  generates(entry.route) && entry.route != Route::embeddings)
            << entry.path;
    }
    for (const auto& path : doc.at("paths").as_object()) operations += path.value().as_object().size();
    EXPECT_EQ(operations, routes().size());
}

TEST(OpenApi, EverySchemaIsThereAndIsUsed) {
    const json::value doc = document();
    std::set<std::string> used, known;
    collect_references(doc, used);
    for (const auto& entry : doc.at("components").at("schemas").as_object())
        known.insert("#/components/schemas/" + std::string(entry.key()));
    EXPECT_EQ(used, known);
}

void expect_property(const json::object& property, const Field& field) {
    const std::string what = json::serialize(json::value(property));
    EXPECT_NE(what.find(std::string(field.note).substr(0, 10)), std::string::npos) << what;
    if (field.treatment == Treatment::refused) {
        EXPECT_EQ(property.at("type"), "null") << field.name << ": only as good as left out";
    } else if (field.treatment == Treatment::ignored) {
        EXPECT_EQ(property.size(), 1u) << field.name << " may be anything";
    } else if (field.kind == Kind::integer || field.kind == Kind::number) {
        const char* low = field.low_is_excluded ? "exclusiveMinimum" : "minimum";
        EXPECT_EQ(property.at(low).as_int64(), field.low) << field.name;
        EXPECT_EQ(property.at("maximum").as_int64(), field.high) << field.name;
    } else {
        EXPECT_GT(property.size(), 1u) << field.name << " has no schema";
    }
}

TEST(OpenApi, BodiesHaveTheFieldsOfTheTables) {
    const json::value doc = document();
    const std::pair<Dialect, const char*> bodies[] = {{Dialect::chat, "ChatRequest"},
                                                      {Dialect::completions, "CompletionRequest"},
                                                      {Dialect::embeddings, "EmbeddingRequest"},
                                                      {Dialect::messages, "MessagesRequest"},
                                                      {Dialect::responses, "ResponseRequest"}};
    for (const auto& [dialect, name] : bodies) {
        const json::object& body = schema(doc, name);
        const json::object& properties = body.at("properties").as_object();
        std::set<std::string> required, wanted;
        for (const json::value& one : body.at("required").as_array()) wanted.emplace(one.as_string());
        for (const Field& field : openai::fields(dialect)) {
            ASSERT_TRUE(properties.contains(field.name)) << field.name;
            expect_property(properties.at(field.name).as_object(), field);
            if (field.required) required.emplace(field.name);
        }
        EXPECT_EQ(properties.size(), openai::fields(dialect).size()) << name;
        EXPECT_EQ(required, wanted) << name;
    }
}

TEST(OpenApi, NullIsAsGoodAsAbsentUnlessRequired) {
    const json::value doc = document();
    const json::object& chat = schema(doc, "ChatRequest").at("properties").as_object();
    EXPECT_EQ(chat.at("n").at("type"), json::array({"integer", "null"}));
    EXPECT_EQ(chat.at("tools").at("type"), json::array({"array", "null"}));
    EXPECT_EQ(chat.at("stop").at("anyOf").as_array().back(), json::value({{"type", "null"}}));
    EXPECT_EQ(chat.at("messages").at("type"), "array");
}

TEST(OpenApi, LimitsAndNamesAreThoseOfTheServer) {
    const json::value doc = document();
    const json::object& chat = schema(doc, "ChatRequest").at("properties").as_object();
    EXPECT_EQ(chat.at("messages").at("maxItems").as_int64(), int64_t{4096});
    EXPECT_EQ(chat.at("logit_bias").at("maxProperties").as_int64(), int64_t{300});
    EXPECT_EQ(schema(doc, "TokenId").at("maximum").as_int64(), 999);
    EXPECT_EQ(schema(doc, "ModelName").at("enum"), json::array({"own", "other/name", "default"}));
}

TEST(OpenApi, KeysAreAskedForWhereTheyAre) {
    EXPECT_FALSE(document().as_object().contains("security"));
    const json::value doc = document(true);
    EXPECT_EQ(doc.at("security").as_array().size(), 2u);
    for (const RouteEntry& entry : routes()) {
        const json::value& operation = doc.at("paths").at(entry.path).at(method(entry));
        EXPECT_EQ(operation.as_object().contains("security"), is_open(entry.route)) << entry.path;
        EXPECT_EQ(operation.at("responses").as_object().contains("401"), !is_open(entry.route));
    }
}

}  // namespace
}  // namespace sluice::net
