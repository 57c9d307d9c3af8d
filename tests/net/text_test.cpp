// The small pure parts: JSON, SSE, routes, errors, ids.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <cmath>
#include <set>

#include "net/http.h"
#include "net/http_error.h"
#include "net/ids.h"
#include "net/json.h"
#include "net/router.h"
#include "net/sse.h"

namespace sluice::net {
namespace {

constexpr int kDepth = 100;

std::string nested(int depth) {
    return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']');
}

TEST(Json, Strict) {
    const std::string bad[] = {"",
                               "{",
                               "{}x",
                               "{} {}",
                               "\xef\xbb\xbf{}",
                               R"({"a":1,"a":1})",
                               R"({"a":{"b":1,"c":2,"b":3}})",
                               "{\"\\u0061\":1,\"a\":2}",
                               R"({"a":1e999})",
                               R"({"a":-1e999})",
                               R"({"a":NaN})",
                               R"({"a":01})",
                               "{\"a\":\"\xff\"}",
                               "{\"a\":\"\xed\xa0\x80\"}",
                               "{\"a\":\"\\ud800\"}",
                               nested(kDepth + 1),
                               std::string(100'000, '[')};
    for (const std::string& text : bad) {
        const auto parsed = parse_json(text, kDepth);
        ASSERT_FALSE(parsed.has_value()) << text.substr(0, 60);
        EXPECT_EQ(parsed.error().kind, ErrorKind::invalid_request);
    }
    EXPECT_TRUE(parse_json(nested(kDepth), kDepth).has_value());
    EXPECT_TRUE(parse_json(R"( {"a":{"k":1},"b":{"k":1},"c":[{"k":1},{"k":2}]} )", kDepth).has_value());
    EXPECT_NE(parse_json(R"({"seed":1,"seed":2})", kDepth).error().message.find("\"seed\""),
              std::string::npos);
}

TEST(Json, WriterIsAlwaysValid) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("a\"b").text("x\n\x01\xff\"\\\xe2\x82").key("n").begin_array();
    json.number(1.5).number(-INFINITY).number(NAN).number(1e300).integer(-3).boolean(true).null();
    json.begin_object().end_object().end_array().key("z").text("\xf0\x9f\x98\x80").end_object();
    EXPECT_EQ(out,
              "{\"a\\\"b\":\"x\\n\\u0001\xef\xbf\xbd\\\"\\\\\xef\xbf\xbd\xef\xbf\xbd\",\"n\":[1.5,-9999,-"
              "9999,-9999,-3,"
              "true,null,{}],\"z\":\"\xf0\x9f\x98\x80\"}");
    EXPECT_TRUE(parse_json(out, kDepth).has_value());
}

TEST(Json, EveryByteStringBecomesValid) {
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            const std::string bytes{static_cast<char>(a), static_cast<char>(b), '\xf0', '\x9f', '\x98'};
            std::string out;
            JsonWriter(out).text(bytes);
            ASSERT_TRUE(parse_json(out, kDepth).has_value()) << a << " " << b;
        }
    }
}

TEST(Sse, Frames) {
    EXPECT_EQ(sse_frame("{}"), "data: {}\n\n");
}

TEST(Http, Chunks) {
    EXPECT_EQ(chunk("data: {}\n\n"), "a\r\ndata: {}\n\n\r\n");
    EXPECT_EQ(chunk(""), "") << "an empty chunk would end the body";
    EXPECT_EQ(last_chunk(), "0\r\n\r\n");
}

TEST(Http, HeadsSayHowTheBodyEnds) {
    HttpResponse response;
    response.status = 429;
    response.body = "{}";
    response.fields = {{"Retry-After", "1"}};
    const std::string plain = head_text(response, {Transfer::length, true, 1, "req-1"});
    EXPECT_TRUE(plain.starts_with("HTTP/1.1 429 Too Many Requests\r\n")) << plain;
    EXPECT_TRUE(plain.ends_with("\r\n\r\n")) << plain;
    for (const char* line : {"Content-Type: application/json", "x-request-id: req-1", "Retry-After: 1",
                             "Content-Length: 2", "Server: sluice"}) {
        EXPECT_NE(plain.find(std::string("\r\n") + line + "\r\n"), std::string::npos) << line << plain;
    }
    EXPECT_EQ(plain.find("Connection:"), std::string::npos);
    const std::string stream = head_text(response, {Transfer::chunked, true, 1, ""});
    EXPECT_NE(stream.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos) << stream;
    EXPECT_TRUE(stream.ends_with("\r\n\r\n")) << stream;
    for (const std::string& head : {plain, stream}) {
        const bool length = head.find("Content-Length") != std::string::npos;
        EXPECT_NE(length, head.find("Transfer-Encoding") != std::string::npos) << head;
    }
    const std::string old = head_text(response, {Transfer::until_close, false, 0, ""});
    EXPECT_EQ(old.find("Content-Length"), std::string::npos);
    EXPECT_NE(old.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_NE(head_text(response, {Transfer::length, true, 0, ""}).find("Connection: keep-alive"),
              std::string::npos);
}

TEST(Http, NotModifiedHasNoLength) {
    HttpResponse response;
    response.status = 304;
    response.content_type.clear();
    const std::string head = head_text(response, {Transfer::length, true, 1, ""});
    EXPECT_TRUE(head.starts_with("HTTP/1.1 304 Not Modified\r\n")) << head;
    for (const char* absent : {"Content-Length", "Transfer-Encoding", "Content-Type"})
        EXPECT_EQ(head.find(absent), std::string::npos) << head;
}

TEST(Router, ExactOrNothing) {
    EXPECT_EQ(match_route("POST", "/v1/chat/completions").route, Route::chat_completions);
    EXPECT_TRUE(match_route("POST", "/v1/chat/completions").method_allowed);
    EXPECT_TRUE(match_route("HEAD", "/health").method_allowed);
    EXPECT_FALSE(match_route("GET", "/v1/completions").method_allowed);
    EXPECT_EQ(match_route("GET", "/v1/completions").allow, "POST");
    EXPECT_EQ(match_route("GET", "/").route, Route::page);
    EXPECT_EQ(match_route("POST", "/").allow, "GET, HEAD");
    EXPECT_EQ(match_route("POST", "/health").allow, "GET, HEAD");
    for (const char* path : {"//v1/models", "/v1/models/", "/V1/models", "/v1/../health", "/%68ealth",
                             "/health/", "", "*", "/v1/chat/completions/"}) {
        EXPECT_EQ(match_route("GET", path).route, Route::none) << path;
    }
}

TEST(Router, ModelNamesMayHaveSlashes) {
    EXPECT_EQ(match_route("GET", "/v1/models/org/name-1.5").id, "org/name-1.5");
    EXPECT_EQ(match_route("GET", "/v1/models/org%2Fname%201").id, "org/name 1");
    for (const char* path : {"/v1/models/a%2", "/v1/models/a%", "/v1/models/%zz", "/v1/models/%+1"})
        EXPECT_EQ(match_route("GET", path).route, Route::none) << path;
}

TEST(Router, OnePathMayHaveSeveralMethods) {
    EXPECT_EQ(match_route("GET", "/v1/responses/resp_1").route, Route::response);
    EXPECT_EQ(match_route("DELETE", "/v1/responses/resp_1").route, Route::delete_response);
    EXPECT_EQ(match_route("POST", "/v1/responses/resp%5F1/cancel").id, "resp_1");
    EXPECT_EQ(match_route("GET", "/v1/responses/resp_1/input_items").route, Route::response_input);
    EXPECT_EQ(match_route("PUT", "/v1/responses/resp_1").allow, "GET, HEAD, DELETE");
    EXPECT_EQ(match_route("GET", "/v1/responses/resp_1/cancel").allow, "POST");
    for (const char* path :
         {"/v1/responses/", "/v1/responses//cancel", "/v1/responses/a/b", "/v1/responses/a/"})
        EXPECT_EQ(match_route("GET", path).route, Route::none) << path;
}

TEST(Errors, TableAndShape) {
    const std::pair<ErrorKind, int> rows[] = {{ErrorKind::invalid_request, 400},
                                              {ErrorKind::context_length_exceeded, 400},
                                              {ErrorKind::model_not_found, 404},
                                              {ErrorKind::not_found, 404},
                                              {ErrorKind::unsupported_architecture, 501},
                                              {ErrorKind::unsupported, 400},
                                              {ErrorKind::queue_full, 429},
                                              {ErrorKind::unavailable, 503},
                                              {ErrorKind::deadline_exceeded, 504},
                                              {ErrorKind::internal, 500},
                                              {ErrorKind::out_of_memory, 503},
                                              {ErrorKind::bad_file, 503},
                                              {ErrorKind::io, 503},
                                              {ErrorKind::cancelled, 503}};
    for (const auto& [kind, status] : rows) EXPECT_EQ(to_api_error({kind, "m"}).status, status);
    EXPECT_EQ(error_body(to_api_error({ErrorKind::context_length_exceeded, "too \"long\"", "messages"})),
              R"({"error":{"message":"too \"long\"","type":"invalid_request_error","param":"messages",)"
              R"("code":"context_length_exceeded"}})");
    EXPECT_EQ(error_body(http_error(404, "no")),
              R"({"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}})");
}

