// Quantised activations, experts and the whole mixture in simulation: the bits of the CPU in every order, and
// as close to the formula as rounding activations to 8 bits allows.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/cpu/isa.h"
#include "tests/kernels/cuda/moe_cases.h"

namespace sluice::kernels {
namespace {

using test::ExpertCase, test::MoeCase, test::RouteCase;

test::Finding examine(const auto& c) {
    return test::examine([&](cuda::sim::Simulator& device) { return c.run(device); }, c.oracle());
}

// Quantised by the device, with the bytes that neither side writes made equal.
class CudaQuantise : public testing::TestWithParam<std::tuple<cpu::ActFormat, int, int>> {
  public:
    static constexpr size_t kUnused = offsetof(cpu::Act256, unused);

    static void blank_unused(cpu::ActFormat format, test::Bits& bits) {
        if (format != cpu::ActFormat::blocks_256) return;
        for (size_t at = 0; at < bits.size(); at += sizeof(cpu::Act256))
            std::fill_n(bits.begin() + static_cast<std::ptrdiff_t>(at + kUnused), 12, std::byte{0});
    }
};

TEST_P(CudaQuantise, gives_the_bytes_of_the_cpu_in_every_order) {
    const auto [format, rows, cols] = GetParam();
    std::mt19937 rng(static_cast<uint32_t>(rows + cols));
    auto x = test::gaussian(rng, int64_t{rows} * cols), up = test::gaussian(rng, int64_t{rows} * cols);
    std::fill_n(x.begin(), 32, 0.0f);  // an empty block
    x[40 % x.size()] = 1e-33f;
    x[x.size() - 1] = 1e20f;
    const auto bytes = cpu::act_bytes(format, cols);
    for (const bool gated : {false, true}) {
        std::vector<float> values = x;
        if (gated) cpu::isa_scalar().silu_mul(x.data(), up.data(), values.data(), std::ssize(x));
        const auto quantise = format == cpu::ActFormat::blocks_32 ? cpu::isa_scalar().quantise_32
                                                                  : cpu::isa_scalar().quantise_256;
        test::Bits oracle(static_cast<size_t>(rows) * bytes);
        auto* store = static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
        for (int r = 0; r < rows; ++r) {
            quantise(values.data() + int64_t{r} * cols, cols, store);
            std::copy_n(store, bytes,
                        oracle.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(r) * bytes));
        }
        std::free(store);
        blank_unused(format, oracle);
        const test::Finding found = test::examine(
            [&, f = format, n = rows, k = cols](cuda::sim::Simulator& device) {
                const auto y = device.output<std::byte>("y", n * static_cast<int64_t>(bytes));
                cuda::quantise(device, f,
                               {device.input("x", x), gated ? device.input("up", up) : nullptr, y, n, k});
                test::Bits bits;
                test::append(bits, y, n * static_cast<int64_t>(bytes));
                blank_unused(f, bits);
                return bits;
            },
            oracle);
        EXPECT_EQ(found.by, "nothing") << found.message;
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaQuantise,
                         testing::Values(std::tuple{cpu::ActFormat::blocks_32, 1, 32},
                                         std::tuple{cpu::ActFormat::blocks_32, 7, 96},
                                         std::tuple{cpu::ActFormat::blocks_256, 1, 256},
                                         std::tuple{cpu::ActFormat::blocks_256, 5, 768}));

struct Shape {
    DType type;
    int tokens, experts, top_k, rows, cols;
};
void PrintTo(const Shape& s, std::ostream* out) {
    *out << test::name_of(s.type) << " " << s.tokens << " of " << s.experts << " by " << s.top_k << ", "
         << s.rows << " x " << s.cols;
}

class CudaExperts : public testing::TestWithParam<Shape> {
  public:
    static ExpertCase make(bool shared_x) {
        const Shape& s = GetParam();
        return {s.type, RouteCase(s.tokens, s.experts, s.top_k), s.rows, s.cols, shared_x};
    }
};

TEST_P(CudaExperts, give_the_bits_of_the_cpu_in_every_order) {
    for (const bool many : {false, true}) {
        ExpertCase c = make(many);
        c.many = many;
        const test::Finding found = examine(c);
        EXPECT_EQ(found.by, "nothing") << (many ? "gemm: " : "gemv: ") << found.message;
        // In double: of the rounded activations only f32 rounding is left, of x also that to 8 bits.
        const auto y = test::values_of<float>(found.bits, 0, int64_t{c.slots()} * c.rows);
        const auto oracle = make_reference_backend();
        EXPECT_LE(test::nmse(y, c.on(*oracle, test::rounded(c.x, c.cols, c.type))), 1e-12);
        if (y.size() > 1) {  // one number may be unlucky
            EXPECT_LE(test::nmse(y, c.on(*oracle, c.x)), 5e-4);
        }
    }
}

// One row to 64 in all; experts with none, with one, with more than a warp takes at a time.
INSTANTIATE_TEST_SUITE_P(
    Shapes, CudaExperts,
    testing::Values(Shape{DType::q8_0, 1, 4, 1, 1, 32}, Shape{DType::q8_0, 3, 8, 2, 17, 96},
                    Shape{DType::q8_0, 1, 1, 1, 33, 1056}, Shape{DType::q8_0, 64, 3, 1, 6, 64},
                    Shape{DType::q8_0, 13, 2, 2, 20, 2080}, Shape{DType::q4_k, 1, 4, 1, 1, 256},
                    Shape{DType::q4_k, 3, 8, 2, 17, 768}, Shape{DType::q4_k, 64, 3, 1, 6, 256},
                    Shape{DType::q4_k, 9, 2, 2, 20, 1280}));

class CudaMoeFfn : public testing::TestWithParam<Shape> {
  public:
    static MoeCase make() {
        const Shape& s = GetParam();
        return {s.type, RouteCase(s.tokens, s.experts, s.top_k), s.rows, s.cols};
    }
};

TEST_P(CudaMoeFfn, gives_the_bits_of_the_cpu_in_every_order) {
    const MoeCase c = make();
    const test::Finding found = examine(c);
    EXPECT_EQ(found.by, "nothing") << found.message;
    const auto y = test::values_of<float>(found.bits, 0, std::ssize(c.y));
    // Two roundings of activations, one behind the other.
    EXPECT_LE(test::nmse(y, c.on(*make_reference_backend())), 2e-4);
}

TEST_P(CudaMoeFfn, a_token_does_not_depend_on_its_batch) {
    const MoeCase all = make();
    if (all.route.tokens == 0) return;
    MoeCase last = all;
    last.route.tokens = 1;
    last.route.logits.assign(all.route.logits.end() - all.route.experts, all.route.logits.end());
    last.x.assign(all.x.end() - all.hidden, all.x.end());
    last.y.assign(all.y.end() - all.hidden, all.y.end());
    cuda::sim::Simulator one({}), many({});
    const test::Bits alone = last.run(one), batch = all.run(many);
    EXPECT_TRUE(std::equal(alone.rbegin(), alone.rend(), batch.rbegin()));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, CudaMoeFfn,
    testing::Values(Shape{DType::q8_0, 0, 4, 2, 64, 32}, Shape{DType::q8_0, 1, 8, 2, 96, 64},
                    Shape{DType::q8_0, 21, 6, 3, 64, 96}, Shape{DType::q8_0, 33, 4, 2, 32, 32},
                    Shape{DType::q4_k, 1, 8, 2, 256, 256}, Shape{DType::q4_k, 3, 5, 2, 256, 512}));

}  // namespace
}  // namespace sluice::kernels
