#include "net/chunked.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::net {
namespace {

struct Outcome {
    int status;  // 0: not refused
    bool done;
    std::string body;
    size_t used;
};

Outcome decode(const std::string& wire, size_t step, const Limits& limits = {}) {
    ChunkDecoder decoder(limits);
    Outcome out{0, false, {}, 0};
    while (out.used < wire.size() && !decoder.done() && !decoder.rejection()) {
        const std::string_view bytes = std::string_view(wire).substr(out.used, step);
        const size_t used = decoder.feed(bytes, out.body);
        out.used += used;
        if (used < bytes.size()) break;
    }
    out.done = decoder.done();
    if (decoder.rejection()) out.status = decoder.rejection()->status;
    return out;
}

TEST(Chunked, SplitAnywhere) {
    const std::string wire =
        "5\r\nhello\r\n00A;name=\"v\"\r\n, chunked!\r\n0\r\nAuthorization: x\r\nB: c\r\n\r\nGET /";
    for (size_t step = 1; step <= wire.size(); ++step) {
        const Outcome out = decode(wire, step);
        ASSERT_EQ(out.status, 0) << step;
        EXPECT_TRUE(out.done);
        EXPECT_EQ(out.body, "hello, chunked!");
        EXPECT_EQ(wire.substr(out.used), "GET /") << "what follows belongs to the next request";
    }
}

TEST(Chunked, EmptyBody) {
    const Outcome out = decode("0\r\n\r\n", 100);
    EXPECT_TRUE(out.done);
    EXPECT_EQ(out.body, "");
}

struct Row {
    const char* name;
    std::string wire;
    int status;
};
std::string row_name(const testing::TestParamInfo<Row>& row) {
    return row.param.name;
}

class ChunkRejected : public testing::TestWithParam<Row> {};

TEST_P(ChunkRejected, WholeAndByteByByte) {
    for (const size_t step : {GetParam().wire.size(), size_t{1}}) {
        const Outcome out = decode(GetParam().wire, step);
        EXPECT_EQ(out.status, GetParam().status) << "step " << step;
        EXPECT_FALSE(out.done);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table, ChunkRejected,
    testing::Values(Row{"hex_prefix", "0x5\r\nhello\r\n0\r\n\r\n", 400}, Row{"plus", "+5\r\nhello\r\n", 400},
                    Row{"minus", "-5\r\nhello\r\n", 400}, Row{"underscore", "0_2e\r\n", 400},
                    Row{"empty_size", "\r\nhello\r\n", 400}, Row{"space", " 5\r\nhello\r\n", 400},
                    Row{"space_after", "5 \r\nhello\r\n", 400}, Row{"overflow", "fffffffffffffffff\r\n", 400},
                    Row{"wraps", "10000000000000005\r\nhello\r\n", 400}, Row{"too_long", "800001\r\n", 413},
                    Row{"bare_lf_size", "5\nhello\r\n", 400},
                    Row{"bare_lf_data", "5\r\nhello\n0\r\n\r\n", 400}, Row{"bare_cr", "5\rhello\r\n", 400},
                    Row{"too_much_data", "5\r\nhello!\r\n", 400},
                    Row{"extension_lf", "5;a\nb\r\nhello\r\n", 400},
                    Row{"extension_nul", std::string("5;a\0\r\nhello\r\n", 13), 400},
                    Row{"extension_long", "5;" + std::string(257, 'x') + "\r\nhello\r\n", 400},
                    Row{"trailer_lf", "0\r\nA: b\n\r\n", 400},
                    Row{"trailers_long", "0\r\nA: " + std::string(16 << 10, 'x') + "\r\n\r\n", 431}),
    row_name);

TEST(Chunked, ExtensionAtTheLimit) {
    EXPECT_TRUE(decode("5;" + std::string(256, 'x') + "\r\nhello\r\n0\r\n\r\n", 64).done);
}

TEST(Chunked, WireBytesAreBounded) {
    Limits limits;
    limits.body_bytes = 10'000;
    limits.header_bytes = 1'000;
    std::string wire;
    for (int i = 0; i < 1'000; ++i) wire += "1;" + std::string(200, 'e') + "\r\nx\r\n";
    const Outcome out = decode(wire + "0\r\n\r\n", 4096, limits);
    EXPECT_EQ(out.status, 413);
    EXPECT_LE(out.used, size_t{21'001}) << "2 x body + header, and the byte that was too much";
}

TEST(Chunked, OneByteChunksCostTheirFrames) {
    Limits limits;
    limits.body_bytes = 10'000;
    limits.header_bytes = 1'000;
    std::string wire;
    for (int i = 0; i < 9'000; ++i) wire += "1\r\nx\r\n";
    EXPECT_EQ(decode(wire + "0\r\n\r\n", 4096, limits).status, 413) << "9 kB of body in 54 kB";
}

TEST(Chunked, BodyLimitAddsUpOverChunks) {
    Limits limits;
    limits.body_bytes = 8;
    EXPECT_TRUE(decode("4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n", 3, limits).done);
    EXPECT_EQ(decode("4\r\nabcd\r\n4\r\nefgh\r\n1\r\ni\r\n0\r\n\r\n", 3, limits).status, 413);
}

}  // namespace
}  // namespace sluice::net