TEST(Errors, FullQueueTellsWhenToComeBack) {
    Limits limits;
    limits.retry_after = std::chrono::milliseconds(1500);
    const auto response = error_response(to_api_error({ErrorKind::queue_full, "full"}), limits);
    const Fields wanted{{"Retry-After", "2"}, {"retry-after-ms", "1500"}};
    EXPECT_EQ(response.fields, wanted);
}

TEST(Errors, ClientsAreToldWhatIsNotWorthAnotherTry) {
    const auto should_retry = [](ErrorKind kind) -> std::string {
        for (const auto& [name, value] : error_response(to_api_error({kind, "m"}), {}).fields) {
            if (name == "x-should-retry") return value;
            if (name == "Retry-After") return "after";
        }
        return "";
    };
    for (const ErrorKind kind : {ErrorKind::unsupported_architecture, ErrorKind::deadline_exceeded,
                                 ErrorKind::bad_file, ErrorKind::internal})
        EXPECT_EQ(should_retry(kind), "false");
    for (const ErrorKind kind : {ErrorKind::queue_full, ErrorKind::unavailable, ErrorKind::out_of_memory})
        EXPECT_EQ(should_retry(kind), "after");
    EXPECT_EQ(should_retry(ErrorKind::invalid_request), "") << "a 400 is never tried again anyway";
}

TEST(Ids, DifferAndAreWellFormed) {
    IdSource ids;
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(ids.make("chatcmpl-"));
    EXPECT_EQ(seen.size(), 1000u);
    EXPECT_EQ(seen.begin()->size(), 9u + 24u);
}

TEST(Ids, OnlyHarmlessRequestIdsAreEchoed) {
    EXPECT_EQ(acceptable_request_id("req-1_a.b:c"), "req-1_a.b:c");
    for (const std::string& id : {std::string(), std::string("a b"), std::string("a\tb"),
                                  std::string("\x1b[31m"), std::string(129, 'a'), std::string("\xc3\xa4")}) {
        EXPECT_FALSE(acceptable_request_id(id)) << id;
    }
}

}  // namespace
}  // namespace sluice::net
