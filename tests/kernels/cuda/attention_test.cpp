// Embedding, RoPE with the KV write, and paged attention in simulation: the bits of the CPU in every order.
#include <gtest/gtest.h>

#include "tests/kernels/cuda/attention_cases.h"

namespace sluice::kernels {
namespace {

using test::AttentionCase, test::RopeCase;

test::Finding examine(const auto& c) {
    return test::examine([&](cuda::sim::Simulator& device) { return c.run(device); }, c.oracle());
}

class CudaEmbed : public testing::TestWithParam<DType> {};

TEST_P(CudaEmbed, gives_the_bits_of_the_cpu_in_every_order) {
    std::mt19937 rng(3);
    const test::Matrix table = test::random_matrix(rng, GetParam(), 5, 768);
    const std::vector<int32_t> tokens = {4, 0, 0, 3};
    std::vector<float> y(tokens.size() * 768);
    test::scalar_cpu()->embed({table.view(), tokens, y.data()});
    test::Bits oracle;
    test::append(oracle, y);
    const test::Finding found = test::examine(
        [&](cuda::sim::Simulator& device) {
            const auto out = device.output<float>("y", std::ssize(y));
            cuda::embed(device, GetParam(),
                        {device.input("table", table.bytes), device.input("tokens", tokens), out, 4, 768});
            test::Bits bits;
            test::append(bits, out, std::ssize(y));
            return bits;
        },
        oracle);
    EXPECT_EQ(found.by, "nothing") << found.message;
}

INSTANTIATE_TEST_SUITE_P(Types, CudaEmbed,
                         testing::Values(DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_k),
                         [](const auto& test_info) { return test::name_of(test_info.param); });

struct Shape {
    DType type;
    int heads, kv_heads, dim;
    std::vector<int32_t> lengths;
};
void PrintTo(const Shape& s, std::ostream* out) {
    *out << test::name_of(s.type) << " " << s.heads << "/" << s.kv_heads << " heads of " << s.dim;
    for (const int32_t n : s.lengths) *out << ", " << n;
}

class CudaRopeKv : public testing::TestWithParam<Shape> {};

TEST_P(CudaRopeKv, gives_the_bits_of_the_cpu_in_every_order) {
    const Shape& s = GetParam();
    RopeCase c(s.type, s.heads, s.kv_heads, s.dim, s.lengths);
    for (const int variant : {0, 1, 2}) {
        c.normed = variant != 1;
        c.interleaved = variant == 2;
        c.rope_dim = variant == 1 ? s.dim / 2 : s.dim;
        const test::Finding found = examine(c);
        EXPECT_EQ(found.by, "nothing") << found.message;
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaRopeKv,
                         testing::Values(Shape{DType::f16, 4, 2, 128, {1, 33, 32}},
                                         Shape{DType::bf16, 3, 1, 24, {40}},
                                         Shape{DType::f32, 2, 2, 80, {5, 64}}));

class CudaAttention : public testing::TestWithParam<Shape> {
  public:
    static AttentionCase make() {
        const Shape& s = GetParam();
        return {s.type, s.heads, s.kv_heads, s.dim, s.lengths};
    }
};

TEST_P(CudaAttention, gives_the_bits_of_the_cpu_in_every_order) {
    const AttentionCase c = make();
    const test::Finding found = examine(c);
    EXPECT_EQ(found.by, "nothing") << found.message;
    // The same rounded keys and values, in double: what is left is f32 rounding and exp.
    const auto y = test::values_of<float>(found.bits, 0, std::ssize(c.q));
    EXPECT_LE(test::nmse(y, c.on(*make_reference_backend())), 1e-11);
}

TEST_P(CudaAttention, a_sequence_does_not_depend_on_its_batch) {
    const AttentionCase all = make();
    AttentionCase last = all;
    last.lengths = {all.lengths.back()};
    last.q.assign(all.q.end() - all.heads * all.dim, all.q.end());
    last.positions = {all.positions.back()};
    last.table_begin = {all.table_begin.back()};
    cuda::sim::Simulator one({}), many({});
    const test::Bits alone = last.run(one), batch = all.run(many);
    EXPECT_TRUE(std::equal(alone.rbegin(), alone.rend(), batch.rbegin()));
}

// Sequences within a block of tokens, at its edges, and over one split and its edge; groups of one to twelve.
INSTANTIATE_TEST_SUITE_P(Shapes, CudaAttention,
                         testing::Values(Shape{DType::f16, 4, 2, 128, {1, 31, 32, 33}},
                                         Shape{DType::f16, 2, 1, 64, {700, 256, 257}},
                                         Shape{DType::bf16, 3, 3, 24, {5, 100}},
                                         Shape{DType::f32, 12, 1, 80, {290}}));

}  // namespace
}  // namespace sluice::kernels
