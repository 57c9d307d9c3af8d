// Each row is a way to make two HTTP parsers disagree, or to cost more than it should.
#include "net/framing.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::net {
namespace {

struct Outcome {
    HeadScanner::State state;
    int status;  // 0: accepted
    std::string greeting;
};

// Shows the scanner `step` more bytes at a time, as a slow network would.
Outcome read(const std::string& bytes, size_t step, HttpRequest* out = nullptr) {
    const Limits limits;
    HeadScanner scanner(limits);
    auto state = HeadScanner::State::more;
    for (size_t end = 0; state == HeadScanner::State::more && end < bytes.size();) {
        end = std::min(bytes.size(), end + step);
        state = scanner.scan(std::string_view(bytes).substr(0, end));
    }
    if (state == HeadScanner::State::rejected) return {state, scanner.rejection().status, {}};
    if (state == HeadScanner::State::foreign) return {state, 0, std::string(scanner.greeting())};
    if (state == HeadScanner::State::more) return {state, 0, {}};
    const auto head = std::string_view(bytes).substr(scanner.skipped(), scanner.size() - scanner.skipped());
    auto parsed = parse_head(head, limits);
    if (!parsed) return {state, parsed.error().status, {}};
    if (out) *out = *parsed;
    return {state, 0, {}};
}

std::string post(const std::string& fields, const std::string& version = "HTTP/1.1") {
    return "POST /v1/completions " + version + "\r\nHost: a\r\n" + fields + "\r\n";
}

struct Row {
    const char* name;
    std::string bytes;
    int status;
};

std::string row_name(const testing::TestParamInfo<Row>& row) {
    return row.param.name;
}

class Rejected : public testing::TestWithParam<Row> {};

TEST_P(Rejected, WholeAndByteByByte) {
    for (const size_t step : {GetParam().bytes.size(), size_t{1}, size_t{7}}) {
        EXPECT_EQ(read(GetParam().bytes, step).status, GetParam().status) << "step " << step;
    }
}

std::string many_fields(int n) {
    std::string out = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < n; ++i) out += "a:\r\n";
    return out + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    TransferEncoding, Rejected,
    testing::Values(
        Row{"identity", post("Transfer-Encoding: identity\r\n"), 501},
        Row{"xchunked", post("Transfer-Encoding: xchunked\r\n"), 501},
        Row{"quoted", post("Transfer-Encoding: \"chunked\"\r\n"), 501},
        Row{"nbsp",
            post("Transfer-Encoding: \xa0"
                 "chunked\r\n"),
            501},
        Row{"empty", post("Transfer-Encoding:\r\n"), 501},
        Row{"twice_in_list", post("Transfer-Encoding: chunked, chunked\r\n"), 501},
        Row{"then_identity", post("Transfer-Encoding: chunked, identity\r\n"), 501},
        Row{"leading_comma", post("Transfer-Encoding: ,chunked\r\n"), 501},
        Row{"trailing_comma", post("Transfer-Encoding: chunked,\r\n"), 501},
        Row{"parameter", post("Transfer-Encoding: chunked;q=1\r\n"), 501},
        Row{"gzip_chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 501},
        Row{"other_case", post("Transfer-Encoding: Chunked\r\n"), 501},
        Row{"identity_then_length", post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n"), 400},
        Row{"identity_and_chunked", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
            400},
        Row{"length_then_chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
        Row{"chunked_then_length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
        Row{"http10", post("Transfer-Encoding: chunked\r\n", "HTTP/1.0"), 400},
        Row{"folded", post("Transfer-Encoding:\r\n chunked\r\n"), 400}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    ContentLength, Rejected,
    testing::Values(
        Row{"plus", post("Content-Length: +5\r\n"), 400}, Row{"minus", post("Content-Length: -1\r\n"), 400},
        Row{"hex", post("Content-Length: 0x5\r\n"), 400}, Row{"empty", post("Content-Length: \r\n"), 400},
        Row{"beyond64", post("Content-Length: 18446744073709551616\r\n"), 400},
        Row{"comma", post("Content-Length: 5,\r\n"), 400}, Row{"list", post("Content-Length: 5, 5\r\n"), 400},
        Row{"leading_zero", post("Content-Length: 05\r\n"), 400},
        Row{"inner_space", post("Content-Length: 5 5\r\n"), 400},
        Row{"equal_twice", post("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
        Row{"differing", post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
        Row{"too_long", post("Content-Length: 8388609\r\n"), 413},
        Row{"max64", post("Content-Length: 18446744073709551615\r\n"), 413}),
    row_name);

INSTANTIATE_TEST_SUITE_P(Host, Rejected,
                         testing::Values(Row{"none", "GET / HTTP/1.1\r\n\r\n", 400},
                                         Row{"two", post("Host: b\r\n"), 400},
                                         Row{"slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
                                         Row{"question", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400},
                                         Row{"hash", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", 400},
                                         Row{"user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
                                         Row{"space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
                                         Row{"empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400}),
                         row_name);

INSTANTIATE_TEST_SUITE_P(
    Lines, Rejected,
    testing::Values(
        Row{"obs_fold", post("X: a\r\n b\r\n"), 400}, Row{"obs_fold_tab", post("X: a\r\n\tb\r\n"), 400},
        Row{"bare_lf", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        Row{"bare_lf_in_field", post("X: a\nY: b\r\n"), 400}, Row{"bare_cr", post("X: a\rY: b\r\n"), 400},
        Row{"nul", post(std::string("X: a\0b\r\n", 8)), 400}, Row{"bell", post("X: a\ab\r\n"), 400},
        Row{"space_before_colon", post("Content-Length : 5\r\n"), 400}, Row{"no_name", post(": 5\r\n"), 400},
        Row{"no_colon", post("X\r\n"), 400}, Row{"http12", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400},
        Row{"lower_case_version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
        Row{"no_version", "GET /\r\nHost: a\r\n\r\n", 400},
        Row{"two_spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Row{"space_in_target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Row{"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Row{"authority_form", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Row{"connect", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        Row{"two_empty_lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Row{"expectation", post("Expect: something\r\n"), 417}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Size, Rejected,
    testing::Values(Row{"request_line", "GET /" + std::string(8 << 10, 'a'), 414},
                    Row{"header", post("X: " + std::string(16 << 10, 'a') + "\r\n"), 431},
                    Row{"endless_field", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(16 << 10, 'a'),
                        431},
                    Row{"fields", many_fields(101), 431}),
    row_name);

TEST(Framing, AcceptsWhatIsAtTheLimits) {
    EXPECT_EQ(read(many_fields(100), 1 << 20).status, 0);
    const std::string line = "GET /" + std::string((8 << 10) - 14, 'a') + " HTTP/1.1";
    ASSERT_EQ(line.size(), size_t{8 << 10});
    HttpRequest request;
    EXPECT_EQ(read(line + "\r\nHost: a\r\n\r\n", 1 << 20, &request).status, 0);
    EXPECT_EQ(request.path.size(), size_t{(8 << 10) - 13});
    EXPECT_EQ(read(post("Content-Length: 8388608\r\n"), 1 << 20).status, 0);
}

TEST(Framing, ReadsAnOrdinaryRequest) {
    HttpRequest request;
    const std::string bytes =
        "\r\nPOST /v1/chat/completions?beta=true HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Type:\t "
        "application/json \r\n"
        "EXPECT: 100-Continue\r\nContent-Length: 12\r\nConnection: Upgrade, close\r\n\r\nnext";
    for (const size_t step : {bytes.size(), size_t{1}}) {
        ASSERT_EQ(read(bytes, step, &request).status, 0);
        EXPECT_EQ(request.method, "POST");
        EXPECT_EQ(request.path, "/v1/chat/completions");
        EXPECT_EQ(request.query, "beta=true");
        EXPECT_EQ(request.field("content-type"), "application/json");
        EXPECT_EQ(request.body_kind, BodyKind::length);
        EXPECT_EQ(request.content_length, 12u);
        EXPECT_TRUE(request.expects_continue);
        EXPECT_FALSE(request.keep_alive);
    }
}

TEST(Framing, AbsoluteFormIsAPath) {
    HttpRequest request;
    ASSERT_EQ(read("GET http://a/health?x HTTP/1.1\r\nHost: a\r\n\r\n", 1000, &request).status, 0);
    EXPECT_EQ(request.path, "/health");
    ASSERT_EQ(read("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 1000, &request).status, 0);
    EXPECT_EQ(request.path, "/");
}

TEST(Framing, Http10ClosesUnlessAsked) {
    HttpRequest request;
    ASSERT_EQ(read("GET / HTTP/1.0\r\n\r\n", 1000, &request).status, 0);
    EXPECT_FALSE(request.keep_alive);
    ASSERT_EQ(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1000, &request).status, 0);
    EXPECT_TRUE(request.keep_alive);
}

TEST(Framing, ForeignGreetings) {
    const std::string http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (const size_t step : {http2.size(), size_t{1}}) {
        EXPECT_EQ(read(http2, step).state, HeadScanner::State::foreign);
        EXPECT_NE(read(http2, step).greeting.find("HTTP/2"), std::string::npos);
    }
    EXPECT_NE(read(std::string("\x16\x03\x01\x02\x00\x01", 6), 6).greeting.find("TLS"), std::string::npos);
}

}  // namespace
}  // namespace sluice::net
