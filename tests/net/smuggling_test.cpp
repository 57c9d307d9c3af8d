// Requests that two parsers could read differently, each followed by a second one that must never be
// answered.
#include "tests/net/server_fixture.h"

namespace sluice::test {
namespace {

struct Row {
    const char* name;
    std::string bytes;
    int status;
};

std::string with(const std::string& fields, const std::string& body = "",
                 const std::string& version = "HTTP/1.1") {
    return "POST /v1/completions " + version + "\r\nHost: a\r\n" + fields + "\r\n" + body;
}
const std::string kSecret = "GET /health HTTP/1.1\r\nHost: a\r\nx-request-id: smuggled\r\n\r\n";

class Smuggling : public ServerTest, public testing::WithParamInterface<Row> {};

TEST_P(Smuggling, IsAnsweredOnceAndClosed) {
    start();
    RawClient client(port);
    client.send(GetParam().bytes + kSecret);
    const Answer answer = read_answer(client);
    EXPECT_EQ(answer.status(), GetParam().status);
    EXPECT_EQ(answer.raw.field("Connection"), "close");
    EXPECT_FALSE(answer.error("message").empty());
    EXPECT_TRUE(client.closed()) << "more than one answer";
    EXPECT_EQ(get("/health").status(), 200);
}

std::string row_name(const testing::TestParamInfo<Row>& row) {
    return row.param.name;
}

std::string many_fields(int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += "a:\r\n";
    return out;
}

INSTANTIATE_TEST_SUITE_P(
    TransferEncoding, Smuggling,
    testing::Values(Row{"identity", with("Transfer-Encoding: identity\r\n"), 501},
                    Row{"xchunked", with("Transfer-Encoding: xchunked\r\n"), 501},
                    Row{"quoted", with("Transfer-Encoding: \"chunked\"\r\n"), 501},
                    Row{"nbsp",
                        with("Transfer-Encoding: \xa0"
                             "chunked\r\n"),
                        501},
                    Row{"empty", with("Transfer-Encoding:\r\n"), 501},
                    Row{"twice", with("Transfer-Encoding: chunked, chunked\r\n"), 501},
                    Row{"then_identity", with("Transfer-Encoding: chunked, identity\r\n"), 501},
                    Row{"leading_comma", with("Transfer-Encoding: ,chunked\r\n"), 501},
                    Row{"trailing_comma", with("Transfer-Encoding: chunked,\r\n"), 501},
                    Row{"parameter", with("Transfer-Encoding: chunked;q=1\r\n"), 501},
                    Row{"gzip", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
                    Row{"identity_and_chunked",
                        with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), 400},
                    Row{"identity_then_length",
                        with("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "abcde"), 400},
                    Row{"length_then_chunked",
                        with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
                    Row{"chunked_then_length",
                        with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
                    Row{"http10", with("Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "HTTP/1.0"), 400},
                    Row{"folded", with("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    ContentLength, Smuggling,
    testing::Values(Row{"plus", with("Content-Length: +5\r\n", "abcde"), 400},
                    Row{"minus", with("Content-Length: -1\r\n"), 400},
                    Row{"hex", with("Content-Length: 0x5\r\n", "abcde"), 400},
                    Row{"empty", with("Content-Length:\r\n"), 400},
                    Row{"beyond64", with("Content-Length: 18446744073709551616\r\n"), 400},
                    Row{"comma", with("Content-Length: 5,\r\n", "abcde"), 400},
                    Row{"list", with("Content-Length: 5, 5\r\n", "abcde"), 400},
                    Row{"leading_zero", with("Content-Length: 05\r\n", "abcde"), 400},
                    Row{"twice_equal", with("Content-Length: 5\r\nContent-Length: 5\r\n", "abcde"), 400},
                    Row{"differing", with("Content-Length: 5\r\nContent-Length: 0\r\n", "abcde"), 400}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Head, Smuggling,
    testing::Values(Row{"no_host", "GET /health HTTP/1.1\r\n\r\n", 400},
                    Row{"two_hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
                    Row{"host_slash", "GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
                    Row{"host_question", "GET /health HTTP/1.1\r\nHost: a?b\r\n\r\n", 400},
                    Row{"host_hash", "GET /health HTTP/1.1\r\nHost: a#b\r\n\r\n", 400},
                    Row{"obs_fold", with("X: a\r\n b\r\n"), 400},
                    Row{"bare_lf", "GET /health HTTP/1.1\nHost: a\n\n", 400},
                    Row{"bare_cr", with("X: a\rb\r\n"), 400},
                    Row{"nul", with(std::string("X: a\0b\r\n", 8)), 400},
                    Row{"space_before_colon", with("Content-Length : 5\r\n", "abcde"), 400},
                    Row{"http12", "GET /health HTTP/1.2\r\nHost: a\r\n\r\n", 400},
                    Row{"lower_case", "GET /health http/1.1\r\nHost: a\r\n\r\n", 400},
                    Row{"fields", with(many_fields(1500)), 431},
                    Row{"connect", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Chunks, Smuggling,
    testing::Values(
        Row{"extension", with("Transfer-Encoding: chunked\r\n", "1;" + std::string(300, 'x') + "\r\na\r\n"),
            400},
        Row{"hex_prefix", with("Transfer-Encoding: chunked\r\n", "0x5\r\nabcde\r\n0\r\n\r\n"), 400},
        Row{"plus_size", with("Transfer-Encoding: chunked\r\n", "+5\r\nabcde\r\n0\r\n\r\n"), 400},
        Row{"underscore", with("Transfer-Encoding: chunked\r\n", "0_2e\r\n"), 400},
        Row{"no_size", with("Transfer-Encoding: chunked\r\n", "\r\n"), 400},
        Row{"overflow", with("Transfer-Encoding: chunked\r\n", "10000000000000000\r\n"), 400},
        Row{"bare_lf_size", with("Transfer-Encoding: chunked\r\n", "5\nabcde\r\n0\r\n\r\n"), 400},
        Row{"bare_lf_data", with("Transfer-Encoding: chunked\r\n", "5\r\nabcde\n0\r\n\r\n"), 400}),
    row_name);

class FramingTest : public ServerTest {};

TEST_F(FramingTest, ExtensionsCountAgainstTheWire) {
    net::Limits limits;
    limits.body_bytes = 1000;
    limits.header_bytes = 1000;
    start(limits);
    RawClient client(port);
    std::string body;
    for (int i = 0; i < 100; ++i) body += "1;" + std::string(200, 'x') + "\r\n \r\n";
    client.send(http_request("POST", kCompletions, "Transfer-Encoding: chunked\r\n") + body);
    EXPECT_EQ(client.read_response().status, 413);
    EXPECT_TRUE(client.closed());
}

TEST_F(FramingTest, TrailersAreNoFields) {
    start();
    const std::string body = R"({"model":"default","prompt":"ab"})";
    RawClient client(port);
    client.send(http_request("POST", kCompletions, "Transfer-Encoding: chunked\r\n") + "21\r\n" + body +
                "\r\n0\r\nx-request-id: late\r\nConnection: close\r\n\r\n" + http_request("GET", "/health"));
    const RawResponse first = client.read_response();
    EXPECT_EQ(first.status, 200) << first.body;
    EXPECT_TRUE(first.field("x-request-id").starts_with("req-"));
    EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(FramingTest, AnEmptyLineBeforeTheRequestIsSkipped) {
    start();
    EXPECT_EQ(ask("\r\n" + http_request("GET", "/health")).status(), 200);
}

TEST_F(FramingTest, ForeignGreetingsAreClosedWithoutAWord) {
    start();
    const std::string http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(9, '\0');
    const std::string tls =
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(64, 'x');
    for (const std::string& greeting : {http2, tls}) {
        RawClient client(port);
        client.send(greeting);
        EXPECT_TRUE(client.closed());
    }
}

TEST_F(FramingTest, RequestLineTooLong) {
    start();
    EXPECT_EQ(ask(http_request("GET", "/" + std::string(9000, 'a'))).status(), 414);
    EXPECT_EQ(ask(http_request("GET", "/", "X: " + std::string(17'000, 'a') + "\r\n")).status(), 431);
}

}  // namespace
}  // namespace sluice::test
